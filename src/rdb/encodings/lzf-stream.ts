/**
 * LZF fed in pieces (the format is described in `lzf.ts`), for strings too large to be held: the compressed
 * data may be cut anywhere, output leaves in chunks, and only the 8 KiB a reference can reach are kept.
 */
import { checkLzfLength, copyBack } from './lzf.js';
import { corrupt } from './corrupt.js';

const HISTORY_BYTES = 8192;
const WINDOW_BYTES: number = HISTORY_BYTES + 64 * 1024;

/** What the next byte is. */
const CONTROL = 0;
const LITERAL = 1;
const COPY_LENGTH = 2;
const COPY_DISTANCE = 3;

export class LzfStream {
  #window: Uint8Array;
  /** Where the next output byte goes, and up to where output has been handed out. */
  #to = 0;
  #sent = 0;
  #state = CONTROL;
  /** Bytes left of the literal run, or the length of the reference under way. */
  #length = 0;
  #distanceHigh = 0;
  #fileLeft: number;
  #outLeft: number;
  readonly #outBytes: number;

  /** `at`: the position to name when the claimed lengths can't be true. */
  constructor(fileBytes: number, outBytes: number, at: number) {
    checkLzfLength(fileBytes, outBytes, at);
    this.#fileLeft = fileBytes;
    this.#outLeft = outBytes;
    this.#outBytes = outBytes;
    this.#window = new Uint8Array(Math.min(WINDOW_BYTES, outBytes));
  }

  get done(): boolean {
    return this.#fileLeft === 0;
  }

  /** Takes what it needs of bytes[start, end), returns the next position; chunks are valid during the call. */
  feed(bytes: Uint8Array, start: number, end: number, sink: (chunk: Uint8Array) => void): number {
    const stop = Math.min(end, start + this.#fileLeft);
    let at = start;
    while (at < stop)
      at = this.#state === LITERAL ? this.#literal(bytes, at, stop, sink) : this.#control(bytes, at, sink);
    this.#fileLeft -= stop - start;
    if (this.#fileLeft === 0) this.#checkEnd(stop);
    this.#flush(sink);
    return stop;
  }

  #checkEnd(at: number): void {
    if (this.#state !== CONTROL) throw corrupt('LZF data ends inside a literal run or reference', at);
    if (this.#outLeft > 0) {
      throw corrupt(
        `LZF data makes ${this.#outBytes - this.#outLeft} bytes instead of ${this.#outBytes}`,
        at,
      );
    }
  }

  #literal(bytes: Uint8Array, at: number, stop: number, sink: (chunk: Uint8Array) => void): number {
    const length = Math.min(this.#length, stop - at);
    this.#reserve(length, at, sink);
    const window = this.#window;
    let to = this.#to;
    for (let from = at; from < at + length; from++) window[to++] = bytes[from]!;
    this.#to = to;
    this.#length -= length;
    if (this.#length === 0) this.#state = CONTROL;
    return at + length;
  }

  /** One byte of a control sequence. */
  #control(bytes: Uint8Array, at: number, sink: (chunk: Uint8Array) => void): number {
    const byte = bytes[at]!;
    if (this.#state === CONTROL) {
      this.#state = byte < 32 ? LITERAL : byte >= 224 ? COPY_LENGTH : COPY_DISTANCE;
      this.#length = byte < 32 ? byte + 1 : (byte >> 5) + 2;
      this.#distanceHigh = (byte & 31) << 8;
    } else if (this.#state === COPY_LENGTH) {
      this.#length += byte;
      this.#state = COPY_DISTANCE;
    } else {
      this.#copy((this.#distanceHigh | byte) + 1, at, sink);
      this.#state = CONTROL;
    }
    return at + 1;
  }

  #copy(distance: number, at: number, sink: (chunk: Uint8Array) => void): void {
    const length = this.#length;
    this.#reserve(length, at, sink);
    const source = this.#to - distance;
    if (source < 0) throw corrupt('an LZF reference points before the start of the output', at);
    copyBack(this.#window, source, this.#to, this.#to + length);
    this.#to += length;
  }

  /** Makes room for `length` more bytes, keeping the history. */
  #reserve(length: number, at: number, sink: (chunk: Uint8Array) => void): void {
    if (length > this.#outLeft)
      throw corrupt(`LZF data makes more than the ${this.#outBytes} bytes it claims`, at);
    this.#outLeft -= length;
    if (this.#to + length <= this.#window.length) return;
    this.#flush(sink);
    this.#window.copyWithin(0, this.#to - HISTORY_BYTES, this.#to);
    this.#to = HISTORY_BYTES;
    this.#sent = HISTORY_BYTES;
  }

  #flush(sink: (chunk: Uint8Array) => void): void {
    if (this.#sent === this.#to) return;
    sink(this.#window.subarray(this.#sent, this.#to));
    this.#sent = this.#to;
  }
}
