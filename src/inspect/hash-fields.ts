/**
 * A field of a hash that is stored as a hash table, and what TTLs of fields cost.
 *
 *   Redis          sds field, sds value; 7.4: a field with a TTL carries 16 bytes of metadata and 2 of flags
 *   Valkey 8.1     both in one allocation up to 128 bytes; else field with a pointer, sds value; 9.0, a TTL: 8 bytes
 *
 * The TTLs of a hash are kept in order besides: Redis in ebuckets (up to 16 fields a bucket), Valkey 9 in
 * buckets of pointers.
 */
import type { ValueType } from '../rdb/value-types.js';
import { valueTableBytes } from './hash-tables.js';
import { sdsBytes, type ServerProfile, structBytes } from './server-profile.js';

const POINTER = 8;
const LISTPACKEX_BYTES = 40;
const EMBED_LIMIT = 128;
const FIELD_METADATA_BYTES = 18;
const HASH_METADATA_BYTES = 40;
/** Up to so many are a chain through their metadata, and take nothing more. */
const BUCKET_FIELDS = 16;
const BUCKET_BYTES = 6;
const VALKEY_ARRAY_FIELDS = 127;
const VALKEY_BUCKET_BYTES = 15;

export function hashFieldBytes(field: number, value: number, timed: boolean, profile: ServerProfile): number {
  const { alloc, hashtables } = profile;
  const name = sdsBytes(field, profile);
  const text = sdsBytes(value, profile);
  if (!hashtables) {
    const metadata = timed ? FIELD_METADATA_BYTES : 0;
    return alloc.sizeOf(name + metadata) + alloc.sizeOf(text);
  }
  const ttl = timed ? POINTER : 0;
  const together = ttl + name + value + 4;
  if (together <= EMBED_LIMIT) return alloc.sizeOf(together);
  return alloc.sizeOf(ttl + POINTER + name) + alloc.sizeOf(text);
}

/** What keeps the order of so many TTLs in one hash. The figures per field were measured. */
function fieldTtlBytes(fields: number, profile: ServerProfile): number {
  if (fields === 0) return 0;
  if (profile.hashtables) {
    return fields <= VALKEY_ARRAY_FIELDS
      ? profile.alloc.sizeOf(fields * POINTER)
      : fields * VALKEY_BUCKET_BYTES;
  }
  const own = structBytes(HASH_METADATA_BYTES, profile);
  return fields <= BUCKET_FIELDS || profile.account === 'memory-usage' ? own : own + fields * BUCKET_BYTES;
}

/** What a hash takes besides its fields and values. */
export function hashFrameBytes(
  type: ValueType,
  pairs: number,
  timed: number,
  profile: ServerProfile,
): number {
  if (type.opening === 'count' || type.opening === 'time+count')
    return valueTableBytes(pairs, 'pairs', profile) + fieldTtlBytes(timed, profile);
  return type.encoding === 'listpackex' ? structBytes(LISTPACKEX_BYTES, profile) : 0;
}
