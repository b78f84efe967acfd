/**
 * The frames of a zstd file, one after the other (RFC 8878): what `cat a.zst b.zst`, `pzstd` and `zstd` in a
 * pipe make. Node's decompressor ends silently behind the first, so the frames are found here, by the lengths
 * that stand in them, and each is decompressed by itself.
 *
 *   frame      28 b5 2f fd, header of 2 to 14 bytes, blocks, 4 bytes of checksum if the header says so
 *   block      3 bytes: bit 0 the last one, bits 1-2 the kind (raw, one byte repeated, compressed), its size
 *   skippable  5? 2a 4d 18, 4 bytes of size, so many bytes that mean nothing to us
 */
import { ReplicantError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { isSkippableFrame, sniffWrapping } from './sniff.js';

const READ_BYTES = 256 * 1024;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const SIZE_BYTES = [0, 2, 4, 8];
const REPEATED = 1;
const RESERVED = 3;

export class ZstdFrames {
  readonly #inner: ByteSource;
  /** #input[#from, #to) has been read and not given out. */
  readonly #input: Uint8Array = new Uint8Array(READ_BYTES);
  #from = 0;
  #to = 0;
  /** Bytes given out or passed over: where we are, for errors. */
  #used = 0;
  /** Bytes of the current part that are still to come, and what stands behind them. */
  #left = 0;
  #then: 'block' | 'checksum' | 'end' = 'end';
  #hasChecksum = false;

  constructor(inner: ByteSource) {
    this.#inner = inner;
  }

  /** Goes on to the next frame that has data; false at the end. */
  async next(): Promise<boolean> {
    for (;;) {
      if (!(await this.#has(1))) return false;
      await this.#need(8);
      const head = this.#input.subarray(this.#from, this.#from + 8);
      if (!isSkippableFrame(head)) break;
      const size = new DataView(head.buffer, head.byteOffset).getUint32(4, true);
      await this.#skip(8 + size);
    }
    this.#begin();
    return true;
  }

  /** Bytes of the frame; 0 at its end. */
  async read(into: Uint8Array): Promise<number> {
    while (this.#left === 0) {
      if (this.#then === 'end') return 0;
      await this.#part();
    }
    await this.#need(1);
    const count = Math.min(into.length, this.#left, this.#to - this.#from);
    into.set(this.#input.subarray(this.#from, this.#from + count));
    this.#take(count);
    this.#left -= count;
    return count;
  }

  #begin(): void {
    const head = this.#input.subarray(this.#from, this.#from + 8);
    if (sniffWrapping(head) !== 'zstd') {
      throw this.#error('RDB_CORRUPT', 'the zstd data are damaged: no frame begins here');
    }
    const described = head[4]!;
    const single = (described >> 5) & 1;
    const sizeFlag = described >> 6;
    const size = sizeFlag === 0 ? single : SIZE_BYTES[sizeFlag]!;
    this.#left = 5 + (1 - single) + DICTIONARY_BYTES[described & 3]! + size;
    this.#hasChecksum = (described & 4) !== 0;
    this.#then = 'block';
  }

  /** The next block, or the checksum. */
  async #part(): Promise<void> {
    if (this.#then === 'checksum') {
      this.#left = 4;
      this.#then = 'end';
      return;
    }
    await this.#need(3);
    const [low = 0, middle = 0, high = 0] = this.#input.subarray(this.#from, this.#from + 3);
    const header = low | (middle << 8) | (high << 16);
    const kind = (header >> 1) & 3;
    if (kind === RESERVED) throw this.#error('RDB_CORRUPT', 'the zstd data are damaged: a block of no kind');
    this.#left = 3 + (kind === REPEATED ? 1 : header >> 3);
    if ((header & 1) === 1) this.#then = this.#hasChecksum ? 'checksum' : 'end';
  }

  async #skip(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      await this.#need(1);
      const step = Math.min(left, this.#to - this.#from);
      this.#take(step);
      left -= step;
    }
  }

  #take(count: number): void {
    this.#from += count;
    this.#used += count;
  }

  async #need(count: number): Promise<void> {
    if (!(await this.#has(count))) throw this.#error('RDB_TRUNCATED', 'the zstd data end in the middle');
  }

  async #has(count: number): Promise<boolean> {
    while (this.#to - this.#from < count) {
      if (this.#from > 0) {
        this.#input.copyWithin(0, this.#from, this.#to);
        this.#to -= this.#from;
        this.#from = 0;
      }
      const got = await this.#inner.read(this.#input.subarray(this.#to));
      if (got === 0) return false;
      this.#to += got;
    }
    return true;
  }

  #error(code: 'RDB_CORRUPT' | 'RDB_TRUNCATED', message: string): ReplicantError {
    const place = { at: this.#inner.label, offset: this.#used };
    return new ReplicantError(code, message, {
      place,
      hint: code === 'RDB_TRUNCATED' ? 'the file is incomplete; copy it again' : undefined,
    });
  }
}
