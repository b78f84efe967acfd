/**
 * Records that are passed over whole. Each function gets the position behind the opcode and returns the
 * position behind the record, or INCOMPLETE. The opaque ones may answer a position beyond `end`: that much
 * is known to be needed.
 *
 *   MODULE_AUX    len module-id, then module items to the end mark
 *   KEY_META      Redis ≥ 8.6: len classes (≤ 7), each 4 raw bytes and module items to the end mark
 *   SLOT_INFO     Redis ≥ 7.4: len slot, len keys, len expires
 *   SLOT_IMPORT   Valkey ≥ 9.0: str job, len n, n × (len first, len last)
 */
import { ReplicantError } from '../errors.js';
import { Header, INCOMPLETE, readLength, skipLength } from './primitives.js';
import { skipItem, skipString } from './skip-value.js';

const MAX_META_CLASSES = 7;
const SLOTS = 16384;
const header = new Header();

function skipItems(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const last = bytes[at] === 0;
    at = skipItem(bytes, at, end);
    if (at === INCOMPLETE || last) return at;
  }
  return at > end ? at : INCOMPLETE;
}

export function skipModuleAux(bytes: Uint8Array, start: number, end: number): number {
  const at = skipLength(bytes, start, end);
  return at === INCOMPLETE ? INCOMPLETE : skipItems(bytes, at, end);
}

export function skipKeyMeta(bytes: Uint8Array, start: number, end: number): number {
  let at = readLength(header, bytes, start, end);
  if (at === INCOMPLETE) return INCOMPLETE;
  const classes = header.length;
  if (classes === 0 || classes > MAX_META_CLASSES) {
    throw new ReplicantError('RDB_CORRUPT', `key metadata of ${classes} classes`, {
      place: { offset: start },
    });
  }
  for (let left = classes; left > 0 && at !== INCOMPLETE && at <= end; left--) {
    at = skipItems(bytes, at + 4, end);
  }
  return at;
}

function readSlot(bytes: Uint8Array, at: number, end: number): number {
  const next = readLength(header, bytes, at, end);
  if (next !== INCOMPLETE && header.length >= SLOTS) {
    throw new ReplicantError('RDB_CORRUPT', `slot ${header.length}`, { place: { offset: at } });
  }
  return next;
}

export function skipSlotInfo(bytes: Uint8Array, start: number, end: number): number {
  let at = readSlot(bytes, start, end);
  for (let left = 2; left > 0 && at !== INCOMPLETE; left--) at = skipLength(bytes, at, end);
  return at;
}

export function skipSlotImport(bytes: Uint8Array, start: number, end: number): number {
  let at = skipString(bytes, start, end);
  if (at === INCOMPLETE || at > end) return INCOMPLETE;
  at = readLength(header, bytes, at, end);
  const ranges = header.length;
  if (at !== INCOMPLETE && ranges > SLOTS) {
    throw new ReplicantError('RDB_CORRUPT', `${ranges} slot ranges`, { place: { offset: start } });
  }
  for (let left = ranges * 2; left > 0 && at !== INCOMPLETE; left--) at = readSlot(bytes, at, end);
  return at;
}
