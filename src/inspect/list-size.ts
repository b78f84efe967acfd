/**
 * What a list takes: a listpack, a quicklist of packed and plain nodes, or, from files before 3.2, items one
 * by one that a newer server packs into nodes.
 */
import type { ValueType } from '../rdb/value-types.js';
import { OBJECT_BYTES } from './key-size.js';
import { sdsBytes, type ServerProfile, structBytes } from './server-profile.js';
import { EMBEDDED_LENGTH } from './string-size.js';

const QUICKLIST_BYTES = 40;
const LINKED_LIST_BYTES = 48;

/** An item of a list that is stored one by one: a linked list, or since 3.2 what it is turned into. */
export function listItemBytes(length: number, profile: ServerProfile): number {
  if (!profile.oldStrings) return length + 2 + (length > 63 ? 1 : 0);
  const { alloc } = profile;
  const text =
    length <= EMBEDDED_LENGTH
      ? alloc.sizeOf(OBJECT_BYTES + sdsBytes(length, profile))
      : alloc.sizeOf(sdsBytes(length, profile)) + OBJECT_BYTES;
  return structBytes(24, profile) + text;
}

/** Whether a list of so many nodes is that listpack alone. */
export function isBareListpack(
  type: ValueType,
  nodes: number,
  plain: boolean,
  profile: ServerProfile,
): boolean {
  if (type.encoding === 'linkedlist' || !profile.bareListpackLists) return false;
  return nodes === 1 && !plain;
}

/** What holds the items or nodes of a list that is no bare listpack. */
export function listFrameBytes(type: ValueType, nodes: number, profile: ServerProfile): number {
  if (profile.oldStrings && type.encoding === 'linkedlist') return structBytes(LINKED_LIST_BYTES, profile);
  if (profile.oldStrings && type.encoding === 'ziplist') return 0;
  const links = type.encoding === 'linkedlist' ? 0 : nodes * structBytes(profile.listNodeBytes, profile);
  return structBytes(QUICKLIST_BYTES, profile) + links;
}
