/**
 * An endless, seeded stream of random writes over every type. The commands are meant to be sent to a
 * source as they come; many earn an error (wrong type, no such group), which is fine: only effects replicate.
 *
 * The same seed, abilities and options (`nowMs` among them) give the same commands.
 */
import { blockingFor } from './ops/blocking.mjs';
import { FIELD_TTL_OPS, HASH_OPS, LIST_OPS, SET_OPS } from './ops/collections.mjs';
import { BRIEF_OPS } from './ops/brief.mjs';
import { databaseOps, FLUSH_OP, KEY_OPS } from './ops/generic.mjs';
import { SCRIPT_OPS, scriptSetup } from './ops/scripts.mjs';
import { GEO_OPS, VECTOR_OPS, ZSET_OPS } from './ops/sorted.mjs';
import { STREAM_OPS } from './ops/streams.mjs';
import { BIT_OPS, STRING_OPS } from './ops/strings.mjs';
import { createContext } from './context.mjs';
import { createRandom } from './random.mjs';

/** @typedef {import('./abilities.mjs').Arg} Arg */
/** @typedef {import('./op.mjs').Op} Op */
/**
 * @typedef {object} Batch
 * @property {number} db to SELECT first
 * @property {Arg[][]} commands in order on one connection; they leave it on `db`
 */
/**
 * @typedef {object} WorkloadOptions
 * @property {number} seed
 * @property {import('./abilities.mjs').Abilities} abilities
 * @property {readonly number[]} [dbs] databases to write to
 * @property {number} [flushDb] the database that is flushed now and then; not one of `dbs`
 * @property {import('./context.mjs').Layout} [layout] default `databases`. The others use database 0 alone:
 *   `crossSlot` is for a standalone server whose commands do not mind slots, `cluster` for a cluster, with the hash
 *   tags `{t0}` … `{t31}` for commands with several keys and for half of the others
 * @property {boolean} [flushes] with `crossSlot`: FLUSHDB, rarely
 * @property {number} [keyspace] about how many keys per database
 * @property {number} [nowMs] base of absolute expiry times
 * @property {boolean} [faithful] leave out what a primary does not tell even its own replicas (from 6.2 on), so that
 *   consumer groups can be compared exactly
 * @property {boolean} [expiryRaces] default true: keys are touched again in their last milliseconds. A target that
 *   expires by its own clock may have lost the key by then and come to another value for good, unless it can be
 *   told to wait for the source (Valkey's import mode). Without them, what lives short is never touched again.
 * @property {string} [tag] names what belongs to this generator alone; two generators need two tags
 */
/**
 * @typedef {object} Workload
 * @property {number} seed
 * @property {readonly string[]} names every command this workload may send
 * @property {ReadonlyMap<string, number>} counts commands made so far, by name
 * @property {() => Arg[][]} setup scripts and functions the workload calls; send once, in any database
 * @property {(atLeast: number) => Batch} nextBatch
 * @property {() => {db: number, command: Arg[]} | undefined} nextBlocking a waiting read, for a connection of its own
 */

/** @param {WorkloadOptions} options @returns {Op[]} */
function usableOps({ abilities, flushDb = 7, faithful = false, layout = 'databases', flushes = false }) {
  const all = [
    ...STRING_OPS,
    ...BIT_OPS,
    ...LIST_OPS,
    ...SET_OPS,
    ...HASH_OPS,
    ...FIELD_TTL_OPS,
    ...ZSET_OPS,
    ...GEO_OPS,
    ...VECTOR_OPS,
    ...STREAM_OPS,
    ...KEY_OPS,
    // Each node of a cluster has functions of its own.
    ...SCRIPT_OPS.filter(({ name }) => layout !== 'cluster' || name !== 'FUNCTION'),
    ...BRIEF_OPS,
    ...(layout === 'databases' ? databaseOps(flushDb) : []),
    ...(layout === 'crossSlot' && flushes ? [FLUSH_OP] : []),
  ];
  return all.filter(
    (op) =>
      abilities.has(op.name) &&
      op.when(abilities) &&
      !(faithful && op.isLoose === true) &&
      !(layout !== 'databases' && op.needsDatabases === true),
  );
}

/**
 * @param {readonly Op[]} ops
 * @param {import('./random.mjs').Random} random
 * @returns {() => Op} by weight
 */
function weightedPick(ops, random) {
  let total = 0;
  const upTo = ops.map((op) => (total += op.weight));
  return () => {
    const at = random.next() * total;
    let low = 0;
    let high = ops.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return ops[low];
  };
}

/**
 * MULTI … EXEC, now and then over two databases, watched, or discarded.
 * @param {import('./context.mjs').Context} c
 * @param {() => Op} pick
 * @param {boolean} hasDatabases
 * @returns {Arg[][]}
 */
function transaction(c, pick, hasDatabases) {
  const { random } = c;
  const home = c.db;
  const body = () => Array.from({ length: random.between(1, 4) }, () => pick().make(c)).flat();
  const commands = [['MULTI'], ...body()];
  if (hasDatabases && random.chance(0.3)) {
    c.db = c.otherDb();
    commands.push(['SELECT', String(c.db)], ...body());
    c.db = home;
    if (random.chance(0.5)) commands.push(['SELECT', String(home)], ...body());
  }
  commands.push([random.chance(0.05) ? 'DISCARD' : 'EXEC']);
  if (hasDatabases) commands.push(['SELECT', String(home)]);
  return random.chance(0.1) ? [['WATCH', c.key('str')], ...commands] : commands;
}

/**
 * Commands whose keys lie in one slot: without a tag if it comes out so, else made once more with one.
 * @param {import('./context.mjs').Context} c
 * @param {() => Arg[][]} make
 * @param {number} tagChance
 * @returns {Arg[][]}
 */
function inOneSlot(c, make, tagChance) {
  const withTag = () => {
    c.chooseTag();
    const commands = make();
    c.slotTag = '';
    return commands;
  };
  if (c.random.chance(tagChance)) return withTag();
  c.slots.clear();
  const commands = make();
  return c.slots.size > 1 ? withTag() : commands;
}

/** Of the commands that need no tag. */
const TAG_CHANCE = 0.5;
const TRANSACTION_CHANCE = 0.04;

/**
 * @param {WorkloadOptions} options
 * @returns {Workload}
 */
export function createWorkload(options) {
  const { seed, abilities, keyspace = 600, nowMs = Date.now() } = options;
  const { faithful = false, expiryRaces = true, layout = 'databases' } = options;
  const hasDatabases = layout === 'databases';
  const dbs = hasDatabases ? (options.dbs ?? [0, 1, 3, 9]) : [0];
  const ops = usableOps(options);
  const random = createRandom(seed);
  const shared = { abilities, dbs, keyspace, nowMs, faithful, expiryRaces, layout };
  const context = createContext({ ...shared, random, tag: options.tag ?? String(seed) });
  const pick = weightedPick(ops, random);
  const blocking = blockingFor(abilities, faithful);
  const blockingContext = createContext({ ...shared, random: random.fork(1), tag: 'blocking' });
  /** @param {import('./context.mjs').Context} c @param {() => Arg[][]} make @param {number} tagChance */
  const placed = (c, make, tagChance) => (layout === 'cluster' ? inOneSlot(c, make, tagChance) : make());
  const next = () => {
    if (random.chance(TRANSACTION_CHANCE))
      return placed(context, () => transaction(context, pick, hasDatabases), 1);
    const op = pick();
    return placed(context, () => op.make(context), TAG_CHANCE);
  };
  /** @type {Map<string, number>} */
  const counts = new Map();
  /** @param {Arg[][]} commands */
  const count = (commands) => {
    for (const [name] of commands) counts.set(String(name), (counts.get(String(name)) ?? 0) + 1);
    return commands;
  };
  return {
    seed,
    names: [...new Set(ops.map((op) => op.name))].toSorted(),
    counts,
    setup: () => scriptSetup(abilities),
    nextBatch: (atLeast) => {
      context.db = context.otherDb();
      /** @type {Arg[][]} */
      const commands = [];
      while (commands.length < atLeast) commands.push(...next());
      return { db: context.db, commands: count(commands) };
    },
    nextBlocking: () => {
      if (blocking.length === 0) return undefined;
      blockingContext.db = blockingContext.otherDb();
      const read = blockingContext.random.pick(blocking);
      const [command] = placed(blockingContext, () => [read.make(blockingContext)], TAG_CHANCE);
      count([command]);
      return { db: blockingContext.db, command };
    },
  };
}
