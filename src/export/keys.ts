/**
 * The keys, one per line: as they are, or escaped so that a line is a key whatever is in it:
 * `\n`, `\r`, `\t`, `\\`, and `\xHH` for other control characters and what is not UTF-8.
 */
import type { RdbEntry } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { FormatWriter, LargeValueWriter } from './format-writer.js';
import { characterSize } from './json-text.js';
import type { Output } from './output.js';
import { SkippedValue } from './skipped-value.js';

const NEWLINE = 10;
const BACKSLASH = 92;
const SHORT: Readonly<Record<number, number>> = { 9: 116, 10: 110, 13: 114, 92: 92 };
const HEX = new TextEncoder().encode('0123456789ABCDEF');

export class KeysWriter implements FormatWriter {
  readonly #out: Output;
  readonly #escape: boolean;

  constructor(out: Output, escape: boolean) {
    this.#out = out;
    this.#escape = escape;
  }

  begin(): void {}

  entry({ keyBytes, keyStart, keyEnd }: RdbEntry): void {
    if (this.#escape) writeEscapedKey(this.#out, keyBytes, keyStart, keyEnd);
    else this.#out.put(keyBytes, keyStart, keyEnd);
    this.#out.byte(NEWLINE);
  }

  openLarge(entry: RdbEntry): LargeValueWriter {
    this.entry(entry);
    return new SkippedValue(new ValueSkipper(entry.type));
  }

  finish(): void {}
}

export function writeEscapedKey(out: Output, bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end;) {
    const byte = bytes[at]!;
    const size = characterSize(bytes, at, end);
    const short = SHORT[byte];
    out.room(8);
    if (short !== undefined) {
      out.bytes[out.at++] = BACKSLASH;
      out.bytes[out.at++] = short;
    } else if (size <= 0 || byte < 32 || byte === 127) {
      out.bytes[out.at++] = BACKSLASH;
      out.bytes[out.at++] = 120;
      out.bytes[out.at++] = HEX[byte >> 4]!;
      out.bytes[out.at++] = HEX[byte & 15]!;
    } else {
      for (let left = 0; left < size; left++) out.bytes[out.at++] = bytes[at + left]!;
    }
    at += Math.max(1, size);
  }
}
