/**
 * Type 7, a module value: len module id, then items up to and including the end mark. What the items mean
 * is the module's business; they are handed on as they are, so the value is held whole.
 */
import { viewOf } from '../encodings/packed-cursor.js';
import { skipItem } from '../skip-value.js';
import { INCOMPLETE } from '../primitives.js';
import type { ValueVisitor } from '../value-visitor.js';
import type { Body } from './body.js';
import { tooLarge, type UnitReader } from './unit-reader.js';

const ITEM_END = 0;

export class ModuleBody implements Body {
  #id: bigint | undefined;
  /** Items that were consumed before the end mark had arrived. */
  #parts: Uint8Array[] = [];
  #bytes = 0;

  begin(): void {
    this.#id = undefined;
    this.#parts = [];
    this.#bytes = 0;
  }

  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    if (this.#id === undefined) {
      reader.begin();
      this.#id = reader.bigLength();
      if (this.#id === undefined) return reader.rewind();
    }
    const from = reader.at;
    const ended = this.#skipItems(reader);
    const items = viewOf(reader.bytes, from, reader.at);
    this.#bytes += items.length;
    if (this.#bytes > reader.limits.maxOpaqueBytes) {
      throw tooLarge('a module value', this.#bytes, reader.limits.maxOpaqueBytes, from);
    }
    if (ended) visitor.moduleValue(this.#id, this.#parts.length === 0 ? items : this.#join(items));
    else if (items.length > 0) this.#parts.push(items.slice());
    return ended;
  }

  /** Passes over whole items; true when the end mark was among them. */
  #skipItems(reader: UnitReader): boolean {
    const { bytes, end } = reader;
    while (true) {
      reader.begin();
      const next = skipItem(bytes, reader.at, end);
      if (next === INCOMPLETE) return reader.rewind();
      if (next > end) {
        reader.need = next - reader.start;
        if (reader.need > reader.limits.maxOpaqueBytes) {
          throw tooLarge('a module value', reader.need, reader.limits.maxOpaqueBytes, reader.at);
        }
        return reader.rewind();
      }
      reader.at = next;
      if (bytes[reader.start] === ITEM_END) return true;
    }
  }

  #join(items: Uint8Array): Uint8Array {
    const out = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of [...this.#parts, items]) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}
