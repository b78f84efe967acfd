/**
 * CRC-64/Jones as Redis uses it for RDB files and DUMP payloads: polynomial 0xad93d23594c935a9, reflected,
 * init 0, no final xor; crc("123456789") = 0xe9c6d914c4b8d9ca. Values are pairs of u32 words here.
 *
 * A `Crc64` owns a block of WebAssembly memory. Bytes that lie in its `window` are summed where they are;
 * all others are copied through a 64 KiB scratch area first, or, when few, summed in plain JavaScript.
 */
import { crc64ModuleBytes, TABLES_AT, TABLES_BYTES } from './crc64-wasm.js';

/** The reflected polynomial, as a right-shifting table is built from it: 0x95ac9329ac4bc9b5. */
const POLY_HI = 0x95ac9329;
const POLY_LO = 0xac4bc9b5;

const PAGE = 65536;
const SCRATCH_AT = PAGE;
const SCRATCH_BYTES = PAGE;
const WINDOW_AT: number = SCRATCH_AT + SCRATCH_BYTES;
/** Below this, copying into the scratch area costs more than the plain loop. */
const SMALL = 48;

/** tables[k*256 + b] as lo/hi words: the CRC of byte b followed by k zero bytes. */
const tables: Uint32Array = buildTables();

function buildTables(): Uint32Array {
  const out = new Uint32Array(8 * 256 * 2);
  for (let byte = 0; byte < 256; byte++) {
    let lo = byte;
    let hi = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = lo & 1;
      lo = (lo >>> 1) | (hi << 31);
      hi >>>= 1;
      if (carry === 1) {
        lo ^= POLY_LO;
        hi ^= POLY_HI;
      }
    }
    out[byte * 2] = lo;
    out[byte * 2 + 1] = hi;
  }
  for (let at = 256; at < 8 * 256; at++) {
    const lo = out[(at - 256) * 2]!;
    const hi = out[(at - 256) * 2 + 1]!;
    const low = (lo & 255) * 2;
    out[at * 2] = ((lo >>> 8) | (hi << 24)) ^ out[low]!;
    out[at * 2 + 1] = (hi >>> 8) ^ out[low + 1]!;
  }
  return out;
}

let compiled: WebAssembly.Module | undefined;

/** Which of the two running sums of a `Crc64` is meant. */
export type Crc64Slot = 0 | 1;

export class Crc64 {
  /** Bytes of the engine's own memory, for parse windows: no copy is needed to sum what lies here. */
  readonly window: Uint8Array<ArrayBuffer>;
  readonly #buffer: ArrayBuffer;
  readonly #states: Uint32Array;
  readonly #scratch: Uint8Array;
  readonly #update: (state: number, pointer: number, length: number) => void;

  constructor(windowBytes = 0) {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((WINDOW_AT + windowBytes) / PAGE) });
    compiled ??= new WebAssembly.Module(crc64ModuleBytes());
    const instance = new WebAssembly.Instance(compiled, { e: { m: memory } });
    this.#update = instance.exports['u'] as (state: number, pointer: number, length: number) => void;
    this.#buffer = memory.buffer;
    this.#states = new Uint32Array(this.#buffer, 0, 4);
    this.#scratch = new Uint8Array(this.#buffer, SCRATCH_AT, SCRATCH_BYTES);
    this.window = new Uint8Array(this.#buffer, WINDOW_AT, windowBytes);
    new Uint32Array(this.#buffer, TABLES_AT, TABLES_BYTES / 4).set(tables);
  }

  lo(slot: Crc64Slot): number {
    return this.#states[slot * 2]!;
  }

  hi(slot: Crc64Slot): number {
    return this.#states[slot * 2 + 1]!;
  }

  reset(slot: Crc64Slot): void {
    this.#states[slot * 2] = 0;
    this.#states[slot * 2 + 1] = 0;
  }

  /** Goes on from a sum taken earlier: one engine serves many sums, one after the other. */
  resume(slot: Crc64Slot, lo: number, hi: number): void {
    this.#states[slot * 2] = lo;
    this.#states[slot * 2 + 1] = hi;
  }

  byte(slot: Crc64Slot, value: number): void {
    const states = this.#states;
    const lo = states[slot * 2]!;
    const hi = states[slot * 2 + 1]!;
    const index = ((lo ^ value) & 255) * 2;
    states[slot * 2] = ((lo >>> 8) | (hi << 24)) ^ tables[index]!;
    states[slot * 2 + 1] = (hi >>> 8) ^ tables[index + 1]!;
  }

  update(slot: Crc64Slot, bytes: Uint8Array, start: number, end: number): void {
    if (bytes.buffer === this.#buffer) {
      this.#update(slot * 8, bytes.byteOffset + start, end - start);
      return;
    }
    if (end - start <= SMALL) {
      for (let at = start; at < end; at++) this.byte(slot, bytes[at]!);
      return;
    }
    for (let at = start; at < end; at += SCRATCH_BYTES) {
      const stop = Math.min(end, at + SCRATCH_BYTES);
      this.#scratch.set(bytes.subarray(at, stop));
      this.#update(slot * 8, SCRATCH_AT, stop - at);
    }
  }
}

let shared: Crc64 | undefined;

/** The CRC of bytes[start, end) in one call. */
export function crc64(bytes: Uint8Array, start = 0, end: number = bytes.length): { lo: number; hi: number } {
  shared ??= new Crc64();
  shared.reset(0);
  shared.update(0, bytes, start, end);
  return { lo: shared.lo(0), hi: shared.hi(0) };
}

/** A CRC as 16 hex digits, high word first. */
export function formatCrc64(lo: number, hi: number): string {
  return [hi, lo].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
