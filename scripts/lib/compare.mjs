/**
 * Do two servers hold the same? The judge of every live test, independent of the product.
 *
 * `DEBUG DIGEST` answers that for keys, values and whether there is an expiry; it says nothing of when a key
 * or a hash field expires, of consumer groups, of functions. Those are compared one by one (`deep`). When the
 * digests differ, `DEBUG DIGEST-VALUE` finds the keys. Both servers must be quiet meanwhile.
 */
import { compareFunctions } from './compare-functions.mjs';
import { compareKeys, listCapabilities } from './compare-keys.mjs';
import { quoteBytes } from './preview.mjs';

/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {import('./compare.mjs').Difference} Difference */
/** @typedef {import('./compare.mjs').CompareOptions} CompareOptions */

/** Up to this many keys the deep comparison is made unless told otherwise. */
const DEEP_LIMIT_KEYS = 100_000;
const SCAN_COUNT = 1000;
const OUR_PREFIX = '__replicant:';
const BATCH_KEYS = 200;
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
 * @param {Client} a
 * @param {Client} b both are left in database 0
 * @param {CompareOptions} [options]
 * @returns {Promise<import('./compare.mjs').Comparison>}
 */
export async function compareServers(a, b, options = {}) {
  for (let left = DIGEST_TRIES - 1; ; left--) {
    const found = await compareOnce(a, b, options);
    // A key that ran out between the look at the keys and the digest counts on one side only, until it is
    // removed there; a true difference is still there the next time.
    const onlyDigest = found.differences.length === 1 && found.differences[0].what === 'digest';
    if (!onlyDigest || left === 0) return found;
    await new Promise((resolve) => void setTimeout(resolve, DIGEST_PAUSE_MS));
  }
}

async function compareOnce(a, b, { dbs = 16, limit = 20, deep, ttlToleranceMs = 0, held = false }) {
  const [sizesA, sizesB] = await Promise.all([readSizes(a), readSizes(b)]);
  let digests = await Promise.all([digest(a), digest(b)]);
  const total = Math.max(sum(sizesA), sum(sizesB));
  const isDeep = deep ?? total <= DEEP_LIMIT_KEYS;
  /** @type {Difference[]} */
  const differences = [];
  const excused = { count: 0 };
  if (isDeep || digests[0] !== digests[1]) {
    const abilities = await listCapabilities(a, b);
    const context = { a, b, abilities, isDeep, ttlToleranceMs, held, limit, differences, excused };
    for (const db of listDatabases(sizesA, sizesB, dbs)) await compareDatabase(context, db);
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

function listDatabases(sizesA, sizesB, dbs) {
  const numbers = new Set([...sizesA.keys(), ...sizesB.keys()]);
  return [...numbers].filter((db) => db < dbs).toSorted((x, y) => x - y);
}

/** Every key of one database, until the limit of differences is reached. */
async function compareDatabase(context, db) {
  const { a, b, limit, differences } = context;
  await selectBoth(context, db);
  try {
    const [keysA, keysB] = await Promise.all([scanKeys(a), scanKeys(b)]);
    for (const keys of [keysA, keysB]) context.excused.count += leaveOutOurs(keys);
    const common = [];
    for (const [id, key] of keysA) {
      if (keysB.has(id)) common.push(key);
      else differences.push(missingKey(db, key, 'missing'));
    }
    for (const [id, key] of keysB) {
      if (!keysA.has(id)) differences.push(missingKey(db, key, 'extra'));
    }
    for (let i = 0; i < common.length && differences.length < limit; i += BATCH_KEYS) {
      const found = await compareKeys(context, common.slice(i, i + BATCH_KEYS));
      differences.push(...found.map((difference) => ({ ...difference, db })));
    }
  } finally {
    await selectBoth(context, 0);
  }
}

async function selectBoth({ a, b }, db) {
  // A cluster node has only database 0 and refuses SELECT of any other.
  await Promise.all([a.call('SELECT', db), b.call('SELECT', db)]);
}

/** A sync's checkpoint is no data. Returns how many such keys there were. */
function leaveOutOurs(keys) {
  const ours = [...keys.keys()].filter((id) => id.startsWith(OUR_PREFIX));
  for (const id of ours) keys.delete(id);
  return ours.length;
}

/** @returns {Difference} */
function missingKey(db, key, what) {
  const [a, b] = what === 'missing' ? ['exists', null] : [null, 'exists'];
  return { db, key: quoteBytes(key), what, a, b };
}

/**
 * All keys of the selected database, by their bytes as latin1.
 * @param {Client} client
 * @returns {Promise<Map<string, Buffer>>}
 */
async function scanKeys(client) {
  /** @type {Map<string, Buffer>} */
  const keys = new Map();
  let cursor = '0';
  do {
    const [next, page] = await client.call('SCAN', cursor, 'COUNT', SCAN_COUNT);
    cursor = next.toString();
    for (const key of page) keys.set(key.toString('latin1'), key);
  } while (cursor !== '0');
  return keys;
}
