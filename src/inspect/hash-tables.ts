/**
 * What a hash table takes besides its elements: the buckets and, where there are, the entries. A table is
 * as large as the server makes it when it loads so many elements.
 */
import { type ServerProfile, structBytes } from './server-profile.js';

const POINTER = 8;
const SMALLEST_DICT = 4;
const ENTRY_BYTES = 24;
const BARE_ENTRY_BYTES = 16;
const BUCKET_BYTES = 64;
const BUCKET_PLACES = 7;

export type Holds = 'pairs' | 'members';

/** A value's own table with `count` elements, without what these are made of. */
export function valueTableBytes(count: number, holds: Holds, profile: ServerProfile): number {
  if (profile.hashtables) return structBytes(HASHTABLE_BYTES, profile) + hashtableBuckets(count, profile);
  const buckets = dictBuckets(count);
  return (
    structBytes(profile.dictBytes, profile) +
    structBytes(buckets * POINTER, profile) +
    entries(count, buckets, holds === 'members' && profile.bareMembers, profile)
  );
}

/** A database's table of `count` keys or TTLs: the buckets, and entries where no key can be charged for them. */
export function databaseTableBytes(count: number, profile: ServerProfile): number {
  if (count === 0) return 0;
  if (profile.hashtables) return hashtableBuckets(count, profile);
  const buckets = dictBuckets(count);
  const own = profile.bareKeys ? entries(count, buckets, true, profile) : 0;
  return profile.alloc.sizeOf(buckets * POINTER) + own;
}

/** The entry of one key, or of its TTL. */
export function entryBytes(profile: ServerProfile): number {
  return structBytes(ENTRY_BYTES, profile);
}

const HASHTABLE_BYTES = 80;

function entries(count: number, buckets: number, bare: boolean, profile: ServerProfile): number {
  // Redis goes on counting an entry for each member.
  if (!bare || (profile.account === 'memory-usage' && profile.family === 'redis'))
    return count * structBytes(ENTRY_BYTES, profile);
  // The first element of each bucket in use needs no entry.
  const used = buckets * (1 - Math.exp(-count / buckets));
  return Math.max(0, count - used) * profile.alloc.sizeOf(BARE_ENTRY_BYTES);
}

function dictBuckets(count: number): number {
  return powerOfTwo(Math.max(SMALLEST_DICT, count));
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

/**
 * The smallest power of two of buckets that is at most 32/35 full; what a bucket can't hold goes into
 * another that is chained to it in place of its last element.
 */
function hashtableBuckets(count: number, profile: ServerProfile): number {
  if (count === 0) return 0;
  const buckets = powerOfTwo(Math.ceil((count * 5) / 32));
  const chained = buckets * chainedPerBucket(count / buckets);
  return structBytes(buckets * BUCKET_BYTES, profile) + chained * structBytes(BUCKET_BYTES, profile);
}

/** Expected number of chained buckets behind one when elements fall at random, `load` to each on average. */
function chainedPerBucket(load: number): number {
  let probability = Math.exp(-load);
  let expected = 0;
  for (let elements = 1; elements < 64; elements++) {
    probability *= load / elements;
    if (elements > BUCKET_PLACES) {
      expected += probability * Math.ceil((elements - BUCKET_PLACES) / (BUCKET_PLACES - 1));
    }
  }
  return expected;
}
