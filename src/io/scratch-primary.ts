/**
 * The primary of a scratch server: answers the one replica that knows the secret, sends it a snapshot and
 * then commands, and hears how far it has got.
 *
 * A replica is what a server must be to do what an AOF says: then, as while it loads its own AOF, it lets no
 * key or field expire, takes deadlines that have passed, and takes forms that only a primary may send. The
 * snapshot goes as in a diskless sync: `$EOF:<40 bytes>`, the RDB, the same 40 bytes.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ReplicantError } from '../errors.js';
import { isWord } from '../keyspace/words.js';
import { encodeCommand } from '../resp/encode.js';
import { RequestReader } from './scratch-requests.js';

const REPLID_BYTES = 20;
/** So much may wait for the server before more is made. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
const GETACK = encodeCommand(['REPLCONF', 'GETACK', '*']);
/** The link stays up while the server's snapshot is read: without this it would be taken for dead. */
const PING_MS = 10_000;
const PING = encodeCommand(['PING']);

interface Waiting {
  readonly until: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class ScratchPrimary {
  /** What the replica must say to be let in: the port is open to everybody on this machine. */
  readonly secret: string = randomBytes(REPLID_BYTES).toString('hex');
  readonly #mark = Buffer.from(randomBytes(REPLID_BYTES).toString('hex'));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<Waiting>();
  #replica: Socket | undefined;
  #failure: unknown;
  #streaming = false;
  /** Bytes of the stream sent, and applied there; -1: the snapshot is not loaded. */
  #sent = 0;
  #applied = -1;
  #ping: NodeJS.Timeout | undefined;

  private constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(): Promise<ScratchPrimary> {
    const primary = new ScratchPrimary();
    await new Promise<void>((resolve, reject) => {
      primary.#server.once('error', reject);
      primary.#server.listen(0, '127.0.0.1', resolve);
    });
    return primary;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The replica has asked for a snapshot. */
  ready(): Promise<void> {
    return this.#wait(() => this.#replica !== undefined);
  }

  beginSnapshot(): void {
    const replid = randomBytes(REPLID_BYTES).toString('hex');
    this.#write(Buffer.from(`+FULLRESYNC ${replid} 0\r\n$EOF:${this.#mark.toString()}\r\n`));
  }

  snapshot(bytes: Uint8Array): void {
    this.#write(bytes);
  }

  /** Resolves when it has been loaded: the stream must wait, as what comes with the mark may be lost. */
  async endSnapshot(): Promise<void> {
    this.#streaming = true;
    this.#write(this.#mark);
    await this.#wait(() => this.#applied >= 0);
  }

  /** Bytes of the stream; they must not change any more. */
  commands(bytes: Uint8Array): void {
    this.#sent += bytes.length;
    this.#write(bytes);
  }

  /** What must be waited for before more is sent; undefined: nothing. */
  drain(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const room = (): boolean => (this.#replica?.writableLength ?? 0) < MOST_WAITING_BYTES;
    return room() ? undefined : this.#wait(room);
  }

  /** Everything sent has been applied; not to be asked inside a transaction. */
  async applied(): Promise<void> {
    const target = this.#sent;
    this.commands(GETACK);
    await this.#wait(() => this.#applied >= target);
    this.#ping ??= setInterval(() => this.commands(PING), PING_MS).unref();
  }

  /** Everybody who waits is told. */
  fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting) reject(this.#failure);
    this.#waiting.clear();
  }

  close(): void {
    clearInterval(this.#ping);
    this.fail(new ReplicantError('INTERNAL', 'the scratch primary was closed'));
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  // ---- the connection ------------------------------------------------------------------------------------

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    let known = false;
    const requests = new RequestReader();
    socket.on('data', (bytes: Buffer) => {
      for (const args of requests.push(bytes)) {
        const [name = new Uint8Array(0), first] = args;
        if (isWord(name, 'AUTH')) known = Buffer.from(args.at(-1) ?? []).toString() === this.secret;
        if (isWord(name, 'PSYNC') && known) this.#adopt(socket);
        else if (isWord(name, 'REPLCONF') && first !== undefined && isWord(first, 'ACK')) {
          if (socket === this.#replica) this.#acknowledged(Number(Buffer.from(args[2] ?? []).toString()));
        } else socket.write(answer(name, known));
      }
    });
    socket.on('drain', () => this.#look());
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (socket === this.#replica) this.fail(broken('the scratch server has ended the connection'));
    });
  }

  #adopt(socket: Socket): void {
    if (this.#replica === undefined) {
      this.#replica = socket;
      this.#look();
    } else {
      this.fail(broken('the scratch server did not take the snapshot'));
    }
  }

  #acknowledged(offset: number): void {
    if (this.#streaming) this.#applied = offset;
    this.#look();
  }

  #write(bytes: Uint8Array): void {
    if (this.#failure === undefined) this.#replica?.write(bytes);
  }

  #wait(until: () => boolean): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (until()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.add({ until, resolve, reject }));
  }

  #look(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.until()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }
}

function answer(name: Uint8Array, known: boolean): string {
  if (isWord(name, 'PING')) return '+PONG\r\n';
  if (isWord(name, 'AUTH')) return known ? '+OK\r\n' : '-WRONGPASS\r\n';
  return known ? '+OK\r\n' : '-NOAUTH Authentication required.\r\n';
}

function broken(message: string): ReplicantError {
  return new ReplicantError('RDB_UNSUPPORTED', message);
}
