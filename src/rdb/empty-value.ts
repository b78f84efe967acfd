/**
 * Recognises collections without elements. Servers before 6.2 could write them; servers since 6.2 leave
 * them out when they load a file, and refuse them in RESTORE. A stream may be empty.
 */
import { Header, readString, STR_PLAIN } from './primitives.js';
import type { ValueType } from './value-types.js';

const TIME_BYTES = 8;
/** Size of the packed form that holds nothing: header and end mark. */
const EMPTY_BYTES: Readonly<Record<string, number>> = {
  zipmap: 2,
  listpack: 7,
  listpackex: 7,
  ziplist: 11,
  intset: 8,
};
const MAX_EMPTY_BYTES = 11;
const header = new Header();

export function isEmptyValue(type: ValueType, bytes: Uint8Array, start: number, end: number): boolean {
  switch (type.opening) {
    case 'str':
    case 'other':
      return false;
    case 'count':
      return bytes[start] === 0;
    case 'time+count':
      return bytes[start + TIME_BYTES] === 0;
    default:
      return isEmptyPacked(type, bytes, type.opening === 'packed' ? start : start + TIME_BYTES, end);
  }
}

function isEmptyPacked(type: ValueType, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_EMPTY_BYTES + 1) return false;
  readString(header, bytes, start, end);
  return header.form === STR_PLAIN && header.fileBytes === EMPTY_BYTES[type.encoding];
}
