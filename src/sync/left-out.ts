/**
 * What could not be carried over, one line of JSON each, for those who want to put it right by hand:
 *
 *   {"what":"key","db":0,"key":"sensor:7","type":"TimeSeries","why":"…","offset":1234}
 *
 * The file is made when there is something to say, and added to by later runs.
 */
import { createWriteStream, type WriteStream } from 'node:fs';

export interface LeftOut {
  readonly what: 'key' | 'command' | 'function' | 'script';
  /** -1: not known. */
  readonly db: number;
  /** Printable; undefined where there is none. */
  readonly key?: string | undefined;
  /** Of a key its type, of a command its name. */
  readonly type: string;
  readonly why: string;
  /** In the snapshot or the stream; -1: not known. */
  readonly offset: number;
}

export class LeftOutFile {
  readonly path: string;
  readonly #failed: (message: string) => void;
  #file: WriteStream | undefined;
  #broken = false;

  /** `failed` is told once when the file can't be written. */
  constructor(path: string, failed: (message: string) => void) {
    this.path = path;
    this.#failed = failed;
  }

  add(item: LeftOut): void {
    if (this.#broken) return;
    this.#file ??= this.#open();
    this.#file.write(`${JSON.stringify(item)}\n`);
  }

  close(): Promise<void> {
    const file = this.#file;
    if (file === undefined || this.#broken) return Promise.resolve();
    return new Promise((resolve) => void file.end(() => resolve()));
  }

  #open(): WriteStream {
    const file = createWriteStream(this.path, { flags: 'a', mode: 0o600 });
    file.on('error', (error) => {
      if (this.#broken) return;
      this.#broken = true;
      this.#failed(`can't write the report ${this.path}: ${error.message}`);
    });
    return file;
  }
}
