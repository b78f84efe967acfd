/**
 * Which keys of a snapshot are wanted, beyond names by glob, databases and kinds (`keyspace/key-filter.ts`):
 * by regular expression, by TTL, by size.
 */
import type { RdbEntry } from '../rdb/handler.js';

export type TtlSelection =
  | { readonly is: 'present' }
  | { readonly is: 'absent' }
  /** Less than this was left when the snapshot was taken; keys without TTL are not meant. */
  | { readonly is: 'less-than'; readonly ms: number };

export interface Selection {
  /** The key, read as UTF-8, must match. */
  readonly includePattern?: RegExp | undefined;
  readonly excludePattern?: RegExp | undefined;
  readonly ttl?: TtlSelection | undefined;
  /** Bytes of the value as it stands in the file, often compressed. */
  readonly minBytes?: number | undefined;
  readonly maxBytes?: number | undefined;
}

export function limitsSize({ minBytes, maxBytes }: Selection): boolean {
  return minBytes !== undefined || maxBytes !== undefined;
}

export function selectsSize({ minBytes, maxBytes }: Selection, bytes: number): boolean {
  return (minBytes === undefined || bytes >= minBytes) && (maxBytes === undefined || bytes <= maxBytes);
}

const utf8 = new TextDecoder();

/** All but the size. `snapshotTimeMs` is when the snapshot was taken. */
export function selectsKey(selection: Selection, entry: RdbEntry, snapshotTimeMs: number): boolean {
  const { includePattern, excludePattern, ttl } = selection;
  if (ttl !== undefined && !selectsTtl(ttl, entry.expiresAtMs, snapshotTimeMs)) return false;
  if (includePattern === undefined && excludePattern === undefined) return true;
  const key = utf8.decode(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd));
  return (
    (includePattern === undefined || found(includePattern, key)) &&
    !(excludePattern !== undefined && found(excludePattern, key))
  );
}

/** A pattern with the flag `g` or `y` remembers where it stood. */
function found(pattern: RegExp, key: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(key);
}

function selectsTtl(ttl: TtlSelection, expiresAtMs: number, nowMs: number): boolean {
  switch (ttl.is) {
    case 'present':
      return expiresAtMs >= 0;
    case 'absent':
      return expiresAtMs < 0;
    default:
      return expiresAtMs >= 0 && expiresAtMs - nowMs < ttl.ms;
  }
}
