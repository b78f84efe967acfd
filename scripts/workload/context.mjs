/** Keys, values and scores for random commands. Everything comes from the seed; no clock, no state of a server. */
import { slotOf } from '../lib/cluster-slots.mjs';

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
 * @property {(name: Arg) => Arg} named a key that is of no kind
 * @property {string} slotTag what keys begin with at the moment: nothing, or `{tN}`, which puts them into one slot
 * @property {Set<number>} slots of all keys since it was cleared; kept for clusters only
 * @property {() => void} chooseTag makes one of the slot tags the current one
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
 * @property {() => {key: Arg, last: number}} pick
 */

/**
 * How keys are spread: over several databases; over all slots, in one database, without regard to which
 * commands take several keys; or as a cluster wants them, several keys of a command with one hash tag.
 * @typedef {'databases' | 'crossSlot' | 'cluster'} Layout
 */

const FOREIGN_CHANCE = 0.02;
/** In a cluster, the tags `{t0}` … that commands with several keys use. */
export const SLOT_TAGS = 32;
/** So many times fewer keys there are with each tag than without. */
const TAGGED_SHARE = 6;
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

/** @param {string} tag @param {Pick<Context, 'db' | 'random' | 'named' | 'slotTag'>} context @returns {OwnStreams} */
function ownStreams(tag, context) {
  /** @type {Map<string, {key: Arg, last: number}>} */
  const streams = new Map();
  return {
    pick: () => {
      const key = context.named(`own:${tag}:${context.random.int(6)}`);
      const place = `${context.db} ${String(key)}`;
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
 * @param {Layout} options.layout
 * @returns {Context}
 */
export function createContext({
  random,
  abilities,
  dbs,
  keyspace,
  nowMs,
  tag,
  faithful,
  expiryRaces,
  layout,
}) {
  const perKind = Math.max(4, Math.floor(keyspace / KINDS.length));
  const perTag = Math.max(4, Math.floor(perKind / TAGGED_SHARE));
  /** @param {Arg} name @returns {Arg} */
  const named = (name) => {
    const key = withTag(context.slotTag, name);
    if (layout === 'cluster') context.slots.add(slotOf(key));
    return key;
  };
  const kind = () => random.pick(KINDS);
  const foreignKind = () => random.pick(KINDS.filter((one) => one !== 'hll'));
  /** @param {Kind} of */
  const key = (of) => named(keyName(of, random.int(context.slotTag === '' ? perKind : perTag)));
  const context = {
    slotTag: '',
    slots: new Set(),
    chooseTag: () => (context.slotTag = `{t${random.int(SLOT_TAGS)}}`),
    named,
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

/** @param {string} tag @param {Arg} name @returns {Arg} */
function withTag(tag, name) {
  if (tag === '') return name;
  return typeof name === 'string' ? tag + name : Buffer.concat([Buffer.from(tag), name]);
}

/** @template T @param {number} count @param {() => T} make @returns {T[]} */
export function times(count, make) {
  return Array.from({ length: count }, make);
}
