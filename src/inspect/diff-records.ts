/**
 * What is remembered of a snapshot's keys: 28 bytes for each, whatever it holds, in seven words:
 *
 *   0, 1   hash of database and key
 *   2, 3   digest of the value
 *   4      hash of the deadline
 *   5      kind of value (4 bits), and how many times 2^32 …
 *   6      … keys stand before this one in the file, in the order of which records are found again
 *
 * Records are shared out by the hash into 256 parts, of which each has a block in memory; full blocks go to a
 * temporary file without a name. So memory is 3.7 MB for any number of keys, of which up to about 120,000
 * need no file at all; 100 million take 2.8 GB on disk, written and read once.
 */
import { ReplicantError } from '../errors.js';
import { TemporaryFile } from '../export/spill.js';

export const RECORD_WORDS = 7;
export const PARTS = 256;
const BLOCK_RECORDS = 512;
const BLOCK_WORDS = BLOCK_RECORDS * RECORD_WORDS;
const BLOCK_BYTES = BLOCK_WORDS * 4;
const KIND_BITS = 4;
const TWO_32 = 4_294_967_296;

/** words[at, at + RECORD_WORDS × records) */
export type TakeRecords = (words: Int32Array, at: number, end: number) => void;

export class DiffRecords {
  readonly #blocks = new Int32Array(PARTS * BLOCK_WORDS);
  readonly #bytes = new Uint8Array(this.#blocks.buffer);
  /** Words used of each part's block. */
  readonly #used = new Int32Array(PARTS);
  /** Which blocks of the file belong to each part. */
  readonly #written: number[][] = Array.from({ length: PARTS }, () => []);
  #file: TemporaryFile | undefined;
  #blocksWritten = 0;
  /** How many records there are. */
  size = 0;

  add(keyA: number, keyB: number, digestA: number, digestB: number, deadline: number, kind: number): void {
    const part = keyB & (PARTS - 1);
    if (this.#used[part] === BLOCK_WORDS) this.#write(part);
    const blocks = this.#blocks;
    const at = part * BLOCK_WORDS + this.#used[part]!;
    const ordinal = this.size++;
    blocks[at] = keyA;
    blocks[at + 1] = keyB;
    blocks[at + 2] = digestA;
    blocks[at + 3] = digestB;
    blocks[at + 4] = deadline;
    blocks[at + 5] = kind | (Math.floor(ordinal / TWO_32) << KIND_BITS);
    blocks[at + 6] = ordinal | 0;
    this.#used[part]! += RECORD_WORDS;
  }

  countOf(part: number): number {
    return this.#written[part]!.length * BLOCK_RECORDS + this.#used[part]! / RECORD_WORDS;
  }

  /** Each block of a part, in the order of the file; words are valid during the call only. */
  read(part: number, take: TakeRecords): void {
    const block = this.#written[part]!.length > 0 ? new Int32Array(BLOCK_WORDS) : this.#blocks;
    const bytes = new Uint8Array(block.buffer, 0, BLOCK_BYTES);
    for (const index of this.#written[part]!) {
      const count = this.#file?.read(bytes, index * BLOCK_BYTES);
      if (count !== BLOCK_BYTES) throw new ReplicantError('INTERNAL', 'a temporary file lost its end');
      take(block, 0, BLOCK_WORDS);
    }
    const start = part * BLOCK_WORDS;
    take(this.#blocks, start, start + this.#used[part]!);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #write(part: number): void {
    this.#file ??= new TemporaryFile();
    this.#file.append(this.#bytes, part * BLOCK_BYTES, (part + 1) * BLOCK_BYTES);
    this.#written[part]!.push(this.#blocksWritten++);
    this.#used[part] = 0;
  }
}

export function kindOf(words: Int32Array, at: number): number {
  return words[at + 5]! & ((1 << KIND_BITS) - 1);
}

/** How many keys stand before it. */
export function ordinalOf(words: Int32Array, at: number): number {
  return (words[at + 5]! >>> KIND_BITS) * TWO_32 + (words[at + 6]! >>> 0);
}
