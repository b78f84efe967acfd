/**
 * Streams of sources <= 6.2 carry relative times (`SET k v PX 100000`, `EXPIRE k 50`). The primary sends right
 * after executing, so arrival time plus the rest is the deadline; applied later, a relative time would be too
 * long. Since 7.0 the stream is absolute and nothing here applies. Bodies of EVAL (<= 4.0) cannot be changed.
 *
 *   SET k v EX n | PX n …         SET k v [XX] PXAT t              (>= 6.2)   or SET k v [XX] + PEXPIREAT k t
 *   SETEX k n v, PSETEX k n v     SET k v PXAT t                              or SET k v + PEXPIREAT k t
 *   EXPIRE k n, PEXPIRE k n …     PEXPIREAT k t
 *   RESTORE k n p … (n > 0)       RESTORE k t p … ABSTTL           (>= 5.0)   or RESTORE k 0 p … + PEXPIREAT k t
 *   GETEX k EX n | PX n           PEXPIREAT k t
 *
 * A command in the stream has succeeded on the source. So conditions that held (NX; NX, XX, GT, LT of EXPIRE)
 * and what only shapes the reply (GET) go; XX of SET stays, it does no harm. KEEPTTL, EXAT and PXAT are not
 * relative.
 */
import { bytesOf, isWord } from '../keyspace/words.js';

type Args = readonly Uint8Array[];

export interface TtlAbilities {
  /** SET … PXAT: 6.2 and up. */
  readonly setPxat: boolean;
  /** RESTORE … ABSTTL: 5.0 and up. */
  readonly restoreAbsttl: boolean;
}

const SET: Uint8Array = bytesOf('SET');
const XX: Uint8Array = bytesOf('XX');
const PXAT: Uint8Array = bytesOf('PXAT');
const PEXPIREAT: Uint8Array = bytesOf('PEXPIREAT');
const ABSTTL: Uint8Array = bytesOf('ABSTTL');
const ZERO: Uint8Array = bytesOf('0');

type Convert = (args: Args, nowMs: number, abilities: TtlAbilities) => readonly Args[] | null;

const CONVERTERS: readonly (readonly [name: string, convert: Convert])[] = [
  ['SET', convertSet],
  ['SETEX', (args, nowMs, can) => setUntil(args[1], args[3], deadline(args[2], 1000n, nowMs), false, can)],
  ['PSETEX', (args, nowMs, can) => setUntil(args[1], args[3], deadline(args[2], 1n, nowMs), false, can)],
  ['EXPIRE', (args, nowMs) => expireAt(args[1], deadline(args[2], 1000n, nowMs))],
  ['PEXPIRE', (args, nowMs) => expireAt(args[1], deadline(args[2], 1n, nowMs))],
  ['RESTORE', convertRestore],
  ['RESTORE-ASKING', convertRestore],
  ['GETEX', convertGetex],
];

/** Could the command named bytes[start, end) carry a relative time? Cheap; true also for every SET. */
export function mayHaveRelativeTtl(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  for (const [name] of CONVERTERS) {
    if (isWord(bytes, name, start, end)) return true;
  }
  return false;
}

/**
 * The same effect with absolute times, or null when there is nothing to change. `nowMs` is the source's clock
 * when the command arrived. Several commands are one unit.
 */
export function toAbsoluteTtl(args: Args, nowMs: number, abilities: TtlAbilities): readonly Args[] | null {
  const name = args[0];
  if (name === undefined || args.length < 3) return null;
  for (const [word, convert] of CONVERTERS) {
    if (isWord(name, word)) return convert(args, nowMs, abilities);
  }
  return null;
}

/** Deadlines reach beyond 2^53 when somebody expires a key in a million years; hence bigint. */
function deadline(amount: Uint8Array | undefined, unitMs: bigint, nowMs: number): Uint8Array | undefined {
  const value = parseInteger(amount);
  return value === undefined ? undefined : bytesOf(String(BigInt(Math.trunc(nowMs)) + value * unitMs));
}

function parseInteger(bytes: Uint8Array | undefined): bigint | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.length > 20) return undefined;
  const text = String.fromCharCode(...bytes);
  return /^-?\d+$/u.test(text) ? BigInt(text) : undefined;
}

function setUntil(
  key: Uint8Array | undefined,
  value: Uint8Array | undefined,
  until: Uint8Array | undefined,
  onlyExisting: boolean,
  abilities: TtlAbilities,
): readonly Args[] | null {
  if (key === undefined || value === undefined || until === undefined) return null;
  const set = onlyExisting ? [SET, key, value, XX] : [SET, key, value];
  return abilities.setPxat ? [[...set, PXAT, until]] : [set, [PEXPIREAT, key, until]];
}

function expireAt(key: Uint8Array | undefined, until: Uint8Array | undefined): readonly Args[] | null {
  return key === undefined || until === undefined ? null : [[PEXPIREAT, key, until]];
}

function convertSet(args: Args, nowMs: number, abilities: TtlAbilities): readonly Args[] | null {
  let until: Uint8Array | undefined;
  let onlyExisting = false;
  for (let at = 3; at < args.length; at++) {
    const option = args[at]!;
    if (isWord(option, 'XX')) onlyExisting = true;
    else if (isWord(option, 'EX')) until = deadline(args[++at], 1000n, nowMs);
    else if (isWord(option, 'PX')) until = deadline(args[++at], 1n, nowMs);
  }
  return setUntil(args[1], args[2], until, onlyExisting, abilities);
}

function convertGetex(args: Args, nowMs: number): readonly Args[] | null {
  const option = args[2]!;
  if (isWord(option, 'EX')) return expireAt(args[1], deadline(args[3], 1000n, nowMs));
  if (isWord(option, 'PX')) return expireAt(args[1], deadline(args[3], 1n, nowMs));
  return null;
}

function convertRestore(args: Args, nowMs: number, abilities: TtlAbilities): readonly Args[] | null {
  const [name, key, ttl, payload, ...options] = args;
  if (name === undefined || key === undefined || ttl === undefined || payload === undefined) return null;
  if (options.some((option) => isWord(option, 'ABSTTL'))) return null;
  const rest = parseInteger(ttl);
  const until = rest !== undefined && rest > 0n ? deadline(ttl, 1n, nowMs) : undefined;
  if (until === undefined) return null;
  return abilities.restoreAbsttl
    ? [[name, key, until, payload, ...options, ABSTTL]]
    : [
        [name, key, ZERO, payload, ...options],
        [PEXPIREAT, key, until],
      ];
}
