/** A data set over the shards of a cluster, and one digest of all of them. */
import { createHash } from 'node:crypto';
import { digest } from '../lib/compare.mjs';
import { firstKeyOf, slotOf } from '../lib/cluster-slots.mjs';
import { datasetChunks } from './datasets.mjs';
import { keyCount } from './measure.mjs';
import { loadRaw } from './raw-load.mjs';

/** @typedef {import('../lib/cluster.mjs').RunningCluster} RunningCluster */
/** @typedef {import('../lib/client.mjs').Client} Client */

const TIMEOUT_MS = 600_000;
const CR = 13;
const HEADER_END = 2;

/** Of a number's line, `*3` or `$16`, the number, and where the next line begins. @param {Buffer} bytes @param {number} at */
function readHeader(bytes, at) {
  let end = at + 1;
  let value = 0;
  for (; bytes[end] !== CR; end++) value = value * 10 + (bytes[end] ?? 0) - 48;
  return { value, next: end + HEADER_END };
}

/** One command after the other: its words, and its bytes. @param {Buffer} chunk whole commands */
function* commandsIn(chunk) {
  for (let at = 0; at < chunk.length;) {
    const start = at;
    const { value: count, next } = readHeader(chunk, at);
    at = next;
    const words = [];
    for (let i = 0; i < count; i++) {
      const { value: length, next: from } = readHeader(chunk, at);
      words.push(chunk.subarray(from, from + length));
      at = from + length + HEADER_END;
    }
    yield { words, bytes: chunk.subarray(start, at) };
  }
}

/** What of the chunks is about slots of one shard. @param {Iterable<Buffer>} chunks @param {(slot: number) => boolean} owns */
function* chunksOf(chunks, owns) {
  for (const chunk of chunks) {
    const parts = [];
    for (const { words, bytes } of commandsIn(chunk))
      if (owns(slotOf(firstKeyOf(words) ?? ''))) parts.push(bytes);
    yield Buffer.concat(parts);
  }
}

/**
 * Shard after shard, so that no more than a chunk is held here.
 * @param {RunningCluster} cluster
 * @param {import('./datasets.mjs').SetName} name
 * @param {number} mostBytes
 */
export async function loadCluster(cluster, name, mostBytes) {
  for (const { primary } of cluster.shards) {
    const self = (await primary.view()).find(({ isMyself }) => isMyself);
    const slots = self?.slots ?? [];
    const owns = (/** @type {number} */ slot) => slots.some(([first, last]) => first <= slot && slot <= last);
    await loadRaw(primary.port, chunksOf(datasetChunks(name, mostBytes), owns));
  }
}

/** @param {RunningCluster} cluster @returns {Promise<Client[]>} one connection to each primary */
export async function connectPrimaries(cluster) {
  return await Promise.all(cluster.shards.map(({ primary }) => primary.client({ timeoutMs: TIMEOUT_MS })));
}

/** @param {readonly Client[]} clients */
export async function keyCountOf(clients) {
  const counts = await Promise.all(clients.map(keyCount));
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * What DEBUG DIGEST would be if one server had it all in database 0: that of the database's number, XOR one of each key.
 * @param {readonly Client[]} clients
 */
export async function digestOfAll(clients) {
  const sha1 = (/** @type {Buffer} */ bytes) => createHash('sha1').update(bytes).digest();
  const ofDatabase = sha1(sha1(Buffer.alloc(4)));
  const sum = Buffer.alloc(ofDatabase.length);
  const add = (/** @type {Buffer} */ part) => part.forEach((byte, i) => (sum[i] ^= byte));
  const digests = await Promise.all(clients.map(digest));
  const all = digests.map((text) => Buffer.from(text, 'hex')).filter((one) => one.some((byte) => byte !== 0));
  for (const one of all) {
    add(one);
    add(ofDatabase);
  }
  if (all.length > 0) add(ofDatabase);
  return sum.toString('hex');
}

/** The same without the keys of syncs, which it removes: none may be running. @param {readonly Client[]} clients */
export async function digestOfAllData(clients) {
  for (const client of clients) {
    const ours = await client.call('KEYS', '__replicant:*');
    await client.pipeline(ours.map((/** @type {Buffer} */ key) => ['DEL', key]));
  }
  return await digestOfAll(clients);
}
