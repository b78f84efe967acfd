/**
 * A connection to one server: a small pipelining client for the commands whose answers matter: greeting,
 * probing, polling. Replies come in order; every call has a deadline. `takeOver` turns the connection into a
 * raw byte channel for the write path, once nothing is pending.
 */
import type { Socket } from 'node:net';
import { ReplicantError } from '../errors.js';
import { type CommandArg, encodeCommand } from '../resp/encode.js';
import { type Reply, ReplyDecoder, ReplyError, replyText } from '../resp/reply-decoder.js';
import { type Endpoint, formatAddress } from './endpoint.js';
import { DENIED, openSocket, PROTOCOL, type Side, UNREACHABLE } from './socket.js';

const READ_BYTES = 64 * 1024;
const CONNECT_TIMEOUT_MS = 5000;
const CALL_TIMEOUT_MS = 10_000;

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export interface RawChannel {
  /** Bytes have come; valid during the call. */
  received(bytes: Uint8Array, start: number, end: number): void;
  /** The connection is over; called once. */
  closed(error: ReplicantError): void;
}

/** A connection to the server at the endpoint's `address`; what has to be looked for is `client.ts`'s business. */
export class Connection {
  readonly address: string;
  readonly #side: Side;
  readonly #decoder = new ReplyDecoder();
  readonly #waiting: Waiting[] = [];
  #socket: Socket | undefined;
  #raw: RawChannel | undefined;
  #closed: ReplicantError | undefined;

  private constructor(endpoint: Endpoint, side: Side) {
    this.address = formatAddress(endpoint.address);
    this.#side = side;
  }

  /** Connects, authenticates, and names the connection. `timeoutMs` is for each of these steps. */
  static async open(endpoint: Endpoint, side: Side, timeoutMs?: number): Promise<Connection> {
    const connection = new Connection(endpoint, side);
    const buffer = new Uint8Array(READ_BYTES);
    const socket = await openSocket(
      endpoint,
      side,
      { room: () => buffer, received: (count, where) => connection.#received(where, count) },
      timeoutMs ?? CONNECT_TIMEOUT_MS,
    );
    connection.#socket = socket;
    socket.on('error', (error) => connection.#fail(error.message));
    socket.on('close', () => connection.#fail('the connection was closed'));
    try {
      await connection.#greet(endpoint, timeoutMs);
    } catch (error) {
      connection.close();
      throw explainStranger(error);
    }
    return connection;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Sends a command; error replies come back as values. */
  request(args: readonly CommandArg[], timeoutMs: number = CALL_TIMEOUT_MS): Promise<Reply> {
    const socket = this.#socket;
    if (this.#closed !== undefined || socket === undefined) {
      return Promise.reject(this.#closed ?? new ReplicantError('INTERNAL', 'not connected'));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(`no answer to ${String(args[0])} within ${timeoutMs / 1000} s`),
        timeoutMs,
      );
      this.#waiting.push({ resolve, reject, timer });
      socket.write(encodeCommand(args));
    });
  }

  /** Sends a command; an error reply is thrown. */
  async call(...args: readonly CommandArg[]): Promise<Reply> {
    const reply = await this.request(args);
    if (reply instanceof ReplyError) throw this.refusal(String(args[0]), reply);
    return reply;
  }

  /** The text answer of a command, or undefined when it is refused. */
  async ask(...args: readonly CommandArg[]): Promise<string | undefined> {
    const reply = await this.request(args);
    return reply instanceof ReplyError ? undefined : replyText(reply);
  }

  /** An error reply as an error of ours. */
  refusal(command: string, reply: ReplyError): ReplicantError {
    const { message } = reply;
    const place = { at: this.address };
    if (/^(NOAUTH|WRONGPASS|NOPERM|ERR invalid password)/.test(message)) {
      return new ReplicantError(DENIED[this.#side], `the ${this.#side} refused ${command}: ${message}`, {
        place,
        hint: message.startsWith('NOPERM')
          ? 'give this user the missing permission'
          : `check user and password of the ${this.#side} (in the URL, or REPLICANT_${this.#side.toUpperCase()}_PASSWORD)`,
      });
    }
    const code = this.#side === 'source' ? 'SOURCE_PROTOCOL' : 'TARGET_REFUSED';
    return new ReplicantError(code, `the ${this.#side} refused ${command}: ${message}`, { place });
  }

  /** From now on bytes go to `channel`; returns the socket to write to. */
  takeOver(channel: RawChannel): Socket {
    const socket = this.#socket;
    if (socket === undefined || this.#waiting.length > 0)
      throw new ReplicantError('INTERNAL', 'take-over of a busy connection');
    this.#raw = channel;
    if (this.#closed !== undefined) channel.closed(this.#closed);
    return socket;
  }

  close(): void {
    this.#closed ??= new ReplicantError(UNREACHABLE[this.#side], 'the connection was closed by us');
    this.#socket?.destroy();
    this.#rejectAll(this.#closed);
  }

  async #greet(endpoint: Endpoint, timeoutMs: number | undefined): Promise<void> {
    const { username, password } = endpoint;
    if (password !== undefined) {
      const reply = await this.request(
        username === undefined ? ['AUTH', password] : ['AUTH', username, password],
        timeoutMs,
      );
      if (
        reply instanceof ReplyError &&
        !/no password is set|without any password configured/.test(reply.message)
      ) {
        throw this.refusal('AUTH', reply);
      }
    }
    const pong = await this.request(['PING'], timeoutMs);
    if (pong instanceof ReplyError && /^(NOAUTH|ERR operation not permitted)/.test(pong.message)) {
      throw this.refusal('PING', new ReplyError(pong.message.replace(/^ERR operation/, 'NOAUTH operation')));
    }
    await this.request(['CLIENT', 'SETNAME', 'replicant'], timeoutMs);
  }

  #received(where: Uint8Array, count: number): boolean {
    if (this.#raw !== undefined) {
      this.#raw.received(where, 0, count);
      return true;
    }
    try {
      this.#decoder.push(where.subarray(0, count));
      for (let reply = this.#decoder.next(); reply !== undefined; reply = this.#decoder.next()) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) break;
        clearTimeout(waiting.timer);
        waiting.resolve(reply);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#end(
        new ReplicantError(PROTOCOL[this.#side], message, { place: { at: this.address }, cause: error }),
      );
    }
    return true;
  }

  #fail(message: string): void {
    this.#end(
      new ReplicantError(UNREACHABLE[this.#side], `lost the connection to the ${this.#side}: ${message}`, {
        place: { at: this.address },
      }),
    );
  }

  #end(error: ReplicantError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#socket?.destroy();
    this.#rejectAll(error);
    this.#raw?.closed(error);
  }

  #rejectAll(error: ReplicantError): void {
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
  }
}

/** What can't be talked to from the first word on may be no Redis at all, or want TLS. */
function explainStranger(error: unknown): unknown {
  if (!(error instanceof ReplicantError) || error.hint !== undefined) return error;
  if (!/_(PROTOCOL|UNREACHABLE)$/.test(error.code)) return error;
  return new ReplicantError(error.code, error.message, {
    place: error.place,
    hint: 'is there a Redis or Valkey at this address, and does it want TLS (rediss://)?',
    cause: error,
  });
}
