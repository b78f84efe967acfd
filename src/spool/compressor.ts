/**
 * Decides which records are compressed. lz4js makes some 200 MB/s on the thread that also reads the sockets,
 * so: only records worth it, at most half of the time, and where a record did not become a quarter smaller
 * the next ones are not even tried.
 */

type EncodeFrame = typeof import('./lz4-frame.js').encodeLz4Frame;

const MIN_BYTES = 4096;
/** A frame must not be longer than this share of the bytes. */
const WORTH = 0.75;
/** Longer than it took, the thread was busy otherwise. */
const MAX_REST_MS = 10;
const SKIP_AFTER_BAD = 31;

export class Compressor {
  readonly #now: () => number;
  #encode: EncodeFrame | undefined;
  #skip = 0;
  #restUntilMs = 0;

  /** `now`: any clock in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** To be awaited before `pack` can do anything. */
  async prepare(): Promise<void> {
    this.#encode ??= (await import('./lz4-frame.js')).encodeLz4Frame;
  }

  /** The bytes as a frame, a copy; undefined: store them as they are. */
  pack(plain: Uint8Array): Uint8Array | undefined {
    if (this.#encode === undefined || plain.length < MIN_BYTES) return undefined;
    const began = this.#now();
    if (began < this.#restUntilMs) return undefined;
    if (this.#skip > 0) {
      this.#skip--;
      return undefined;
    }
    const frame = this.#encode(plain, Math.floor(plain.length * WORTH))?.slice();
    const ended = this.#now();
    this.#restUntilMs = ended + Math.min(MAX_REST_MS, ended - began);
    if (frame === undefined) this.#skip = SKIP_AFTER_BAD;
    return frame;
  }
}
