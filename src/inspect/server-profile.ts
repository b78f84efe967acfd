/**
 * What of a server's memory layout depends on its family and version, as far as it costs bytes.
 *
 *   keys      Redis ≤ 8.0          an entry of 24 bytes, the key as an sds of its own
 *             Valkey 8.0           the key inside the entry (17 bytes before it)
 *             Valkey 8.1, Redis 8.2   the key inside the object; a short string inside it, too, up to 64 bytes
 *             Valkey 9.0 / 9.1     up to 128 bytes; 9.1 without the pointer that such a string does not need
 *   tables    dict: 8 bytes a bucket, 2^n of them; Redis 7.2 and Valkey 7.2 put a set's member, Redis 8.2 a
 *             key, into the bucket itself when it is alone there
 *             hashtable (Valkey 8.1): buckets of 64 bytes with 7 places
 *   lists     7.2: a list of one node is that listpack, without a quicklist around it
 *
 * Verified against Redis 6.0, 7.0, 8.0 and Valkey 8.0, 8.1, 9.1; others by what is known of their source.
 */
import { ReplicantError } from '../errors.js';
import type { Dialect } from '../rdb/dialect.js';
import { allocator, type Allocator, type AllocatorName } from './allocator.js';

/**
 * What is counted. `allocated`: everything the key makes the server allocate. `memory-usage`: what the
 * command MEMORY USAGE key SAMPLES 0 answers, which leaves some of that out (the entry of a TTL, the
 * rounding up of structures) and estimates streams roughly.
 */
export type Account = 'allocated' | 'memory-usage';

export interface ServerName {
  readonly family: Dialect;
  readonly major: number;
  readonly minor: number;
}

export type KeyForm = 'own sds' | 'in entry' | 'in object';

export interface ServerProfile extends ServerName {
  /** `redis 7.2` */
  readonly name: string;
  readonly account: Account;
  readonly alloc: Allocator;
  readonly keys: KeyForm;
  /** Keys in objects: the largest allocation a string is put into together with its key. */
  readonly embedLimit: number;
  /** The header of such a string: 16, or 8 without the pointer. */
  readonly embeddedHeaderBytes: number;
  readonly hashtables: boolean;
  /** A member that is alone in its bucket needs no entry: of sets, of the databases. */
  readonly bareMembers: boolean;
  readonly bareKeys: boolean;
  /** Small integers are objects that exist once. */
  readonly sharedIntegers: boolean;
  readonly bareListpackLists: boolean;
  readonly listNodeBytes: number;
  readonly dictBytes: number;
  /** `stream` and `streamCG` structures. */
  readonly streamBytes: number;
  readonly streamGroupBytes: number;
  readonly streamConsumerBytes: number;
  /** Before 3.2 every sds had a header of 8 bytes. */
  readonly oldStrings: boolean;
}

export interface ProfileOptions {
  readonly account?: Account;
  readonly allocator?: AllocatorName;
}

export function atLeast(name: ServerName, major: number, minor: number): boolean {
  return name.major > major || (name.major === major && name.minor >= minor);
}

export function formatServerName({ family, major, minor }: ServerName): string {
  return `${family} ${major}.${minor}`;
}

/** `redis-7.2`, `valkey 8.1.1`, `7.2` (Redis) */
export function parseServerName(text: string): ServerName | undefined {
  const match = /^(?:(redis|valkey)[- ]?)?(\d{1,3})\.(\d{1,3})(?:\.\d+.*)?$/iu.exec(text.trim());
  if (match === null) return undefined;
  const family = match[1]?.toLowerCase() === 'valkey' ? 'valkey' : 'redis';
  return { family, major: Number(match[2]), minor: Number(match[3]) };
}

/** The oldest release that writes this version of the format: for files that do not say who wrote them. */
export function serverOfRdbVersion(dialect: Dialect, version: number): ServerName {
  if (dialect === 'valkey') return { family: 'valkey', major: 9, minor: version > 80 ? 2 : 0 };
  const [, major, minor] = BY_RDB_VERSION.find(([least]) => version >= least) ?? [0, 2, 6];
  return { family: 'redis', major, minor };
}

const BY_RDB_VERSION: readonly (readonly [least: number, major: number, minor: number])[] = [
  [15, 8, 10],
  [14, 8, 8],
  [13, 8, 6],
  [12, 7, 4],
  [11, 7, 2],
  [10, 7, 0],
  [9, 6, 0],
  [8, 4, 0],
  [7, 3, 2],
];

export function serverProfile(name: ServerName, options: ProfileOptions = {}): ServerProfile {
  const { family, major, minor } = name;
  if (major < 2) throw new ReplicantError('USAGE', `no memory model for ${formatServerName(name)}`);
  const since = (redis: readonly [number, number], valkey: readonly [number, number] = [0, 0]): boolean =>
    family === 'redis' ? atLeast(name, ...redis) : atLeast(name, ...valkey);
  const never = [999, 0] as const;
  const keysInObject = since([8, 2], [8, 1]);
  return {
    family,
    major,
    minor,
    name: formatServerName(name),
    account: options.account ?? 'allocated',
    alloc: allocator(options.allocator ?? 'system'),
    keys: keysInObject ? 'in object' : since(never, [8, 0]) ? 'in entry' : 'own sds',
    embedLimit: since(never, [9, 0]) ? 128 : 64,
    embeddedHeaderBytes: since(never, [9, 1]) ? 8 : 16,
    hashtables: since(never, [8, 1]),
    bareMembers: since([7, 2]),
    bareKeys: since([8, 2], never),
    sharedIntegers: !keysInObject,
    bareListpackLists: since([7, 2]),
    listNodeBytes: since([7, 0]) ? 40 : 32,
    dictBytes: since([7, 0]) ? 56 : 96,
    streamBytes: since([7, 0]) ? 80 : 40,
    streamGroupBytes: since([7, 0]) ? 40 : 32,
    streamConsumerBytes: since([7, 2]) ? 32 : 24,
    oldStrings: !since([3, 2]),
  };
}

/** Bytes of an sds with its header and its end mark. */
export function sdsBytes(length: number, profile: ServerProfile): number {
  if (profile.oldStrings) return length + 9;
  if (length < 32) return length + 2;
  if (length < 256) return length + 4;
  if (length < 65_536) return length + 6;
  return length + 10;
}

/** A structure that one pointer leads to: MEMORY USAGE adds up what `sizeof` says. */
export function structBytes(bytes: number, profile: ServerProfile): number {
  return profile.account === 'allocated' ? profile.alloc.sizeOf(bytes) : bytes;
}

/** A packed container, an allocation of its own; before 7.0 MEMORY USAGE counts what is used of it. */
export function packedBytes(bytes: number, profile: ServerProfile): number {
  return profile.account === 'memory-usage' && profile.major < 7 ? bytes : profile.alloc.sizeOf(bytes);
}

/** MEMORY USAGE reckons what a stream's trees take rather than counting it; Valkey 8.1 counts. */
export function reckonsTrees(profile: ServerProfile): boolean {
  return profile.account === 'memory-usage' && !profile.hashtables;
}
