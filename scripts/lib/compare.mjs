/**
 * Do two servers hold the same? The judge of every live test, independent of the product.
 *
 * `DEBUG DIGEST` answers that for keys, values and whether there is an expiry; it says nothing of when a key
 * or a hash field expires, of consumer groups, of functions. Those are compared one by one (`deep`). When the
 * digests differ, `DEBUG DIGEST-VALUE` finds the keys. Both servers must be quiet meanwhile.
 *
 * A cluster has no digest of its own, and neither have keys that go by another name on the other side: there
 * every key is looked at.
 */
import { compareFunctions } from './compare-functions.mjs';
import { compareKeys, listCapabilities } from './compare-keys.mjs';
import { idOf, isCluster, readEntries, select } from './compare-sides.mjs';
import { quoteBytes } from './preview.mjs';

/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {import('./compare.mjs').AnyClient} AnyClient */
/** @typedef {import('./compare.mjs').Difference} Difference */
/** @typedef {import('./compare.mjs').CompareOptions} CompareOptions */

/** Up to this many keys the deep comparison is made unless told otherwise. */
const DEEP_LIMIT_KEYS = 100_000;
const BATCH_KEYS = 500;
const DIGEST_TRIES = 3;
const DIGEST_PAUSE_MS = 200;

/**
 * The digest of everything a server holds, 40 hex digits; all zeros when it is empty.
 * @param {Client} client
 * @returns {Promise<string>}
 */
export async function digest(client) {
  return await client.text('DEBUG', 'DIGEST');
}

/**
 * @param {AnyClient} a
 * @param {AnyClient} b both are left in database 0
 * @param {CompareOptions} [options]
 * @returns {Promise<import('./compare.mjs').Comparison>}
 */
export async function compareServers(a, b, options = {}) {
  if (options.mapKey !== undefined || isCluster(a) || isCluster(b)) return await compareByKey(a, b, options);
  for (let left = DIGEST_TRIES - 1; ; left--) {
    const found = await compareOnce(a, b, options);
    // A key that ran out between the look at the keys and the digest counts on one side only, until it is
    // removed there; a true difference is still there the next time.
    const onlyDigest = found.differences.length === 1 && found.differences[0].what === 'digest';
    if (!onlyDigest || left === 0) return found;
    await new Promise((resolve) => void setTimeout(resolve, DIGEST_PAUSE_MS));
  }
}

async function compareOnce(a, b, options) {
  const { limit = 20 } = options;
  const [sizesA, sizesB] = await Promise.all([readSizes(a), readSizes(b)]);
  let digests = await Promise.all([digest(a), digest(b)]);
  const total = Math.max(sum(sizesA), sum(sizesB));
  const isDeep = options.deep ?? total <= DEEP_LIMIT_KEYS;
  const context = contextOf(a, b, { ...options, deep: isDeep });
  const { differences, excused } = context;
  if (isDeep || digests[0] !== digests[1]) {
    await compareEntries(context, [...sizesA.keys()], [...sizesB.keys()]);
    if (isDeep) differences.push(...(await compareFunctions(a, b)));
    // SCAN has removed keys that were past their time but still counted, so ask again.
    digests = await Promise.all([digest(a), digest(b)]);
  }
  const [digestA, digestB] = digests;
  if (digestA !== digestB && differences.length === 0 && excused.count === 0) {
    differences.push({ db: null, key: null, what: 'digest', a: digestA, b: digestB });
  }
  const shown = differences.slice(0, limit);
  return { equal: differences.length === 0, deep: isDeep, keys: total, digestA, digestB, differences: shown };
}

/** Without digests of the whole. */
async function compareByKey(a, b, options) {
  const { deep = true, functions = true, limit = 20 } = options;
  const context = contextOf(a, b, { ...options, deep });
  const { differences } = context;
  const [dbsA, dbsB] = await Promise.all([a, b].map(listDatabases));
  const keys = await compareEntries(context, dbsA, dbsB);
  if (deep && functions) differences.push(...(await compareFunctions(a, b)));
  const shown = differences.slice(0, limit);
  return { equal: differences.length === 0, deep, keys, digestA: '', digestB: '', differences: shown };
}

function contextOf(a, b, options) {
  const {
    deep,
    dbs = 16,
    limit = 20,
    ttlToleranceMs = 0,
    held = false,
    mapKey = (db, key) => ({ db, key }),
  } = options;
  /** @type {Difference[]} */
  const differences = [];
  return { a, b, dbs, limit, ttlToleranceMs, held, mapKey, isDeep: deep, differences, excused: { count: 0 } };
}

async function listDatabases(client) {
  return isCluster(client) ? [0] : [...(await readSizes(client)).keys()];
}

/**
 * Keys per database, as INFO counts them.
 * @param {Client} client
 * @returns {Promise<Map<number, number>>}
 */
async function readSizes(client) {
  const info = await client.text('INFO', 'keyspace');
  return new Map(
    [...info.matchAll(/^db(\d+):keys=(\d+)/gm)].map(([, db, keys]) => [Number(db), Number(keys)]),
  );
}

/** @param {Map<number, number>} sizes */
function sum(sizes) {
  return [...sizes.values()].reduce((total, keys) => total + keys, 0);
}

/**
 * Every key of both sides, until the limit of differences is reached.
 * @returns {Promise<number>} keys of the fuller side
 */
async function compareEntries(context, dbsA, dbsB) {
  const { a, b, dbs, limit, differences } = context;
  const numbers = (all) => all.filter((db) => db < dbs).toSorted((x, y) => x - y);
  context.abilities = await listCapabilities(a, b);
  try {
    const [left, right] = await Promise.all([readEntries(a, numbers(dbsA)), readEntries(b, numbers(dbsB))]);
    context.excused.count += left.ours + right.ours;
    for (const pairs of pairUp(context, left.entries, right.entries).values()) {
      await Promise.all([select(a, pairs[0].a.db), select(b, pairs[0].b.db)]);
      for (let i = 0; i < pairs.length && differences.length < limit; i += BATCH_KEYS)
        differences.push(...(await compareKeys(context, pairs.slice(i, i + BATCH_KEYS))));
    }
    return Math.max(left.entries.size, right.entries.size);
  } finally {
    await Promise.all([select(a, 0), select(b, 0)]);
  }
}

/** The keys that both have, by their databases; the others are differences already. */
function pairUp({ differences, mapKey }, left, right) {
  /** @type {Map<string, {a: {db: number, key: Buffer}, b: {db: number, key: Buffer}}[]>} */
  const groups = new Map();
  const images = new Set();
  for (const entry of left.values()) {
    const image = mapKey(entry.db, entry.key);
    if (image === undefined) continue;
    const id = idOf(image);
    images.add(id);
    const other = right.get(id);
    if (other === undefined) {
      differences.push(missingKey(entry, 'missing'));
      continue;
    }
    const place = `${entry.db} ${other.db}`;
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [{ a: entry, b: other }]);
    else group.push({ a: entry, b: other });
  }
  for (const [id, entry] of right) if (!images.has(id)) differences.push(missingKey(entry, 'extra'));
  return groups;
}

/** @returns {Difference} */
function missingKey({ db, key }, what) {
  const [a, b] = what === 'missing' ? ['exists', null] : [null, 'exists'];
  return { db, key: quoteBytes(key), what, a, b };
}
