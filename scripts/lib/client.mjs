/**
 * A small RESP2 client for tests, the demo and benchmarks. It shares no code with the product on purpose:
 * it is what the product's results are checked with.
 *
 * Replies: simple string → string, integer → number (bigint beyond 2^53), bulk → Buffer or null, array →
 * array or null, error → ReplyError (rejects `call`, stays a value inside arrays and pipelines).
 */
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ReplyReader } from './reply-reader.mjs';

export { ReplyError } from './reply-reader.mjs';

/** @typedef {import('./client.mjs').ConnectOptions} ConnectOptions */
/** @typedef {import('./client.mjs').Argument} Argument */
/** @typedef {import('./client.mjs').Reply} Reply */

/**
 * Opens a connection, and authenticates and selects a database when asked to.
 * @param {ConnectOptions} options
 * @returns {Promise<Client>}
 */
export async function connect(options) {
  const { password, username, db = 0 } = options;
  const socket = await openSocket(options);
  const client = new Client(socket, options.timeoutMs ?? 60_000);
  try {
    if (password !== undefined)
      await client.call('AUTH', ...(username === undefined ? [] : [username]), password);
    if (db !== 0) await client.call('SELECT', db);
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/** @param {ConnectOptions} options */
function openSocket({ host = '127.0.0.1', port = 6379, path, tls, connectTimeoutMs = 10_000 }) {
  const where = path === undefined ? { host, port } : { path };
  const socket = tls === undefined ? connectTcp(where) : connectTls({ ...where, ...tls });
  const name = path ?? `${host}:${port}`;
  return new Promise((resolve, reject) => {
    const fail = (why) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`cannot connect to ${name}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer within ${connectTimeoutMs} ms`), connectTimeoutMs);
    const onError = (error) => fail(error.message || error.code);
    socket.once('error', onError);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

/** One connection; commands are answered in the order they were sent. */
export class Client {
  /**
   * @param {import('node:net').Socket} socket
   * @param {number} timeoutMs how long the connection may be silent while a reply is due
   */
  constructor(socket, timeoutMs) {
    /** @type {{resolve: (reply: Reply) => void, reject: (error: Error) => void}[]} */
    this.waiting = [];
    this.socket = socket;
    this.failure = undefined;
    const reader = new ReplyReader();
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    if ('setNoDelay' in socket) socket.setNoDelay(true);
    socket.setTimeout(timeoutMs);
    socket.on('timeout', () => {
      if (this.waiting.length > 0) this.fail(new Error(`no reply within ${timeoutMs} ms`));
    });
    socket.on('error', (error) => this.fail(new Error(`connection lost: ${error.message}`)));
    socket.on('end', () => this.fail(new Error('connection lost: the server closed it')));
    socket.on('close', () => this.fail(new Error('connection lost')));
    socket.on('data', (chunk) => {
      try {
        for (const reply of reader.push(chunk)) this.waiting.shift()?.resolve(reply);
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** @param {Error} error */
  fail(error) {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
    this.socket.destroy();
  }

  /**
   * One command. An error reply rejects.
   * @param {...Argument} args
   * @returns {Promise<any>}
   */
  async call(...args) {
    const reply = (await this.pipeline([args]))[0];
    if (reply instanceof Error) throw reply;
    return reply;
  }

  /**
   * As `call`, with every bulk string as UTF-8 text, at any depth.
   * @param {...Argument} args
   * @returns {Promise<any>}
   */
  async text(...args) {
    return toText(await this.call(...args));
  }

  /**
   * Many commands in one write; error replies are values in the result.
   * @param {readonly (readonly Argument[])[]} commands
   * @returns {Promise<Reply[]>}
   */
  async pipeline(commands) {
    if (this.failure !== undefined) throw this.failure;
    if (commands.length === 0) return [];
    const replies = commands.map(
      () => new Promise((resolve, reject) => this.waiting.push({ resolve, reject })),
    );
    this.socket.write(Buffer.concat(commands.flatMap(encodeCommand)));
    return Promise.all(replies);
  }

  /** Idempotent; commands still unanswered are rejected. */
  async close() {
    this.failure ??= new Error('the connection was closed by this program');
    this.fail(this.failure);
    await this.closed;
  }
}

/**
 * @param {readonly Argument[]} args
 * @returns {Buffer[]}
 */
function encodeCommand(args) {
  const parts = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), Buffer.from(bytes), Buffer.from('\r\n'));
  }
  return parts;
}

/** @param {any} reply @returns {any} */
function toText(reply) {
  if (Buffer.isBuffer(reply)) return reply.toString('utf8');
  return Array.isArray(reply) ? reply.map(toText) : reply;
}
