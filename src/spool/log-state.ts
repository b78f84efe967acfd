/** Where one log stands. Positions: start ≤ released ≤ end; all that is before `released` is not wanted again. */
import { Stamps } from './stamps.js';
import type { LogMeta } from './types.js';

export class LogState {
  /** The first byte that can still be read. */
  start: number;
  end: number;
  released: number;
  /** Behind the last byte that was read. */
  reader: number;
  complete = false;
  /** Keep what is released, to be read again from the start. */
  retain: boolean;
  readonly stamps: Stamps = new Stamps();
  /** Each holds from its position on. The first holds before it, too. */
  readonly #metas: { readonly from: number; readonly meta: LogMeta }[];

  constructor(meta: LogMeta, start: number, retain: boolean) {
    this.start = start;
    this.end = start;
    this.released = start;
    this.reader = start;
    this.retain = retain;
    this.#metas = [{ from: start, meta }];
  }

  /** The latest. */
  get meta(): LogMeta {
    return this.#metas.at(-1)!.meta;
  }

  changeMeta(meta: LogMeta): void {
    if (this.#metas.at(-1)!.from === this.end) this.#metas.pop();
    this.#metas.push({ from: this.end, meta });
  }

  metaAt(position: number): LogMeta {
    return this.#metas.findLast(({ from }) => from <= position)?.meta ?? this.#metas[0]!.meta;
  }

  /** Up to where the meta at `position` holds. */
  metaEnd(position: number): number {
    return this.#metas.find(({ from }) => from > position)?.from ?? this.end;
  }

  /** Nothing before `position` is to be written any more. */
  forgetMetas(position: number): void {
    while (this.#metas.length > 1 && this.#metas[1]!.from <= position) this.#metas.shift();
  }
}
