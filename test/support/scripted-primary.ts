/**
 * A primary that does what a test tells it: a TCP server which answers questions like a quiet Redis 7.2, and
 * from PSYNC (or SYNC) on leaves each connection to the test's own script. It writes down what it was told.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../src/net/endpoint.js';

export const REPLID: string = 'a'.repeat(40);
export const OTHER_REPLID: string = 'b'.repeat(40);
export const MARK: string = '0123456789'.repeat(4);

export interface Ack {
  readonly offset: number;
  readonly atMs: number;
}

/** What a connection's script may do once it has been asked to replicate. */
export interface Link {
  /** Every command before PSYNC, in order, as words. */
  readonly greeting: readonly string[];
  /** The command that made this a link: `PSYNC ? -1`. */
  readonly asked: string;
  /** Acknowledgements so far. */
  readonly acks: readonly Ack[];
  /** Bare newlines received so far. */
  readonly newlines: number;
  readonly closed: boolean;
  send(...pieces: readonly (string | Uint8Array)[]): Promise<void>;
  /** Each piece of so many bytes in a packet of its own. */
  trickle(bytes: Uint8Array, size: number): Promise<void>;
  /** Ends the connection after what has been sent. */
  cut(): Promise<void>;
  /** Resolves with the first acknowledgement from now on (or since `from`) that fits. */
  ack(fits?: (ack: Ack) => boolean, from?: number): Promise<Ack>;
}

export type LinkScript = (link: Link) => Promise<unknown>;
/** The reply line, CLOSE to end the connection, or undefined for the usual answer. */
export type Answer = (args: readonly string[]) => string | undefined;
export const CLOSE: string = 'close';

export interface PrimaryScript {
  /** One per link, in order; the last one is used again. */
  readonly links: readonly LinkScript[];
  readonly answer?: Answer;
  /** Called for every byte instead of anything else: a server of another kind. */
  readonly raw?: (socket: Socket, bytes: Buffer) => void;
  /** What INFO tells as master_repl_offset and master_replid. */
  readonly offset?: () => number;
  readonly replid?: () => string;
}

export interface ScriptedPrimary {
  readonly port: number;
  readonly endpoint: Endpoint;
  readonly url: string;
  readonly links: readonly Link[];
  /** Connections that were not links, as lists of commands. */
  readonly others: readonly (readonly string[])[];
  /** What a script threw. */
  readonly failures: readonly unknown[];
  close(): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const WAIT_MS = 20_000;

class Connection implements Link {
  readonly greeting: string[] = [];
  readonly acks: Ack[] = [];
  asked = '';
  newlines = 0;
  closed = false;
  readonly #socket: Socket;
  readonly #script: PrimaryScript;
  readonly #linked: (link: Connection) => void;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, script: PrimaryScript, linked: (link: Connection) => void) {
    this.#socket = socket;
    this.#script = script;
    this.#linked = linked;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => (this.closed = true));
    socket.on('data', (bytes) => {
      if (script.raw !== undefined) script.raw(socket, bytes);
      else this.#received(bytes);
    });
  }

  async send(...pieces: readonly (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      if (this.closed) return;
      await new Promise<void>((resolve) => this.#socket.write(piece, () => resolve()));
    }
  }

  async trickle(bytes: Uint8Array, size: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      await this.send(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async cut(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.end(() => resolve()));
    this.#socket.destroySoon();
  }

  async ack(fits: (ack: Ack) => boolean = () => true, from: number = this.acks.length): Promise<Ack> {
    const deadline = Date.now() + WAIT_MS;
    while (Date.now() < deadline) {
      const found = this.acks.slice(from).find(fits);
      if (found !== undefined) return found;
      if (this.closed) throw new Error('the link was closed while an ACK was waited for');
      await pause(2);
    }
    throw new Error(`no such ACK; there were ${JSON.stringify(this.acks.map(({ offset }) => offset))}`);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      if (this.#buffer[0] === 0x0a) {
        this.newlines++;
        this.#buffer = this.#buffer.subarray(1);
        continue;
      }
      const parsed = parseCommand(this.#buffer);
      if (parsed === undefined) return;
      this.#buffer = this.#buffer.subarray(parsed.bytes);
      this.#commanded(parsed.args);
    }
  }

  #commanded(args: readonly string[]): void {
    const name = args[0]?.toUpperCase() ?? '';
    if (name === 'REPLCONF' && args[1]?.toUpperCase() === 'ACK') {
      this.acks.push({ offset: Number(args[2]), atMs: Date.now() });
      return;
    }
    const own = this.#script.answer?.(args);
    if (own === undefined && (name === 'PSYNC' || name === 'SYNC')) {
      this.asked = args.join(' ');
      this.#linked(this);
      return;
    }
    this.greeting.push(args.join(' '));
    if (own === CLOSE) this.#socket.end();
    else void this.send(own === undefined ? this.#usualAnswer(name, args) : `${own}\r\n`);
  }

  #usualAnswer(name: string, args: readonly string[]): string {
    switch (name) {
      case 'PING':
        return '+PONG\r\n';
      case 'INFO':
        return bulk(
          `# Server\r\nredis_version:7.2.0\r\nredis_mode:standalone\r\nrun_id:${'5'.repeat(40)}\r\nrole:master\r\nmaster_replid:${this.#script.replid?.() ?? ''}\r\nmaster_repl_offset:${this.#script.offset?.() ?? 0}\r\n`,
        );
      case 'TIME': {
        const now = Date.now();
        return `*2\r\n${bulk(String(Math.floor(now / 1000)))}${bulk(String((now % 1000) * 1000))}`;
      }
      case 'CONFIG':
        return `*2\r\n${bulk('databases')}${bulk('16')}`;
      case 'REPLCONF':
        return args[1] === 'version' ? '-ERR Unrecognized REPLCONF option: version\r\n' : '+OK\r\n';
      case 'AUTH':
      case 'CLIENT':
        return '+OK\r\n';
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  }
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

function parseCommand(bytes: Buffer): { readonly args: string[]; readonly bytes: number } | undefined {
  let at = 0;
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const text = bytes.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  const head = line();
  if (head === undefined) return undefined;
  const args: string[] = [];
  for (let left = Number(head.slice(1)); left > 0; left--) {
    const length = line();
    if (length === undefined) return undefined;
    const end = at + Number(length.slice(1));
    if (end + 2 > bytes.length) return undefined;
    args.push(bytes.toString('latin1', at, end));
    at = end + 2;
  }
  return { args, bytes: at };
}

export async function startScriptedPrimary(script: PrimaryScript): Promise<ScriptedPrimary> {
  const all: Connection[] = [];
  const links: Connection[] = [];
  const failures: unknown[] = [];
  const server: Server = createServer((socket) => {
    const connection = new Connection(socket, script, (link) => {
      const play = script.links[Math.min(links.length, script.links.length - 1)];
      links.push(link);
      play?.(link).catch((error: unknown) => failures.push(error));
    });
    all.push(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    endpoint: { address: { kind: 'tcp', host: '127.0.0.1', port } },
    url: `redis://127.0.0.1:${port}`,
    links,
    failures,
    get others() {
      return all.filter(({ asked }) => asked === '').map(({ greeting }) => greeting);
    },
    close: () => {
      for (const connection of all) connection.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

// ---- scripts that several tests share --------------------------------------------------------------------

/** A full resync with a marked (diskless) snapshot, up to the first acknowledgement. */
export async function fullResync(link: Link, rdb: Uint8Array, offset = 0, replid = REPLID): Promise<void> {
  await link.send(`+FULLRESYNC ${replid} ${offset}\r\n`, `$EOF:${MARK}\r\n`, rdb, MARK);
  await link.ack();
}

/** Stays open, silent. */
export async function hold(): Promise<void> {}
