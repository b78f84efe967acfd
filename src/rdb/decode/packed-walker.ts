/**
 * Hands on the elements of one packed container: checks it whole, then walks it.
 */
import { corrupt } from '../encodings/corrupt.js';
import { expiryFromAbsolute, NO_EXPIRY } from '../encodings/field-expiry.js';
import { checkIntset, IntsetCursor } from '../encodings/intset.js';
import { checkListpack, ListpackCursor } from '../encodings/listpack.js';
import { type PackedCursor, viewOf } from '../encodings/packed-cursor.js';
import type { Scratch } from '../encodings/scratch.js';
import { checkZiplist, ZiplistCursor } from '../encodings/ziplist.js';
import { checkZipmap, ZipmapCursor } from '../encodings/zipmap.js';
import type { ValueType } from '../value-types.js';
import type { ValueVisitor } from '../value-visitor.js';

export type ContainerName = 'ziplist' | 'listpack' | 'intset' | 'zipmap';
export type PackedShape = 'list' | 'set' | 'zset' | 'hash' | 'timed hash';

/** Elements per member; a container that holds another number is corrupt. */
const TUPLE: Readonly<Record<PackedShape, number>> = { list: 1, set: 1, zset: 2, hash: 2, 'timed hash': 3 };

const CHECKS: Readonly<Record<ContainerName, (bytes: Uint8Array, start: number, end: number) => number>> = {
  ziplist: checkZiplist,
  listpack: checkListpack,
  intset: checkIntset,
  zipmap: checkZipmap,
};

/** What is packed into what, by the name of the value type; quicklists: in their nodes. */
const LAYOUTS: Readonly<Record<string, readonly [ContainerName, PackedShape]>> = {
  HASH_ZIPMAP: ['zipmap', 'hash'],
  LIST_ZIPLIST: ['ziplist', 'list'],
  SET_INTSET: ['intset', 'set'],
  ZSET_ZIPLIST: ['ziplist', 'zset'],
  HASH_ZIPLIST: ['ziplist', 'hash'],
  LIST_QUICKLIST: ['ziplist', 'list'],
  HASH_LISTPACK: ['listpack', 'hash'],
  ZSET_LISTPACK: ['listpack', 'zset'],
  LIST_QUICKLIST_2: ['listpack', 'list'],
  SET_LISTPACK: ['listpack', 'set'],
  HASH_LISTPACK_EX_PRE_GA: ['listpack', 'timed hash'],
  HASH_LISTPACK_EX: ['listpack', 'timed hash'],
};

export function packedLayout(type: ValueType): readonly [ContainerName, PackedShape] {
  return LAYOUTS[type.name]!;
}

/** Checks the container and returns how many members (items, pairs …) it has. */
export function countMembers(
  container: ContainerName,
  shape: PackedShape,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const elements = CHECKS[container](bytes, start, end);
  const members = elements / TUPLE[shape];
  if (!Number.isInteger(members))
    throw corrupt(`a ${shape} in a ${container} of ${elements} elements`, start);
  return members;
}

export class PackedWalker {
  readonly #cursors: Readonly<Record<ContainerName, PackedCursor>> = {
    ziplist: new ZiplistCursor(),
    listpack: new ListpackCursor(),
    intset: new IntsetCursor(),
    zipmap: new ZipmapCursor(),
  };

  walk(
    container: ContainerName,
    shape: PackedShape,
    bytes: Uint8Array,
    start: number,
    end: number,
    visitor: ValueVisitor,
    scratch: Scratch,
  ): void {
    let left = countMembers(container, shape, bytes, start, end);
    const cursor = this.#cursors[container];
    cursor.reset(bytes, start, end);
    const member = MEMBERS[shape];
    for (; left > 0; left--) {
      scratch.clear();
      member(cursor, visitor, scratch);
    }
  }
}

type Member = (cursor: PackedCursor, visitor: ValueVisitor, scratch: Scratch) => void;

const MEMBERS: Readonly<Record<PackedShape, Member>> = {
  list(cursor, visitor, scratch) {
    cursor.next();
    if (visitor.spans === undefined) {
      visitor.listItem(cursor.text(scratch));
      return;
    }
    cursor.locate(scratch);
    visitor.spans.listSpan(cursor.textBytes, cursor.textStart, cursor.textEnd);
  },
  set(cursor, visitor, scratch) {
    cursor.next();
    if (visitor.spans === undefined) {
      visitor.setMember(cursor.text(scratch));
      return;
    }
    cursor.locate(scratch);
    visitor.spans.setSpan(cursor.textBytes, cursor.textStart, cursor.textEnd);
  },
  zset(cursor, visitor, scratch) {
    cursor.next();
    cursor.locate(scratch);
    const { textBytes, textStart, textEnd } = cursor;
    cursor.next();
    const score = cursor.score();
    if (visitor.spans === undefined) visitor.zsetMember(viewOf(textBytes, textStart, textEnd), score);
    else visitor.spans.zsetSpan(textBytes, textStart, textEnd, score);
  },
  hash: (cursor, visitor, scratch) => pair(cursor, visitor, scratch, false),
  'timed hash': (cursor, visitor, scratch) => pair(cursor, visitor, scratch, true),
};

/** Field, value and, when `timed`, the field's expiry. */
function pair(cursor: PackedCursor, visitor: ValueVisitor, scratch: Scratch, timed: boolean): void {
  cursor.next();
  cursor.locate(scratch);
  const { textBytes: field, textStart: fieldStart, textEnd: fieldEnd } = cursor;
  cursor.next();
  cursor.locate(scratch);
  const { textBytes: value, textStart: valueStart, textEnd: valueEnd } = cursor;
  let expiresAtMs = NO_EXPIRY;
  if (timed) {
    cursor.next();
    expiresAtMs = expiryFromAbsolute(cursor.integer('the expiry of a hash field'), cursor.position);
  }
  if (visitor.spans === undefined) {
    visitor.hashField(viewOf(field, fieldStart, fieldEnd), viewOf(value, valueStart, valueEnd), expiresAtMs);
  } else {
    visitor.spans.hashSpan(field, fieldStart, fieldEnd, value, valueStart, valueEnd, expiresAtMs);
  }
}
