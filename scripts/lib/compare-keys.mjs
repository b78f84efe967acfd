/**
 * Keys that exist on both servers: type, value, expiry, and what DEBUG DIGEST leaves out (expiry of hash
 * fields, consumer groups). In batches of pipelined commands.
 *
 * A hash with expiring fields has no digest that all servers agree on: Redis (7.4+) mixes a mark into it,
 * Valkey (9.0+) does not; and a sorted set's digest has the scores as the version prints them. So hashes and
 * sorted sets whose digests differ are looked at element by element before they count.
 */
import { compareStreams } from './compare-streams.mjs';
import { hasSameFields, hasSameScores, previewPair, quoteBytes } from './preview.mjs';

/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {{expireTime: boolean, fieldExpireTime: readonly [boolean, boolean]}} Abilities `expireTime` of both, field expiry of `a` and of `b` */

/** So many fields are asked for in one command. */
const FIELD_BATCH = 10_000;
/** PTTL is relative: the two servers are asked at slightly different moments. */
const PTTL_TOLERANCE_MS = 50;

/**
 * PEXPIRETIME since 7.0; HPEXPIRETIME since Redis 7.4 and Valkey 9.0.
 * @param {Client} a
 * @param {Client} b
 * @returns {Promise<Abilities>}
 */
export async function listCapabilities(a, b) {
  const [left, right] = await Promise.all(
    [a, b].map((c) => c.call('COMMAND', 'INFO', 'PEXPIRETIME', 'HPEXPIRETIME')),
  );
  return {
    expireTime: isKnown(left[0]) && isKnown(right[0]),
    fieldExpireTime: [isKnown(left[1]), isKnown(right[1])],
  };
}

/** COMMAND INFO answers null, or an empty list, for a command that it does not know. */
function isKnown(reply) {
  return Array.isArray(reply) && reply.length > 0;
}

/**
 * @param {{a: Client, b: Client, abilities: Abilities, isDeep: boolean, ttlToleranceMs: number, held: boolean, excused: {count: number}}} context
 *   `excused` counts keys that are equal though their digests differ
 * @param {readonly Buffer[]} keys
 * @returns {Promise<Omit<import('./compare.mjs').Difference, 'db'>[]>}
 */
export async function compareKeys(context, keys) {
  const { a, b, abilities, isDeep, ttlToleranceMs, held } = context;
  const ttlCommand = abilities.expireTime ? 'PEXPIRETIME' : 'PTTL';
  const tolerance = abilities.expireTime ? ttlToleranceMs : Math.max(ttlToleranceMs, PTTL_TOLERANCE_MS);
  const commands = keys.flatMap((key) => [
    ['TYPE', key],
    [ttlCommand, key],
  ]);
  commands.push(['DEBUG', 'DIGEST-VALUE', ...keys]);
  const [left, right] = await Promise.all([a.pipeline(commands), b.pipeline(commands)]);
  const digestsA = expectDigests(left.at(-1));
  const digestsB = expectDigests(right.at(-1));
  const found = [];
  for (const [index, key] of keys.entries()) {
    const [type, ttl] = left.slice(2 * index);
    const [typeB, ttlB] = right.slice(2 * index);
    const name = quoteBytes(key);
    if (type !== typeB) found.push({ key: name, what: 'type', a: String(type), b: String(typeB) });
    else if (digestsA[index] !== digestsB[index]) {
      if (await isSameInOtherWords(context, key, type)) context.excused.count++;
      else found.push({ key: name, what: 'value', ...(await previewPair(a, b, key, type)) });
    }
    if (!isDeep) continue;
    if (!isSameTtl(ttl, held ? trueDeadline(ttlB, KEY_HOLD_MS) : ttlB, tolerance)) {
      found.push({
        key: name,
        what: 'ttl',
        a: `${ttlCommand} ${String(ttl)}`,
        b: `${ttlCommand} ${String(ttlB)}`,
      });
    }
    if (type === typeB) found.push(...(await compareInside(context, key, type)));
  }
  return found;
}

/** The server answers an array of 40 hex digits; an error here means that nothing can be judged. */
function expectDigests(reply) {
  if (reply instanceof Error) throw reply;
  return reply.map(String);
}

/** Digests of equal values differ between families (field TTLs) and versions (how scores are printed). */
async function isSameInOtherWords(context, key, type) {
  const { a, b, held, abilities } = context;
  if (type === 'hash') {
    const gone = held && abilities.fieldExpireTime[1] ? await pastFields(b, key) : new Set();
    return hasSameFields(a, b, key, gone);
  }
  return type === 'zset' && hasSameScores(a, b, key);
}

/** -1 is no expiry and -2 no key; those must agree exactly. */
function isSameTtl(left, right, toleranceMs) {
  if (left === right) return true;
  return left >= 0 && right >= 0 && Math.abs(left - right) <= toleranceMs;
}

/** A sync that runs holds deadlines back on its target: by an amount no deadline has by itself. */
const KEY_HOLD_MS = 2 ** 52;
const FIELD_HOLD_MS = 2 ** 45;
/** PTTL of a deadline that is held and past is a little less than the amount. */
const AGES_MS = 2 ** 42;

function trueDeadline(ms, holdMs) {
  return ms >= holdMs - AGES_MS && ms < 2 * holdMs ? ms - holdMs : ms;
}

/**
 * Fields that are held back though their time is over. The source may have stopped showing them long before it
 * removes them and says so (Valkey 9 takes its time).
 */
async function pastFields(client, key) {
  const times = await readFieldTtls(client, key, true);
  const isPast = (ms) =>
    trueDeadline(ms, FIELD_HOLD_MS) !== ms && trueDeadline(ms, FIELD_HOLD_MS) <= Date.now();
  return new Set([...times].filter(([, ms]) => isPast(ms)).map(([field]) => field));
}

async function compareInside(context, key, type) {
  if (type === 'stream') return compareStreams(context.a, context.b, key);
  if (type === 'hash' && context.abilities.fieldExpireTime.includes(true))
    return compareFieldTtls(context, key);
  return [];
}

/** The fields' expiry; fields that only one side has are the value's difference, not reported again. */
async function compareFieldTtls({ a, b, abilities, ttlToleranceMs, held }, key) {
  const [canA, canB] = abilities.fieldExpireTime;
  const [left, right] = await Promise.all([readFieldTtls(a, key, canA), readFieldTtls(b, key, canB)]);
  const found = [];
  for (const [field, ttl] of left) {
    const seen = right.get(field);
    const other = held && seen !== undefined ? trueDeadline(seen, FIELD_HOLD_MS) : seen;
    if (other === undefined || isSameTtl(ttl, other, ttlToleranceMs)) continue;
    const show = (value) => `${quoteBytes(Buffer.from(field, 'latin1'))} expires at ${value}`;
    found.push({ key: quoteBytes(key), what: 'field-ttl', a: show(ttl), b: show(other) });
  }
  return found;
}

/** @returns {Promise<Map<string, number>>} field as latin1 → HPEXPIRETIME of it; -1 without, or where none can be */
async function readFieldTtls(client, key, isSupported) {
  const fields = await client.call('HKEYS', key);
  if (fields.length === 0) return new Map();
  const times = [];
  for (let from = 0; from < fields.length; from += FIELD_BATCH) {
    const some = fields.slice(from, from + FIELD_BATCH);
    const command = ['HPEXPIRETIME', key, 'FIELDS', some.length, ...some];
    times.push(...(isSupported ? await client.call(...command) : some.map(() => -1)));
  }
  return new Map(fields.map((field, index) => [field.toString('latin1'), times[index]]));
}
