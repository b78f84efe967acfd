/**
 * Type 0, a string. It is handed on in chunks as it comes, so its length is bounded by nothing but the
 * input: plain bytes are passed on where they lie, LZF data go through an 8 KiB window.
 */
import { LzfStream } from '../encodings/lzf-stream.js';
import { viewOf } from '../encodings/packed-cursor.js';
import { INCOMPLETE, readString, STR_INT, STR_LZF } from '../primitives.js';
import type { ValueVisitor } from '../value-visitor.js';
import type { Body } from './body.js';
import type { UnitReader } from './unit-reader.js';

/** Compressed strings up to this size are decompressed at once when they are all there. */
const AT_ONCE_BYTES = 64 * 1024;

export class StringBody implements Body {
  /** Bytes of a plain string still to come; -1 before the header. */
  #left = -1;
  #lzf: LzfStream | undefined;

  begin(): void {
    this.#left = -1;
    this.#lzf = undefined;
  }

  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    if (this.#lzf !== undefined) return this.#runLzf(this.#lzf, reader, visitor);
    if (this.#left >= 0) return this.#runPlain(reader, visitor);
    reader.begin();
    const { header, bytes, at, end } = reader;
    const next = readString(header, bytes, at, end);
    if (next === INCOMPLETE) return reader.rewind();
    if (header.form === STR_INT) return this.#integer(reader, visitor);
    if (header.form === STR_LZF) return this.#startLzf(reader, visitor);
    reader.at = next;
    this.#left = header.textBytes;
    visitor.stringStart(this.#left);
    return this.#runPlain(reader, visitor);
  }

  #integer(reader: UnitReader, visitor: ValueVisitor): boolean {
    const text = reader.string();
    if (text === undefined) return reader.rewind();
    visitor.stringStart(text.length);
    visitor.stringChunk(text);
    return true;
  }

  #startLzf(reader: UnitReader, visitor: ValueVisitor): boolean {
    const { start, fileBytes, textBytes } = reader.header;
    if (textBytes <= AT_ONCE_BYTES && start + fileBytes <= reader.end) {
      const text = reader.string()!;
      visitor.stringStart(textBytes);
      if (textBytes > 0) visitor.stringChunk(text);
      return true;
    }
    const lzf = new LzfStream(fileBytes, textBytes, reader.at);
    this.#lzf = lzf;
    reader.at = start;
    visitor.stringStart(textBytes);
    return this.#runLzf(lzf, reader, visitor);
  }

  #runPlain(reader: UnitReader, visitor: ValueVisitor): boolean {
    const { at, end } = reader;
    const size = Math.min(this.#left, end - at);
    if (size > 0) visitor.stringChunk(viewOf(reader.bytes, at, at + size));
    this.#left -= size;
    reader.at = at + size;
    return this.#left === 0;
  }

  #runLzf(lzf: LzfStream, reader: UnitReader, visitor: ValueVisitor): boolean {
    reader.at = lzf.feed(reader.bytes, reader.at, reader.end, (chunk) => visitor.stringChunk(chunk));
    return lzf.done;
  }
}
