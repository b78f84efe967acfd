/** Sends prepared commands to a server as fast as one connection goes, looking only for errors in what comes back. */
import { once } from 'node:events';
import { connect } from 'node:net';

const END = 'every-command-was-answered';
const FLUSH_BYTES = 256 * 1024;

/** Gathers commands into chunks. Text arguments are taken as Latin-1, one byte a character. */
export class CommandBuffer {
  constructor() {
    /** @type {string[]} */
    this.parts = [];
    this.length = 0;
  }

  /** @param {...string} args */
  add(...args) {
    let text = `*${args.length}\r\n`;
    for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
    this.parts.push(text);
    this.length += text.length;
  }

  get isFull() {
    return this.length >= FLUSH_BYTES;
  }

  /** @returns {Buffer} */
  take() {
    const chunk = Buffer.from(this.parts.join(''), 'latin1');
    this.parts = [];
    this.length = 0;
    return chunk;
  }
}

/** @param {readonly Buffer[]} args @returns {Buffer} one command, for values too large to be text */
export function encodeBytes(args) {
  const parts = args.flatMap((arg) => [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}

/**
 * @param {number} port
 * @param {Iterable<Buffer>} chunks whole or partial commands, one after another
 */
export async function loadRaw(port, chunks) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  let tail = '';
  const finished = new Promise((resolve, reject) => {
    socket.on('data', (chunk) => {
      const text = tail + chunk.toString('latin1');
      const error = /(?:^|\n)(-[^\r\n]*)\r/.exec(text)?.[1];
      if (error !== undefined) reject(new Error(`the server refused a command: ${error}`));
      if (text.endsWith(`${END}\r\n`)) resolve(undefined);
      // Only a line that is still incomplete: cut elsewhere, a minus sign inside could look like an error.
      tail = text.slice(text.lastIndexOf('\n') + 1);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
  });
  // Looked at only at the end; until then a failure must not count as unhandled.
  finished.catch(() => {});
  for (const chunk of chunks) {
    if (socket.destroyed) break;
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), finished]);
  }
  socket.write(encodeBytes([Buffer.from('ECHO'), Buffer.from(END)]));
  await finished.finally(() => socket.destroy());
}
