/**
 * The memory of both logs: blocks of one size, counted, and reused. A block that has been given back is kept
 * for the next one who needs it, up to a few MiB; taking one never fails, `full` is what the owner has to heed.
 */

const KEPT_BYTES = 8 * 1024 * 1024;

export class BlockPool {
  readonly blockBytes: number;
  readonly #free: Uint8Array[] = [];
  readonly #capBlocks: number;
  #used = 0;

  constructor(blockBytes: number, capBlocks: number) {
    this.blockBytes = blockBytes;
    this.#capBlocks = capBlocks;
  }

  /** Blocks in use. */
  get used(): number {
    return this.#used;
  }

  get full(): boolean {
    return this.#used >= this.#capBlocks;
  }

  take(): Uint8Array {
    this.#used++;
    return this.#free.pop() ?? new Uint8Array(this.blockBytes);
  }

  /** `reuse` false: somebody may still be reading it, the garbage collector knows when. */
  give(block: Uint8Array, reuse: boolean): void {
    this.#used--;
    if (reuse && this.#free.length * this.blockBytes < KEPT_BYTES) this.#free.push(block);
  }
}
