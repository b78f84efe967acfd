/** A file with every loss as a line of JSON: it is there from the start, so that a failed run leaves it too. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { ReplicantError } from '../errors.js';
import type { Loss } from './rdb-report.js';

const GATHERED = 64 * 1024;

export class LossReport {
  readonly #path: string;
  readonly #fd: number;
  #text = '';
  #open = true;

  constructor(path: string) {
    this.#path = path;
    this.#fd = this.#attempt(() => openSync(path, 'w'));
  }

  add(loss: Loss): void {
    this.#text += `${JSON.stringify(loss)}\n`;
    if (this.#text.length >= GATHERED) this.#write();
  }

  /** May be called again. */
  end(): void {
    if (!this.#open) return;
    this.#write();
    this.#open = false;
    closeSync(this.#fd);
  }

  #write(): void {
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#attempt(() => writeSync(this.#fd, text));
  }

  #attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ReplicantError('TARGET_REFUSED', `the report can't be written: ${why}`, {
        place: { at: this.#path },
        cause,
      });
    }
  }
}
