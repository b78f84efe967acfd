/**
 * The two sides of a comparison: a server with its databases, or a cluster, whose keys are those that its
 * primaries have in slots of their own.
 */

/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {import('./compare.mjs').AnyClient} AnyClient */
/** @typedef {{db: number, key: Buffer}} Entry */

const SCAN_COUNT = 1000;
const OUR_PREFIX = '__replicant:';

/** @param {AnyClient} client */
export function isCluster(client) {
  return 'everyPrimary' in client;
}

/** Two entries are the same when this is. @param {Entry} entry */
export function idOf({ db, key }) {
  return `${db} ${key.toString('latin1')}`;
}

/**
 * Every key by its id, but ours: a sync's checkpoint is no data.
 * @param {AnyClient} client
 * @param {readonly number[]} dbs
 * @returns {Promise<{entries: Map<string, Entry>, ours: number}>} `ours`: how many were left out
 */
export async function readEntries(client, dbs) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  let ours = 0;
  const add = (db, keys) => {
    for (const key of keys) {
      const entry = { db, key };
      if (key.toString('latin1', 0, OUR_PREFIX.length) === OUR_PREFIX) ours++;
      else entries.set(idOf(entry), entry);
    }
  };
  if (isCluster(client)) add(0, await client.scanAll());
  else
    for (const db of dbs) {
      await client.call('SELECT', db);
      add(db, await scanKeys(client));
    }
  return { entries, ours };
}

/** A cluster has database 0 and nothing else. */
export async function select(client, db) {
  if (!isCluster(client)) await client.call('SELECT', db);
}

/**
 * All keys of the selected database; SCAN may show one twice.
 * @param {Client} client
 * @returns {Promise<Buffer[]>}
 */
async function scanKeys(client) {
  const keys = [];
  let cursor = '0';
  do {
    const [next, page] = await client.call('SCAN', cursor, 'COUNT', SCAN_COUNT);
    cursor = next.toString();
    keys.push(...page);
  } while (cursor !== '0');
  return keys;
}
