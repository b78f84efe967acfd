/**
 * RESP2 replies out of a byte stream in any split: `push(chunk)` returns the replies that are now complete.
 *
 *   +text\r\n   -error\r\n   :integer\r\n   $length\r\n bytes \r\n   *count\r\n element…
 *
 * A length of -1 is null. Open arrays are kept on a stack, so a long reply is read once, however it arrives.
 */

const CR = 13;
const LF = 10;

/** An error reply of the server; `code` is its first word, e.g. WRONGTYPE. */
export class ReplyError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'ReplyError';
    this.code = message.split(' ')[0] ?? '';
  }
}

export class ReplyReader {
  constructor() {
    /** @type {Buffer[]} */
    this.chunks = [];
    this.buffered = 0;
    /** Bytes there must be before it is worth trying again: keeps a large bulk from being joined per chunk. */
    this.needed = 1;
    /** @type {{items: any[], left: number}[]} */
    this.open = [];
  }

  /**
   * @param {Buffer} chunk
   * @returns {any[]}
   */
  push(chunk) {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    if (this.buffered < this.needed) return [];
    const bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks);
    /** @type {any[]} */
    const replies = [];
    let at = 0;
    for (;;) {
      const element = readElement(bytes, at);
      if (typeof element === 'number') {
        this.chunks = [bytes.subarray(at)];
        this.buffered = bytes.length - at;
        this.needed = element - at;
        return replies;
      }
      at = element.end;
      this.add(element, replies);
    }
  }

  /** Puts an element where it belongs, and closes the arrays that it completes. */
  add(element, replies) {
    if (element.count > 0) {
      this.open.push({ items: [], left: element.count });
      return;
    }
    let { value } = element;
    for (let top = this.open.at(-1); top !== undefined; top = this.open.at(-1)) {
      top.items.push(value);
      if (--top.left > 0) return;
      value = top.items;
      this.open.pop();
    }
    replies.push(value);
  }
}

/**
 * The element at `at`, or the position up to which bytes must be there before it can be read.
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {number | {value: any, count: number, end: number}} `count` > 0: an array whose elements follow
 */
function readElement(bytes, at) {
  const cr = bytes.indexOf(CR, at);
  if (cr < 0 || cr + 1 >= bytes.length) return bytes.length + 1;
  if (bytes[cr + 1] !== LF) throw new Error(`reply line without LF: ${bytes.toString('latin1', at, cr)}`);
  const line = bytes.toString('utf8', at + 1, cr);
  const end = cr + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '+':
      return { value: line, count: 0, end };
    case '-':
      return { value: new ReplyError(line), count: 0, end };
    case ':':
      return { value: toInteger(line), count: 0, end };
    case '$':
      return readBulk(bytes, end, Number(line));
    case '*':
      return { value: line === '-1' ? null : [], count: Number(line), end };
    default:
      throw new Error(`not a RESP2 reply: ${JSON.stringify(bytes.toString('latin1', at, at + 32))}`);
  }
}

/** @param {Buffer} bytes @param {number} start @param {number} length */
function readBulk(bytes, start, length) {
  if (length < 0) return { value: null, count: 0, end: start };
  const end = start + length + 2;
  if (bytes.length < end) return end;
  // A copy: a small value must not keep a whole network chunk alive.
  return { value: Buffer.from(bytes.subarray(start, start + length)), count: 0, end };
}

/** @param {string} line */
function toInteger(line) {
  const number = Number(line);
  return Number.isSafeInteger(number) ? number : BigInt(line);
}
