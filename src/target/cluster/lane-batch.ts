/** Commands gathered for one script of a lane: their words as they are going to stand among its arguments. */
import {
  copyBytes,
  decimalBytes,
  DOLLAR,
  headerBytes,
  writeBulk,
  writeDecimal,
  writeEnd,
  writeHeader,
} from '../resp-writer.js';

const FIRST_BYTES = 64 * 1024;
const MINUS = 45;
const SPACE = 32;
const PLUS = 43;

export class LaneBatch {
  /** bytes[0, used): bulk strings. */
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  used = 0;
  /** How many bulk strings. */
  words = 0;
  commands = 0;
  #starts: Uint8Array = new Uint8Array(4096);
  #startsUsed = 0;

  get empty(): boolean {
    return this.commands === 0;
  }

  /** The text of `starts`. */
  get starts(): Uint8Array {
    return this.#starts.subarray(0, this.#startsUsed);
  }

  clear(): void {
    this.used = 0;
    this.words = 0;
    this.commands = 0;
    this.#startsUsed = 0;
    if (this.bytes.length > 16 * FIRST_BYTES) this.bytes = new Uint8Array(FIRST_BYTES);
  }

  /** A command as it stands in a stream: source[from, to) are its `argc` bulk strings, without the array's header. */
  raw(source: Uint8Array, from: number, to: number, argc: number, offset: number): void {
    this.#room(to - from + 32);
    this.#count(argc, false);
    copyBytes(this.bytes, this.used, source, from, to);
    this.used += to - from;
    this.#began(argc, offset, 0);
  }

  /** `done`: how many commands of the same unit went to this lane before. */
  command(args: readonly Uint8Array[], offset: number, done: number, tolerate: boolean): void {
    let size = 32;
    for (const arg of args) size += headerBytes(arg.length) + arg.length + 2;
    this.#room(size);
    this.#count(args.length, tolerate);
    for (const arg of args) this.used = writeBulk(this.bytes, this.used, arg, 0, arg.length);
    this.#began(args.length, offset, done);
  }

  #count(argc: number, tolerate: boolean): void {
    const { bytes } = this;
    let at = writeHeader(bytes, this.used, DOLLAR, decimalBytes(argc) + (tolerate ? 1 : 0));
    if (tolerate) bytes[at++] = MINUS;
    this.used = writeEnd(bytes, writeDecimal(bytes, at, argc));
  }

  #began(argc: number, offset: number, done: number): void {
    this.words += argc + 1;
    this.commands++;
    if (this.#startsUsed + 32 > this.#starts.length) {
      const larger = new Uint8Array(this.#starts.length * 2);
      larger.set(this.#starts);
      this.#starts = larger;
    }
    const starts = this.#starts;
    if (this.#startsUsed > 0) starts[this.#startsUsed++] = SPACE;
    this.#startsUsed = writeDecimal(starts, this.#startsUsed, offset);
    if (done === 0) return;
    starts[this.#startsUsed++] = PLUS;
    this.#startsUsed = writeDecimal(starts, this.#startsUsed, done);
  }

  #room(count: number): void {
    const needed = this.used + count;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}
