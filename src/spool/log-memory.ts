/**
 * The part of one log that is in memory: blocks on a fixed grid. Cell n is for the positions from n × block
 * size on; its block, when there is one, has the positions [from, to) of them at their places.
 *
 *   cell 0           cell 1           cell 2           cell 3
 *   |....[=========|================|(on disk only)   |=====].........|
 *         start                                             end: the last cell is the one that is written to
 *
 * What has not been written to disk is always here. Who decides what else stays is the spool (`spool.ts`).
 */
import type { BlockPool } from './block-pool.js';

interface Block {
  readonly bytes: Uint8Array;
  /** Positions. */
  from: number;
  to: number;
  /** A write of its bytes is under way: they must not be given to anybody else. */
  busy: boolean;
}

/** A block that could go. The highest rank goes first. */
export interface Spare {
  readonly rank: number;
  readonly cell: number;
}

/** Above any distance: blocks that have been read go before all others. */
const READ_RANK = Number.MAX_SAFE_INTEGER;

export class LogMemory {
  readonly #pool: BlockPool;
  readonly #take: () => Uint8Array;
  readonly #size: number;
  readonly #blocks = new Map<number, Block>();
  /** The one that is appended to. */
  #last: Block | undefined;

  /** `take`: gives out a block of the pool, having made room for it where that is possible. */
  constructor(pool: BlockPool, take: () => Uint8Array) {
    this.#pool = pool;
    this.#take = take;
    this.#size = pool.blockBytes;
  }

  cellOf(position: number): number {
    return Math.floor(position / this.#size);
  }

  /** Position at which a cell begins. */
  cellStart(cell: number): number {
    return cell * this.#size;
  }

  append(bytes: Uint8Array, from: number, to: number, position: number): void {
    let at = from;
    let end = position;
    while (at < to) {
      const block = this.#lastBlock(end);
      const offset = end % this.#size;
      const count = Math.min(to - at, this.#size - offset);
      block.bytes.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), offset);
      at += count;
      end += count;
      block.to = end;
    }
  }

  #lastBlock(end: number): Block {
    const last = this.#last;
    if (last !== undefined && last.to === end && end % this.#size !== 0) return last;
    const cell = this.cellOf(end);
    const found = this.#blocks.get(cell);
    this.#last = found ?? { bytes: this.#take(), from: end, to: end, busy: false };
    this.#blocks.set(cell, this.#last);
    return this.#last;
  }

  has(position: number): boolean {
    const block = this.#blocks.get(this.cellOf(position));
    return block !== undefined && position >= block.from && position < block.to;
  }

  /** Where the part of a cell that is here begins; undefined: nothing of it is here. */
  heldFrom(cell: number): number | undefined {
    return this.#blocks.get(cell)?.from;
  }

  read(position: number, into: Uint8Array): number {
    let copied = 0;
    while (copied < into.length) {
      const at = position + copied;
      const block = this.#blocks.get(this.cellOf(at));
      if (block === undefined || at < block.from || at >= block.to) break;
      const offset = at % this.#size;
      const count = Math.min(into.length - copied, block.to - at);
      into.set(block.bytes.subarray(offset, offset + count), copied);
      copied += count;
    }
    return copied;
  }

  /** The bytes from `position` to the end of what its cell has, at most to `limit`, to be written to disk. */
  lend(position: number, limit: number): Uint8Array {
    const block = this.#blocks.get(this.cellOf(position))!;
    block.busy = true;
    const offset = position % this.#size;
    return block.bytes.subarray(offset, offset + Math.min(block.to, limit) - position);
  }

  /** Writes are over. */
  takeBack(): void {
    for (const block of this.#blocks.values()) block.busy = false;
  }

  /** A block from the pool that has been filled with the positions [from, to) of a cell. */
  install(bytes: Uint8Array, from: number, to: number): void {
    const cell = this.cellOf(from);
    const held = this.#blocks.get(cell);
    if (held === undefined) {
      this.#blocks.set(cell, { bytes, from, to, busy: false });
      return;
    }
    // The beginning of a cell whose end is here already; without a gap between them.
    if (from < held.from && to >= held.from) {
      const offset = from % this.#size;
      held.bytes.set(bytes.subarray(offset, offset + held.from - from), offset);
      held.from = from;
    }
    this.#pool.give(bytes, true);
  }

  /** The best block to do without: of those written to disk, read ones first, then the furthest ahead. */
  spare(written: number, reader: number): Spare | undefined {
    let best: Spare | undefined;
    const readerCell = this.cellOf(reader);
    for (const [cell, block] of this.#blocks) {
      if (block.to > written || block === this.#last || cell === readerCell) continue;
      const rank = cell < readerCell ? READ_RANK - cell : cell - readerCell;
      if (best === undefined || rank > best.rank) best = { rank, cell };
    }
    return best;
  }

  drop(cell: number): void {
    const block = this.#blocks.get(cell);
    if (block === undefined) return;
    this.#blocks.delete(cell);
    if (block === this.#last) this.#last = undefined;
    this.#pool.give(block.bytes, !block.busy);
  }

  /** Drops the blocks all of whose cell lies before `position`. */
  dropBefore(position: number): void {
    const first = this.cellOf(position);
    for (const cell of this.#blocks.keys()) if (cell < first) this.drop(cell);
  }

  clear(): void {
    for (const cell of this.#blocks.keys()) this.drop(cell);
  }
}
