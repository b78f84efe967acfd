import type { PackedCursor } from '../../src/rdb/encodings/packed-cursor.js';
import { Scratch } from '../../src/rdb/encodings/scratch.js';
import { embedded, readable } from './rdb-hex.js';

type Check = (bytes: Uint8Array, start: number, end: number) => number;

/** All elements of a container that lies in the middle of a buffer, after checking it. */
export function elementsOf(check: Check, cursor: PackedCursor, container: Uint8Array): unknown[] {
  const bytes = embedded(container);
  const end = 5 + container.length;
  const count = check(bytes, 5, end);
  const scratch = new Scratch();
  const elements: unknown[] = [];
  cursor.reset(bytes, 5, end);
  while (cursor.next()) elements.push(readable(cursor.text(scratch)));
  if (elements.length !== count) throw new Error(`${count} counted, ${elements.length} walked`);
  return elements;
}
