/** Keys, values and scores for random commands. Everything comes from the seed; no clock, no state of a server. */

/** @typedef {import('./abilities.mjs').Arg} Arg */
/** @typedef {'str'|'num'|'bit'|'list'|'set'|'iset'|'zset'|'geo'|'hash'|'xs'|'hll'|'vec'} Kind */
/**
 * @typedef {object} Context
 * @property {import('./random.mjs').Random} random
 * @property {import('./abilities.mjs').Abilities} abilities
 * @property {readonly number[]} dbs
 * @property {number} db the database of the batch being made
 * @property {string} tag what belongs to this generator alone carries it
 * @property {number} nowMs the base of absolute expiry times
 * @property {(kind: Kind) => Arg} key
 * @property {(kind: Kind) => Arg} anyKey now and then a key of another kind, which earns WRONGTYPE; never a
 *   HyperLogLog, which would be corrupted, and servers disagree on what corruption they notice
 * @property {() => Kind} kind
 * @property {() => string} member
 * @property {() => Arg} value
 * @property {() => string} score
 * @property {() => string} soonMs a time to live of milliseconds; minutes where expiry races are not wanted
 * @property {(most: number) => number} lifeSeconds up to `most`, at least 2,000
 * @property {(most: number) => number} few 1 … most, small ones more often
 * @property {() => number} otherDb
 * @property {OwnStreams} own
 * @property {boolean} faithful
 */
/**
 * Streams that only this generator writes: it knows their ids, so XDEL, XACK, XCLAIM and XSETID can name real ones.
 * @typedef {object} OwnStreams
 * @property {() => {key: string, last: number}} pick
 */

const FOREIGN_CHANCE = 0.02;
/** Times to live of keys that are touched again, where that must not be a race. */
const CALM_SECONDS = 1200;

/** @type {readonly Kind[]} */
const KINDS = ['str', 'num', 'bit', 'list', 'set', 'iset', 'zset', 'geo', 'hash', 'xs', 'hll'];

/**
 * The key of one kind and index. Some indexes have awkward names for good: bytes that are no UTF-8,
 * a number, a long compressible text.
 * @param {Kind} kind
 * @param {number} index
 * @returns {Arg}
 */
export function keyName(kind, index) {
  if (index % 19 === 7)
    return Buffer.from([0xff, 0x00, 0x0d, 0x0a, KINDS.indexOf(kind), index & 0xff, index >> 8]);
  if (kind === 'str' && index % 23 === 5) return String(index * 1_000_003 - 40_000_000);
  if (index % 29 === 3) return `${kind}:${'long-key-name-'.repeat(4)}${index}`;
  return `${kind}:${index}`;
}

/** @param {import('./random.mjs').Random} random @returns {Arg} */
function randomValue(random) {
  const shape = random.int(100);
  if (shape < 30) return String(random.between(-100_000, 100_000));
  if (shape < 55) return `value-${random.int(1_000_000)}`;
  if (shape < 70) return 'compress me '.repeat(random.between(2, 20));
  if (shape < 85) return random.bytes(random.int(60));
  if (shape < 90) return '';
  if (shape < 98) return random.bytes(random.between(60, 600));
  return 'x'.repeat(random.between(1_000, 20_000));
}

const SPECIAL_SCORES = [
  'inf',
  '-inf',
  '-0',
  '0',
  '1e-7',
  '1.5e300',
  '3.0000000000000004',
  '9007199254740993',
];

/** @param {import('./random.mjs').Random} random @returns {string} */
function randomScore(random) {
  if (random.chance(0.05)) return random.pick(SPECIAL_SCORES);
  if (random.chance(0.4)) return String(random.next() * 1000 - 500);
  return String(random.between(-1000, 1000));
}

/** @param {string} tag @param {Pick<Context, 'db' | 'random'>} context @returns {OwnStreams} */
function ownStreams(tag, context) {
  /** @type {Map<string, {key: string, last: number}>} */
  const streams = new Map();
  return {
    pick: () => {
      const key = `own:${tag}:${context.random.int(6)}`;
      const place = `${context.db} ${key}`;
      const known = streams.get(place) ?? { key, last: 0 };
      streams.set(place, known);
      return known;
    },
  };
}

/**
 * @param {object} options
 * @param {import('./random.mjs').Random} options.random
 * @param {import('./abilities.mjs').Abilities} options.abilities
 * @param {readonly number[]} options.dbs
 * @param {number} options.keyspace
 * @param {number} options.nowMs
 * @param {string} options.tag
 * @param {boolean} options.faithful
 * @param {boolean} options.expiryRaces
 * @returns {Context}
 */
export function createContext({ random, abilities, dbs, keyspace, nowMs, tag, faithful, expiryRaces }) {
  const perKind = Math.max(4, Math.floor(keyspace / KINDS.length));
  const kind = () => random.pick(KINDS);
  const foreignKind = () => random.pick(KINDS.filter((one) => one !== 'hll'));
  /** @param {Kind} of */
  const key = (of) => keyName(of, random.int(perKind));
  const context = {
    random,
    abilities,
    dbs,
    db: dbs[0] ?? 0,
    tag,
    faithful,
    nowMs,
    kind,
    key,
    anyKey: (of) => key(random.chance(FOREIGN_CHANCE) ? foreignKind() : of),
    member: () => (random.chance(0.3) ? String(random.int(400)) : `m${random.int(600)}`),
    value: () => randomValue(random),
    score: () => randomScore(random),
    soonMs: () => String(expiryRaces ? random.between(5, 500) : CALM_SECONDS * 1000 + random.int(900_000)),
    lifeSeconds: (most) => random.between(expiryRaces ? 1 : CALM_SECONDS, most),
    few: (most) => 1 + Math.floor(random.next() * random.next() * most),
    otherDb: () => random.pick(dbs),
  };
  return Object.assign(context, { own: ownStreams(tag, context) });
}

/** @template T @param {number} count @param {() => T} make @returns {T[]} */
export function times(count, make) {
  return Array.from({ length: count }, make);
}
