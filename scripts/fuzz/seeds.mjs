/**
 * Good input to damage: the corpus, and small files of one or a few keys that together have every value
 * type and every record. Values of the corpus come first; what no server here writes is put together by hand.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./library.mjs').Library} Library */
/** @typedef {import('../../src/rdb/dialect.js').Dialect} Dialect */
/** @typedef {{name: string, type: number, dialect: Dialect, bytes: Uint8Array}} ValueSeed */
/** @typedef {{name: string, bytes: Uint8Array}} FileSeed */

const CORPUS = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));
/** A larger value makes a file in which every byte is no longer tried in a moment. */
const SMALL_BYTES = 400;

const hex = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text.replaceAll(/[\s|]/g, ''), 'hex'));
const concat = (/** @type {Uint8Array[]} */ ...parts) => new Uint8Array(Buffer.concat(parts));

/** @returns {FileSeed[]} */
export function corpusFiles() {
  const names = readdirSync(CORPUS).filter((name) => name.endsWith('.rdb'));
  return names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(CORPUS, name))) }));
}

/**
 * Every value of the corpus, equal ones once.
 * @param {Library} library
 * @returns {ValueSeed[]}
 */
export function corpusValues(library) {
  /** @type {Map<string, ValueSeed>} */
  const seeds = new Map();
  for (const { name, bytes } of corpusFiles()) {
    /** @type {Dialect} */
    let dialect = 'redis';
    const ignore = () => {};
    const decoder = new library.RdbDecoder({
      begin: (its) => (dialect = its),
      entry: ({ type, bytes: window, valueStart, valueEnd }) => {
        const value = window.slice(valueStart, valueEnd);
        const key = `${dialect} ${type.id} ${Buffer.from(value).toString('base64')}`;
        seeds.set(key, { name: `${name} ${type.name}`, type: type.id, dialect, bytes: value });
        return true;
      },
      largeValue: ({ type }) => new library.ValueSkipper(type),
      largeValueEnd: () => true,
      ...{ aux: ignore, selectDb: ignore, sizeHint: ignore, functionLibrary: ignore, moduleAux: ignore },
      ...{ emptyKey: ignore, end: ignore },
    });
    decoder.feed(bytes, 0, bytes.length);
    decoder.finish();
  }
  return [...seeds.values()];
}

const NODE = `54000000 1f00 03 01 01 01 02 01 84 74656d70 05 83 68756d 04 00 01 02 01 00 01 00 01 14 01 32 01 05 01
  03 01 00 01 01 01 15 01 33 01 05 01 00 01 05 01 00 01 01 01 85 6f74686572 06 81 78 02 06 01
  02 01 06 01 00 01 df fb 02 c1 2c 02 05 01 ff`;
const STREAM_HEAD = `01 10 00000000000003e8 0000000000000000 4054 ${NODE} 03 43ee 00 43e8 00 43e8 01 04`;
const GROUP = `01 03 677270 43ee 00 04 02 00000000000003ed0000000000000000 1eefc9f8a1010000 01
  00000000000003ee0000000000000000 1eefc9f8a1010000 01
  02 05 616c696365 1eefc9f8a1010000 1eefc9f8a1010000 01 00000000000003ed0000000000000000
  03 626f62 1eefc9f8a1010000 1eefc9f8a1010000`;
const OWNED = '01 00000000000003ee0000000000000000';
const PRODUCERS = '40 64 0a 01 02 7072 01 03 616263 43ed 00 01 00';

/** What no server of the corpus writes, or writes only large. @type {readonly [string, number, Dialect, string][]} */
const BY_HAND = [
  ['list', 1, 'redis', '03 01 61 c0 05 c3 09 1e 01 6161 e01100 01 6161'],
  ['sorted set, scores as text', 3, 'redis', '03 01 63 fe 01 61 01 31 01 62 03 322e35'],
  ['hash', 4, 'redis', '02 01 66 01 76 c0 05 c1 1027'],
  ['sorted set', 5, 'redis', '02 01 63 000000000000f07f 01 62 0000000000000440'],
  ['quicklist', 14, 'redis', '01 0e 0e000000 0a000000 0100 00 01 61 ff'],
  ['quicklist with a plain node', 18, 'redis', '02 01 01 71 02 0a 0a000000 0100 81 7a 02 ff'],
  ['zipmap', 9, 'redis', '0f 02 01 61 01 00 31 02 6262 02 01 3232 ff ff'],
  ['module', 7, 'redis', '81 47a1b2c3d4e5f601 02 05 05 03 616263 03 00000000 04 0000000000000440 01 0a 00'],
  ['hash with times, 7.4 candidate', 22, 'redis', '02 00 01 66 01 76 81 000003a352944000 01 67 01 77'],
  ['packed hash with times', 23, 'redis', '17 17000000 0300 81 66 02 81 76 02 f4 00409452a3030000 09 ff'],
  ['hash with times', 24, 'redis', '00409452a3030000 02 01 01 66 01 76 00 01 67 01 77'],
  ['hash with times', 22, 'valkey', '02 01 66 01 76 ffffffffffffffff 01 67 01 77 00409452a3030000'],
  ['stream, 8.6', 26, 'redis', `${STREAM_HEAD} ${GROUP} ${OWNED} ${PRODUCERS}`],
  ['stream, 8.8', 27, 'redis', `${STREAM_HEAD} ${GROUP} 00 ${OWNED} ${PRODUCERS}`],
  ['stream', 21, 'redis', `${STREAM_HEAD} ${GROUP} ${OWNED}`],
  ['array', 28, 'redis', '03 01 05 00 00 01 61 01 01 0500000000000000 05 02 000000000000f03f'],
  ['compressed string', 0, 'redis', 'c3 09 1e 01 6161 e01100 01 6161'],
  ['compressed listpack', 20, 'redis', 'c3 0f 26 07 26000000 0100 9d 61 e01300 01 1e ff'],
];

/** @returns {ValueSeed[]} */
export function handmadeValues() {
  return BY_HAND.map(([name, type, dialect, text]) => ({ name, type, dialect, bytes: hex(text) }));
}

/**
 * Records that stand around values, in front of a string key.
 * @type {readonly [string, Dialect, string][]}
 */
const RECORDS = [
  [
    'AUX and database',
    'redis',
    'fa 09 72656469732d766572 06 332e322e3133 fa 0a 72656469732d62697473 c0 40 fe 02 fb 04 01',
  ],
  ['expiry in seconds, idle', 'redis', 'fd 00e1f505 f8 4064'],
  ['expiry in ms, frequency', 'redis', 'fc 00409452a3030000 f9 ff'],
  ['function library', 'redis', 'f5 0d 23216c7561206e616d653d6c0a'],
  ['module data', 'redis', 'f7 81 47a1b2c3d4e5f601 02 01 05 03 616263 02 07 00'],
  ['key metadata', 'redis', 'f3 02 61626364 05 01 78 00 65666768 02 09 00'],
  ['slot info', 'redis', 'f4 4ce4 01 01'],
  ['slot import', 'valkey', `f3 28 ${'61'.repeat(40)} 02 00 4064 40c8 4ce4`],
];

/**
 * A file around records and keys. The checksum is right where it is asked for; damage makes it wrong anyway.
 * @param {Dialect} dialect
 * @param {readonly Uint8Array[]} records
 */
function fileOf(dialect, records) {
  const magic = Buffer.from(dialect === 'redis' ? 'REDIS0014' : 'VALKEY080');
  return concat(magic, ...records, hex('ff 0000000000000000'));
}

/** @param {string} key @param {ValueSeed} seed */
function keyRecord(key, { type, bytes }) {
  return concat(Uint8Array.of(type, key.length), Buffer.from(key), bytes);
}

/**
 * One small file per value type and form, per record, and one with a key twice.
 * @param {Library} library
 * @returns {FileSeed[]}
 */
export function smallFiles(library) {
  /** @type {Map<string, ValueSeed>} */
  const smallest = new Map();
  for (const seed of [...corpusValues(library), ...handmadeValues()]) {
    const compressed = seed.bytes.includes(0xc3) ? 'perhaps compressed' : 'plain';
    const key = `${seed.dialect} ${seed.type} ${compressed}`;
    const known = smallest.get(key);
    if (seed.bytes.length < 24 || seed.bytes.length > SMALL_BYTES) continue;
    if (known === undefined || seed.bytes.length < known.bytes.length) smallest.set(key, seed);
  }
  for (const seed of handmadeValues()) smallest.set(`by hand ${seed.name} ${seed.type}`, seed);
  const values = [...smallest].map(([name, seed]) => ({
    name,
    bytes: fileOf(seed.dialect, [hex('fe00'), keyRecord('key', seed)]),
  }));
  const [plain] = handmadeValues().filter((seed) => seed.type === 0);
  const string = keyRecord('k', plain);
  const records = RECORDS.map(([name, dialect, text]) => ({
    name,
    bytes: fileOf(dialect, [hex(text), string]),
  }));
  return [...values, ...records, { name: 'a key twice', bytes: fileOf('redis', [string, string]) }];
}
