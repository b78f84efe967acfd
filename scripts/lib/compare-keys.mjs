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

/** @typedef {import('./compare.mjs').AnyClient} AnyClient */
/** @typedef {import('./compare-sides.mjs').Entry} Entry */
/** @typedef {{expireTime: boolean, fieldExpireTime: readonly [boolean, boolean]}} Abilities `expireTime` of both, field expiry of `a` and of `b` */

/** So many fields are asked for in one command. */
const FIELD_BATCH = 10_000;
/** PTTL is relative: the two servers are asked at slightly different moments. */
const PTTL_TOLERANCE_MS = 50;

/**
 * PEXPIRETIME since 7.0; HPEXPIRETIME since Redis 7.4 and Valkey 9.0.
 * @param {AnyClient} a
 * @param {AnyClient} b
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
 * @param {{a: AnyClient, b: AnyClient, abilities: Abilities, isDeep: boolean, ttlToleranceMs: number, held: boolean, excused: {count: number}}} context
 *   `excused` counts keys that are equal though their digests differ
 * @param {readonly {a: Entry, b: Entry}[]} pairs in the selected databases
 * @returns {Promise<import('./compare.mjs').Difference[]>}
 */
export async function compareKeys(context, pairs) {
  const ttlCommand = context.abilities.expireTime ? 'PEXPIRETIME' : 'PTTL';
  const ask = (client, keys) =>
    client.pipeline(
      keys.flatMap((key) => [
        ['TYPE', key],
        [ttlCommand, key],
        // One by one: in a cluster each goes to the key's node.
        ['DEBUG', 'DIGEST-VALUE', key],
      ]),
    );
  const [left, right] = await Promise.all([
    ask(
      context.a,
      pairs.map(({ a }) => a.key),
    ),
    ask(
      context.b,
      pairs.map(({ b }) => b.key),
    ),
  ]);
  const found = await Promise.all(
    pairs.map((pair, i) =>
      compareKey(context, pair, left.slice(3 * i, 3 * i + 3), right.slice(3 * i, 3 * i + 3)),
    ),
  );
  return found.flat();
}

async function compareKey(context, pair, [type, ttl, digestA], [typeB, ttlB, digestB]) {
  const { abilities, isDeep, ttlToleranceMs, held } = context;
  const left = { client: context.a, key: pair.a.key };
  const right = { client: context.b, key: pair.b.key };
  const found = [];
  const tell = (what, a, b) => found.push({ db: pair.a.db, key: quoteBytes(pair.a.key), what, a, b });
  if (type !== typeB) tell('type', String(type), String(typeB));
  else if (expectDigest(digestA) !== expectDigest(digestB)) {
    if (await isSameInOtherWords(context, left, right, type)) context.excused.count++;
    else {
      const shown = await previewPair(left, right, type);
      tell('value', shown.a, shown.b);
    }
  }
  if (!isDeep) return found;
  const tolerance = abilities.expireTime ? ttlToleranceMs : Math.max(ttlToleranceMs, PTTL_TOLERANCE_MS);
  if (!isSameTtl(ttl, held ? trueDeadline(ttlB, KEY_HOLD_MS) : ttlB, tolerance)) {
    const name = abilities.expireTime ? 'PEXPIRETIME' : 'PTTL';
    tell('ttl', `${name} ${String(ttl)}`, `${name} ${String(ttlB)}`);
  }
  if (type === typeB)
    for (const { what, a, b } of await compareInside(context, left, right, type)) tell(what, a, b);
  return found;
}

/** The server answers one digest of 40 hex digits; an error here means that nothing can be judged. */
function expectDigest(reply) {
  if (reply instanceof Error) throw reply;
  return String(reply[0]);
}

/** Digests of equal values differ between families (field TTLs) and versions (how scores are printed). */
async function isSameInOtherWords({ held, abilities }, left, right, type) {
  if (type === 'hash') {
    const gone = held && abilities.fieldExpireTime[1] ? await pastFields(right) : new Set();
    return hasSameFields(left, right, gone);
  }
  return type === 'zset' && hasSameScores(left, right);
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
async function pastFields(place) {
  const times = await readFieldTtls(place, true);
  const isPast = (ms) =>
    trueDeadline(ms, FIELD_HOLD_MS) !== ms && trueDeadline(ms, FIELD_HOLD_MS) <= Date.now();
  return new Set([...times].filter(([, ms]) => isPast(ms)).map(([field]) => field));
}

async function compareInside(context, left, right, type) {
  if (type === 'stream') return compareStreams(left, right);
  if (type === 'hash' && context.abilities.fieldExpireTime.includes(true))
    return compareFieldTtls(context, left, right);
  return [];
}

/** The fields' expiry; fields that only one side has are the value's difference, not reported again. */
async function compareFieldTtls({ abilities, ttlToleranceMs, held }, left, right) {
  const [canA, canB] = abilities.fieldExpireTime;
  const [timesA, timesB] = await Promise.all([readFieldTtls(left, canA), readFieldTtls(right, canB)]);
  const found = [];
  for (const [field, ttl] of timesA) {
    const seen = timesB.get(field);
    const other = held && seen !== undefined ? trueDeadline(seen, FIELD_HOLD_MS) : seen;
    if (other === undefined || isSameTtl(ttl, other, ttlToleranceMs)) continue;
    const show = (value) => `${quoteBytes(Buffer.from(field, 'latin1'))} expires at ${value}`;
    found.push({ what: 'field-ttl', a: show(ttl), b: show(other) });
  }
  return found;
}

/** @returns {Promise<Map<string, number>>} field as latin1 → HPEXPIRETIME of it; -1 without, or where none can be */
async function readFieldTtls({ client, key }, isSupported) {
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
