/**
 * Values that are one packed container in one str (types 9–13, 16, 17, 20, 23, 25), and lists that are a
 * run of such nodes:
 *
 *   14 LIST_QUICKLIST      count, that many str(ziplist)
 *   18 LIST_QUICKLIST_2    count, that many (len form, str): form 1: the str is one item; 2: a listpack
 *
 * A node may be empty. Type 25 begins with an i64 LE minExpire, a hint that may be stale: the listpack has
 * the absolute times.
 */
import { corrupt } from '../encodings/corrupt.js';
import { viewOf } from '../encodings/packed-cursor.js';
import { INCOMPLETE } from '../primitives.js';
import type { ValueType } from '../value-types.js';
import type { ValueVisitor } from '../value-visitor.js';
import type { Body } from './body.js';
import { type ContainerName, packedLayout, type PackedShape, PackedWalker } from './packed-walker.js';
import type { UnitReader } from './unit-reader.js';

const PLAIN_NODE = 1;
const PACKED_NODE = 2;

export class PackedBody implements Body {
  #container: ContainerName = 'listpack';
  #shape: PackedShape = 'list';
  #timed = false;
  readonly #walker = new PackedWalker();

  begin(type: ValueType): void {
    [this.#container, this.#shape] = packedLayout(type);
    this.#timed = type.opening === 'time+packed';
  }

  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    reader.begin();
    if (this.#timed && reader.raw(8) === INCOMPLETE) return reader.rewind();
    if (!reader.container()) return reader.rewind();
    walkBox(this.#walker, this.#container, this.#shape, reader, visitor);
    return true;
  }
}

export class QuicklistBody implements Body {
  #container: ContainerName = 'ziplist';
  #hasForms = false;
  /** Nodes still to come; -1 before the count. */
  #left = -1;
  readonly #walker = new PackedWalker();

  begin(type: ValueType): void {
    [this.#container] = packedLayout(type);
    this.#hasForms = type.name === 'LIST_QUICKLIST_2';
    this.#left = -1;
  }

  run(reader: UnitReader, visitor: ValueVisitor): boolean {
    if (this.#left < 0) {
      reader.begin();
      const count = reader.length();
      if (count === INCOMPLETE) return reader.rewind();
      this.#left = count;
    }
    while (this.#left > 0) {
      reader.begin();
      if (!this.#node(reader, visitor)) return reader.rewind();
      this.#left--;
    }
    return true;
  }

  #node(reader: UnitReader, visitor: ValueVisitor): boolean {
    const form = this.#hasForms ? reader.length() : PACKED_NODE;
    if (form === INCOMPLETE) return false;
    if (form === PLAIN_NODE) return plainNode(reader, visitor);
    if (form !== PACKED_NODE) throw corrupt(`a quicklist node of form ${form}`, reader.start);
    if (!reader.container()) return false;
    walkBox(this.#walker, this.#container, 'list', reader, visitor);
    return true;
  }
}

function plainNode(reader: UnitReader, visitor: ValueVisitor): boolean {
  if (!reader.locate()) return false;
  const { text, textStart, textEnd } = reader;
  if (textStart === textEnd) throw corrupt('a plain quicklist node without an item', reader.start);
  if (visitor.spans === undefined) visitor.listItem(viewOf(text, textStart, textEnd));
  else visitor.spans.listSpan(text, textStart, textEnd);
  return true;
}

function walkBox(
  walker: PackedWalker,
  container: ContainerName,
  shape: PackedShape,
  reader: UnitReader,
  visitor: ValueVisitor,
): void {
  try {
    walker.walk(container, shape, reader.box, reader.boxStart, reader.boxEnd, visitor, reader.scratch);
  } catch (error) {
    throw reader.placeBoxError(error);
  }
}
