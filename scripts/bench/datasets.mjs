/**
 * The data sets of the benchmarks, each made from a fixed seed, as a sequence of chunks of commands.
 *
 * S          2,000,000 strings: 16-byte keys, 32-byte values, one in ten expires in days
 * M          600,000 small keys of all types, and 200 collections of 20,000 elements
 * B          2,000 strings of 256 KiB, every other one compressible
 * bigvalues  one string of 512 MiB, the most a server takes, and one hash of 10,000,000 fields
 */
import { createRandom } from '../workload/random.mjs';
import { CommandBuffer, encodeBytes } from './raw-load.mjs';

/** @typedef {import('../workload/random.mjs').Random} Random */
/** @typedef {'S' | 'M' | 'B' | 'bigvalues'} SetName */

/** Part of the cache's file names: changes when the data change. */
export const DATASET_VERSION = 1;
const SEED = 20_260_101;
const DAY_SECONDS = 86_400;
const KIB = 1024;

/** Four hex digits for each 16-bit number: looked up millions of times. */
const HEX4 = Array.from({ length: 0x1_0000 }, (_, n) => n.toString(16).padStart(4, '0'));

/** @param {Random} random @returns {string} 8 hex digits */
function hex(random) {
  const n = random.uint32();
  return `${HEX4[n >>> 16]}${HEX4[n & 0xffff]}`;
}

/** @param {(buffer: CommandBuffer, i: number) => void} make @param {number} count @returns {Generator<Buffer>} */
function* repeat(count, make) {
  const buffer = new CommandBuffer();
  for (let i = 0; i < count; i++) {
    make(buffer, i);
    if (buffer.isFull) yield buffer.take();
  }
  yield buffer.take();
}

/** @param {Random} random @returns {Generator<Buffer>} */
function smallStrings(random) {
  return repeat(2_000_000, (buffer, i) => {
    const key = `key:${String(i).padStart(12, '0')}`;
    const value = hex(random) + hex(random) + hex(random) + hex(random);
    if (i % 10 === 0) buffer.add('SET', key, value, 'EX', String(random.between(20, 60) * DAY_SECONDS));
    else buffer.add('SET', key, value);
  });
}

const WORDS = [
  'customer',
  'address',
  'street',
  'country',
  'order',
  'invoice',
  'status',
  'pending',
  'shipped',
  'returned',
];

/** Text that compresses about threefold; slices of one pool, as making it anew takes long. @param {Random} random */
function createProse(random) {
  let pool = '';
  while (pool.length < 1024 * KIB) pool += `${random.pick(WORDS)} `;
  return (/** @type {number} */ length) => {
    const at = random.int(pool.length - length);
    return pool.slice(at, at + length);
  };
}

/** @param {Random} random @param {number} count @param {() => string[]} make @returns {string[]} */
function list(random, count, make) {
  return Array.from({ length: count }, make).flat();
}

/** @param {Random} random @returns {Generator<Buffer>[]} */
function smallCollections(random) {
  const id = () => String(random.int(1e9));
  const prose = createProse(random);
  return [
    repeat(200_000, (buffer, i) => buffer.add('SET', `text:${i}`, prose(250))),
    repeat(150_000, (buffer, i) =>
      buffer.add('HSET', `hash:${i}`, ...list(random, 8, () => [`field${random.int(1000)}`, hex(random)])),
    ),
    repeat(80_000, (buffer, i) =>
      buffer.add('ZADD', `zset:${i}`, ...list(random, 10, () => [String(random.int(1e6) / 4), `m${id()}`])),
    ),
    repeat(80_000, (buffer, i) =>
      buffer.add('RPUSH', `list:${i}`, ...list(random, 12, () => [`item ${id()}`])),
    ),
    repeat(60_000, (buffer, i) =>
      buffer.add('SADD', `set:${i}`, ...list(random, 10, () => [i % 2 === 0 ? id() : `s${id()}`])),
    ),
    repeat(30_000, (buffer, i) => {
      const key = `stream:${i}`;
      for (let n = 1; n <= 8; n++)
        buffer.add('XADD', key, `${n}-0`, 'sensor', String(random.int(100)), 'value', hex(random));
      buffer.add('XGROUP', 'CREATE', key, 'workers', '0');
      buffer.add('XREADGROUP', 'GROUP', 'workers', 'one', 'COUNT', '4', 'STREAMS', key, '>');
    }),
  ];
}

const BIG_ELEMENTS = 20_000;
const SLICE = 200;

/** @param {Random} random @returns {Generator<Buffer>} 50 each of lists, sets, sorted sets and hashes */
function bigCollections(random) {
  const perKey = BIG_ELEMENTS / SLICE;
  return repeat(200 * perKey, (buffer, n) => {
    const key = Math.floor(n / perKey);
    const element = (/** @type {number} */ i) => `e${(n % perKey) * SLICE + i}:${hex(random)}`;
    const elements = Array.from({ length: SLICE }, (_, i) => element(i));
    if (key % 4 === 0) buffer.add('RPUSH', `big:list:${key}`, ...elements);
    else if (key % 4 === 1) buffer.add('SADD', `big:set:${key}`, ...elements);
    else if (key % 4 === 2)
      buffer.add(
        'ZADD',
        `big:zset:${key}`,
        ...elements.flatMap((name) => [String(random.next() * 1e6), name]),
      );
    else buffer.add('HSET', `big:hash:${key}`, ...elements.flatMap((name) => [name, hex(random)]));
  });
}

/** @param {Random} random @returns {Generator<Buffer>} */
function* blobs(random) {
  const size = 256 * KIB;
  // Slices of one pool: within a value nothing repeats, and making them costs no time.
  const pool = random.bytes(16 * KIB * KIB);
  const prose = createProse(random);
  for (let i = 0; i < 2000; i++) {
    const at = random.int(pool.length - size);
    const value = i % 2 === 0 ? pool.subarray(at, at + size) : Buffer.from(prose(size));
    yield encodeBytes([Buffer.from('SET'), Buffer.from(`blob:${i}`), value]);
  }
}

/** @param {Random} random @returns {Generator<Buffer>} */
function* bigValues(random) {
  const part = KIB * KIB;
  for (let i = 0; i < 512; i++)
    yield encodeBytes([Buffer.from('APPEND'), Buffer.from('huge:string'), random.bytes(part)]);
  yield* repeat(10_000_000 / SLICE, (buffer, n) => {
    const pairs = Array.from({ length: SLICE }, (_, i) => [`field:${n * SLICE + i}`, hex(random)]);
    buffer.add('HSET', 'huge:hash', ...pairs.flat());
  });
}

/** @param {SetName} name @returns {Generator<Buffer>} */
function* wholeSet(name) {
  const random = createRandom(SEED);
  if (name === 'S') yield* smallStrings(random);
  if (name === 'M') for (const part of [...smallCollections(random), bigCollections(random)]) yield* part;
  if (name === 'B') yield* blobs(random);
  if (name === 'bigvalues') yield* bigValues(random);
}

/**
 * Each chunk is whole commands.
 * @param {SetName} name
 * @param {number} [mostBytes] no more chunks than it takes to have so much
 * @returns {Generator<Buffer>}
 */
export function* datasetChunks(name, mostBytes = Number.POSITIVE_INFINITY) {
  let bytes = 0;
  for (const chunk of wholeSet(name)) {
    yield chunk;
    bytes += chunk.length;
    if (bytes >= mostBytes) return;
  }
}

/** @type {readonly SetName[]} */
export const SET_NAMES = ['S', 'M', 'B', 'bigvalues'];
