/**
 * Scripts seen in the stream of a source up to 4.0, which sends EVAL as it came, and later EVALSHA of the same
 * script: its replicas remember. A target need not (it may have been restarted, or joined later), so bodies
 * are kept here and EVALSHA becomes EVAL. Bounded: the bodies used longest ago go first.
 */
import { sha1Hex } from './sha1.js';

export interface ScriptLimits {
  readonly maxScripts: number;
  readonly maxBytes: number;
}

const DEFAULT_LIMITS: ScriptLimits = { maxScripts: 10_000, maxBytes: 16 * 1024 * 1024 };

export class ScriptCache {
  readonly #limits: ScriptLimits;
  /** In the order of use, oldest first. */
  readonly #bodies = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(limits: ScriptLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#bodies.size;
  }

  /** A body from EVAL, SCRIPT LOAD, or the snapshot's `lua` fields; the bytes are copied. */
  add(body: Uint8Array): void {
    const name = sha1Hex(body);
    if (this.get(name) !== undefined || body.length > this.#limits.maxBytes) return;
    this.#bodies.set(name, new Uint8Array(body));
    this.#bytes += body.length;
    for (const [oldest, bytes] of this.#bodies) {
      if (this.#bodies.size <= this.#limits.maxScripts && this.#bytes <= this.#limits.maxBytes) break;
      this.#bodies.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }

  /** The body of the script with this SHA-1, given in hex of either case. */
  get(sha1: string): Uint8Array | undefined {
    const name = sha1.toLowerCase();
    const body = this.#bodies.get(name);
    if (body === undefined) return undefined;
    this.#bodies.delete(name);
    this.#bodies.set(name, body);
    return body;
  }

  clear(): void {
    this.#bodies.clear();
    this.#bytes = 0;
  }
}
