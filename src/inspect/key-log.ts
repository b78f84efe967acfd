/**
 * The keys of a snapshot that can be read only once (standard input, a running server), so that some of them
 * can be named afterwards: on disk when there are many.
 *
 *   u32 length of the key, u32 database, u32 kind, f64 bytes in memory; the key
 */
import { Spill } from '../export/spill.js';

const HEAD_BYTES = 20;
const IN_MEMORY_BYTES = 256 * 1024;

export interface LoggedKey {
  readonly db: number;
  readonly kind: number;
  readonly bytes: number;
  readonly key: Uint8Array;
}

export class KeyLog {
  readonly #spill = new Spill(undefined, IN_MEMORY_BYTES);
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #view = new DataView(this.#head.buffer);

  add(db: number, kind: number, bytes: number, keyBytes: Uint8Array, keyStart: number, keyEnd: number): void {
    const view = this.#view;
    view.setUint32(0, keyEnd - keyStart);
    view.setUint32(4, db);
    view.setUint32(8, kind);
    view.setFloat64(12, bytes);
    this.#spill.append(this.#head, 0, HEAD_BYTES);
    this.#spill.append(keyBytes, keyStart, keyEnd);
  }

  /** All of them in order; then the log is empty. The key's bytes are valid during the call only. */
  empty(take: (key: LoggedKey) => void): void {
    let rest: Uint8Array = new Uint8Array(0);
    this.#spill.empty((bytes, start, end) => {
      const joined = join(rest, bytes.subarray(start, end));
      rest = joined.slice(takeWhole(joined, take));
    });
  }

  close(): void {
    this.#spill.clear();
  }
}

/** Tells the whole records; returns where the first that is not begins. */
function takeWhole(bytes: Uint8Array, take: (key: LoggedKey) => void): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at + HEAD_BYTES <= bytes.length) {
    const end = at + HEAD_BYTES + view.getUint32(at);
    if (end > bytes.length) break;
    const key = bytes.subarray(at + HEAD_BYTES, end);
    take({ db: view.getUint32(at + 4), kind: view.getUint32(at + 8), bytes: view.getFloat64(at + 12), key });
    at = end;
  }
  return at;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
