/**
 * The form of large sorted sets: a hash table from member to score beside a skiplist in order. A node has
 * as many levels as chance gives it, each a quarter as likely as the one below; its expected size is used.
 *
 *   node    member 8, score 8, backward 8, levels × (forward 8, span 8)
 *   Valkey 9   member inside the node, behind its levels
 */
import { valueTableBytes } from './hash-tables.js';
import { atLeast, sdsBytes, type ServerProfile, structBytes } from './server-profile.js';

const NODE_BYTES = 24;
const LEVEL_BYTES = 16;
const MAX_LEVEL = 32;
const LEVEL_CHANCE = 0.25;
const ZSET_BYTES = 16;
const SKIPLIST_BYTES = 32;

/** Everything but the members: zset, skiplist with its header, hash table. */
export function skiplistBytes(members: number, profile: ServerProfile): number {
  const header = profile.alloc.sizeOf(NODE_BYTES + MAX_LEVEL * LEVEL_BYTES);
  return (
    structBytes(ZSET_BYTES, profile) +
    structBytes(SKIPLIST_BYTES, profile) +
    header +
    valueTableBytes(members, 'pairs', profile)
  );
}

/** One member with its node. */
export function skiplistNodeBytes(length: number, profile: ServerProfile): number {
  const member = sdsBytes(length, profile);
  if (membersInside(profile)) return expected(NODE_BYTES - 8 + 1 + member, profile);
  return expected(NODE_BYTES, profile) + profile.alloc.sizeOf(member);
}

function membersInside(profile: ServerProfile): boolean {
  return profile.family === 'valkey' && atLeast(profile, 9, 0);
}

const known = new WeakMap<ServerProfile, Map<number, number>>();

/** Over the levels a node may have, of one with `base` bytes besides. */
function expected(base: number, profile: ServerProfile): number {
  let sizes = known.get(profile);
  if (sizes === undefined) known.set(profile, (sizes = new Map()));
  const ready = sizes.get(base);
  if (ready !== undefined) return ready;
  let bytes = 0;
  let chance = 1 - LEVEL_CHANCE;
  for (let level = 1; level <= MAX_LEVEL; level++) {
    bytes += chance * profile.alloc.sizeOf(base + level * LEVEL_BYTES);
    chance *= LEVEL_CHANCE;
  }
  if (base < 1024) sizes.set(base, bytes);
  return bytes;
}
