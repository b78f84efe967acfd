/** What stands between a scratch server's snapshot and those who want it. */
import type { Checksum, RdbEntry, RdbHandler } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';

/**
 * Tells the time of the file's last command as that of the snapshot: what times left are counted from. And
 * what memory the scratch server takes is nobody's concern.
 */
export class AsOfFile implements RdbHandler {
  readonly #handler: RdbHandler;
  readonly #seconds: number | undefined;

  constructor(handler: RdbHandler, writtenMs: number | undefined) {
    this.#handler = handler;
    this.#seconds = writtenMs === undefined ? undefined : Math.floor(writtenMs / 1000);
  }

  begin(...args: Parameters<RdbHandler['begin']>): void {
    this.#handler.begin(...args);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    const word = Buffer.from(name).toString('latin1');
    if (word === 'used-mem') return;
    const isTime = word === 'ctime' && this.#seconds !== undefined;
    this.#handler.aux(name, isTime ? Buffer.from(String(this.#seconds)) : value);
  }

  selectDb(db: number): void {
    this.#handler.selectDb(db);
  }

  sizeHint(keys: number, withExpiry: number): void {
    this.#handler.sizeHint(keys, withExpiry);
  }

  functionLibrary(source: Uint8Array): void {
    this.#handler.functionLibrary(source);
  }

  moduleAux(payload: Uint8Array): void {
    this.#handler.moduleAux(payload);
  }

  entry(entry: RdbEntry): boolean {
    return this.#handler.entry(entry);
  }

  largeValue(entry: RdbEntry): ReturnType<RdbHandler['largeValue']> {
    return this.#handler.largeValue(entry);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    return this.#handler.largeValueEnd(entry);
  }

  emptyKey(entry: RdbEntry): void {
    this.#handler.emptyKey(entry);
  }

  end(checksum: Checksum): void {
    this.#handler.end(checksum);
  }
}

/** Lets everything pass by. */
export class Passer implements RdbHandler {
  begin(): void {}
  aux(): void {}
  selectDb(): void {}
  sizeHint(): void {}
  functionLibrary(): void {}
  moduleAux(): void {}
  entry(): boolean {
    return true;
  }
  largeValue({ type }: RdbEntry): ValueSkipper {
    return new ValueSkipper(type);
  }
  largeValueEnd(): boolean {
    return true;
  }
  emptyKey(): void {}
  end(): void {}
}
