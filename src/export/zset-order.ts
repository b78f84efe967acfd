/**
 * Sorted sets in the server's order, by score, then by member as bytes. Packed ones stand so in the file;
 * skip lists are written from the top down, and before Redis 4.0 in no order, so members are gathered here
 * first. What exceeds `limit` goes to a temporary file in sorted runs, which are merged in the end.
 *
 *   run   records of u32 member length, f64 score, member
 */
import { TemporaryFile } from './spill.js';

export type TakeMember = (bytes: Uint8Array, start: number, end: number, score: number) => void;

const GATHER_BYTES = 16 * 1024 * 1024;
/** Beside the member itself, what one costs in the tables here. */
const COST_BYTES = 16;
const RECORD_HEADER = 12;
const READ_BYTES = 128 * 1024;

export class ZsetOrder {
  readonly #folder: string | undefined;
  readonly #limit: number;
  #bytes = new Uint8Array(4096);
  #ends = new Float64Array(256);
  #scores = new Float64Array(256);
  #used = 0;
  #count = 0;
  #file: TemporaryFile | undefined;
  #runs: { readonly from: number; readonly to: number }[] = [];

  constructor(folder?: string, limit: number = GATHER_BYTES) {
    this.#folder = folder;
    this.#limit = limit;
  }

  /** The member is bytes[start, end). */
  add(bytes: Uint8Array, start: number, end: number, score: number): void {
    const length = end - start;
    if (this.#used + length + this.#count * COST_BYTES > this.#limit && this.#count > 0) this.#writeRun();
    if (this.#used + length > this.#bytes.length) this.#growBytes(this.#used + length);
    if (this.#count === this.#ends.length) this.#growTables();
    if (length > 64) this.#bytes.set(bytes.subarray(start, end), this.#used);
    else for (let at = 0; at < length; at++) this.#bytes[this.#used + at] = bytes[start + at]!;
    this.#used += length;
    this.#scores[this.#count] = score;
    this.#ends[this.#count++] = this.#used;
  }

  /** All members in order; then it is empty. */
  empty(take: TakeMember): void {
    if (this.#file === undefined) {
      this.#sorted((index) =>
        take(this.#bytes, this.#start(index), this.#ends[index]!, this.#scores[index]!),
      );
    } else {
      this.#writeRun();
      mergeRuns(
        this.#runs.map(({ from, to }) => new RunReader(this.#file!, from, to)),
        take,
      );
    }
    this.clear();
  }

  clear(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#runs = [];
    this.#used = 0;
    this.#count = 0;
    if (this.#bytes.length > 1024 * 1024) this.#bytes = new Uint8Array(4096);
    if (this.#ends.length > 65_536) {
      this.#ends = new Float64Array(256);
      this.#scores = new Float64Array(256);
    }
  }

  #start(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!;
  }

  /** Mostly they only need to be taken backwards. */
  #sorted(visit: (index: number) => void): void {
    const order = this.#direction();
    if (order > 0) for (let index = 0; index < this.#count; index++) visit(index);
    else if (order < 0) for (let index = this.#count - 1; index >= 0; index--) visit(index);
    else {
      const indexes = Uint32Array.from({ length: this.#count }, (_, index) => index);
      for (const index of indexes.toSorted((a, b) => this.#compare(a, b))) visit(index);
    }
  }

  /** 1: ascending, -1: descending, 0: neither. */
  #direction(): number {
    if (this.#count < 2) return 1;
    const sign = Math.sign(this.#compare(1, 0));
    if (sign === 0) return 0;
    for (let index = 2; index < this.#count; index++) {
      if (Math.sign(this.#compare(index, index - 1)) !== sign) return 0;
    }
    return sign;
  }

  #compare(a: number, b: number): number {
    const [left, right] = [this.#scores[a]!, this.#scores[b]!];
    if (left !== right) return left < right ? -1 : 1;
    return compareBytes(
      this.#bytes,
      this.#start(a),
      this.#ends[a]!,
      this.#bytes,
      this.#start(b),
      this.#ends[b]!,
    );
  }

  #writeRun(): void {
    const file = (this.#file ??= new TemporaryFile(this.#folder));
    const from = file.size;
    let block = new Uint8Array(READ_BYTES);
    let used = 0;
    const flush = (): void => {
      file.append(block, 0, used);
      used = 0;
    };
    this.#sorted((index) => {
      const [start, end] = [this.#start(index), this.#ends[index]!];
      const size = RECORD_HEADER + end - start;
      if (used + size > block.length) flush();
      if (size > block.length) block = new Uint8Array(size);
      const view = new DataView(block.buffer);
      view.setUint32(used, end - start);
      view.setFloat64(used + 4, this.#scores[index]!);
      block.set(this.#bytes.subarray(start, end), used + RECORD_HEADER);
      used += size;
    });
    flush();
    this.#runs.push({ from, to: file.size });
    this.#used = 0;
    this.#count = 0;
  }

  #growBytes(least: number): void {
    const bytes = new Uint8Array(Math.max(least, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = bytes;
  }

  #growTables(): void {
    const grown = (table: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(table.length * 2);
      larger.set(table);
      return larger;
    };
    this.#ends = grown(this.#ends);
    this.#scores = grown(this.#scores);
  }
}

class RunReader {
  readonly #file: TemporaryFile;
  readonly #to: number;
  #position: number;
  bytes = new Uint8Array(READ_BYTES);
  #view = new DataView(this.bytes.buffer);
  #at = 0;
  #filled = 0;
  start = 0;
  end = 0;
  score = 0;

  constructor(file: TemporaryFile, from: number, to: number) {
    this.#file = file;
    this.#position = from;
    this.#to = to;
  }

  next(): boolean {
    if (this.#filled - this.#at < RECORD_HEADER && !this.#fill(RECORD_HEADER)) return false;
    const size = RECORD_HEADER + this.#view.getUint32(this.#at);
    if (this.#filled - this.#at < size) this.#fill(size);
    this.score = this.#view.getFloat64(this.#at + 4);
    this.start = this.#at + RECORD_HEADER;
    this.end = this.#at + size;
    this.#at = this.end;
    return true;
  }

  #fill(least: number): boolean {
    const left = this.bytes.slice(this.#at, this.#filled);
    if (least > this.bytes.length) {
      this.bytes = new Uint8Array(least);
      this.#view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(left);
    this.#at = 0;
    const most = Math.min(this.bytes.length, left.length + this.#to - this.#position);
    const count = this.#file.read(this.bytes.subarray(left.length, most), this.#position);
    this.#position += count;
    this.#filled = left.length + count;
    return this.#filled >= least;
  }
}

/** There are few runs, so the smallest is looked for in all of them. */
function mergeRuns(runs: readonly RunReader[], take: TakeMember): void {
  const open = runs.filter((run) => run.next());
  while (open.length > 0) {
    let best = open[0]!;
    for (const run of open) if (precedes(run, best)) best = run;
    take(best.bytes, best.start, best.end, best.score);
    if (!best.next()) open.splice(open.indexOf(best), 1);
  }
}

function precedes(a: RunReader, b: RunReader): boolean {
  if (a.score !== b.score) return a.score < b.score;
  return compareBytes(a.bytes, a.start, a.end, b.bytes, b.start, b.end) < 0;
}

/** As memcmp, the shorter one first when it is the beginning of the other. */
function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const shared = Math.min(aEnd - aStart, bEnd - bStart);
  for (let at = 0; at < shared; at++) {
    const difference = a[aStart + at]! - b[bStart + at]!;
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}
