/**
 * What a replica says to its primary: commands as RESP arrays, or before 6.2 as words in a line, and line feeds
 * while it is busy loading.
 */
import { CommandScanner, commandArgs, INCOMPLETE } from '../resp/command-scanner.js';

const STAR = 42;
const LF = 10;

export class RequestReader {
  readonly #scanner = new CommandScanner();
  #left: Uint8Array = new Uint8Array(0);

  push(bytes: Uint8Array): readonly (readonly Uint8Array[])[] {
    const all = this.#left.length === 0 ? bytes : Buffer.concat([this.#left, bytes]);
    const requests: (readonly Uint8Array[])[] = [];
    let at = 0;
    while (at < all.length) {
      const next = this.#next(all, at);
      if (next === undefined) break;
      if (next.args.length > 0) requests.push(next.args);
      at = next.end;
    }
    this.#left = all.slice(at);
    this.#scanner.reset();
    return requests;
  }

  #next(
    bytes: Uint8Array,
    at: number,
  ): { readonly args: readonly Uint8Array[]; readonly end: number } | undefined {
    if (bytes[at] === STAR) {
      const end = this.#scanner.find(bytes, at, bytes.length);
      return end === INCOMPLETE ? undefined : { args: commandArgs(bytes, at), end };
    }
    const end = bytes.indexOf(LF, at);
    if (end < 0) return undefined;
    const words = Buffer.from(bytes.subarray(at, end)).toString('latin1').trim().split(/\s+/u);
    return { args: words.filter((word) => word !== '').map((word) => Buffer.from(word)), end: end + 1 };
  }
}
