/**
 * Our decoder over an RDB file, without any network:
 *
 *   node scripts/bench/decode.mjs FILE [--level entries|values]
 *
 * `entries` finds every key and the extent of its value, which is what `sync` mostly does; `values` decodes
 * every value down to its elements. Prints one line of JSON.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const MODULES = [
  'bytes/crc64.js',
  'bytes/window.js',
  'rdb/file-decoder.js',
  'rdb/value-decoder.js',
  'rdb/skip-value.js',
];

/** @param {string} name @returns {Promise<any>} */
const load = (name) => import(new URL(`../../dist/${name}`, import.meta.url).href);

/** The build's own modules; there is nothing to import before it exists. */
async function loadBuild() {
  const [{ Crc64 }, { ByteWindow }, { RdbDecoder }, { ValueDecoder }, { ValueSkipper }] = await Promise.all(
    MODULES.map(load),
  );
  return { Crc64, ByteWindow, RdbDecoder, ValueDecoder, ValueSkipper };
}

/** Counts what it is told. */
class CountingVisitor {
  elements = 0;
  bytes = 0;
  stringStart() {
    this.elements += 1;
  }
  /** @param {Uint8Array} chunk */
  stringChunk(chunk) {
    this.bytes += chunk.length;
  }
  /** @param {Uint8Array} item */
  listItem(item) {
    this.#add(item);
  }
  /** @param {Uint8Array} member */
  setMember(member) {
    this.#add(member);
  }
  /** @param {Uint8Array} member */
  zsetMember(member) {
    this.#add(member);
  }
  /** @param {Uint8Array} field @param {Uint8Array} value */
  hashField(field, value) {
    this.#add(field);
    this.bytes += value.length;
  }
  /** @param {unknown} _id @param {readonly Uint8Array[]} fields */
  streamEntry(_id, fields) {
    this.elements += 1;
    for (const field of fields) this.bytes += field.length;
  }
  streamMeta() {}
  streamGroup() {
    this.elements += 1;
  }
  /** @param {bigint} _id @param {Uint8Array} payload */
  moduleValue(_id, payload) {
    this.#add(payload);
  }
  /** @param {Uint8Array} bytes */
  #add(bytes) {
    this.elements += 1;
    this.bytes += bytes.length;
  }
}

/** Handles every record by counting it. */
class CountingHandler {
  keys = 0;
  checksum = 'none';
  #dialect = 'redis';
  visitor = new CountingVisitor();
  #values;

  /** @param {Awaited<ReturnType<typeof loadBuild>>} build @param {boolean} decodeValues */
  constructor(build, decodeValues) {
    this.build = build;
    this.decodeValues = decodeValues;
  }
  /** @param {string} dialect */
  begin(dialect) {
    this.#dialect = dialect;
  }
  aux() {}
  selectDb() {}
  sizeHint() {}
  functionLibrary() {}
  moduleAux() {}
  emptyKey() {}
  /** @param {any} entry */
  entry(entry) {
    this.keys += 1;
    if (!this.decodeValues) return true;
    this.#values ??= new this.build.ValueDecoder(entry.type.id, this.#dialect, this.visitor);
    this.#values.reset(entry.type.id, this.#dialect);
    this.#values.feed(entry.bytes, entry.valueStart, entry.valueEnd);
    return true;
  }
  /** @param {any} entry */
  largeValue(entry) {
    this.keys += 1;
    if (this.decodeValues) return new this.build.ValueDecoder(entry.type.id, this.#dialect, this.visitor);
    return new this.build.ValueSkipper(entry.type);
  }
  largeValueEnd() {
    return true;
  }
  /** @param {{state: string}} checksum */
  end(checksum) {
    this.checksum = checksum.state;
  }
}

/**
 * @param {any} decoder
 * @param {any} window
 * @param {string} file
 */
function feedFile(decoder, window, file) {
  const fd = openSync(file, 'r');
  try {
    for (;;) {
      const room = window.room();
      const count = readSync(fd, room, 0, room.length, null);
      if (count === 0) break;
      window.commit(count, room);
      window.take(decoder.feed(window.bytes, window.start, window.end));
      // The decoder waits for a record larger than the window.
      if (window.full) window.require(Math.max(decoder.needed, window.bytes.length + 1));
    }
    decoder.finish();
  } finally {
    closeSync(fd);
  }
}

/**
 * @param {string} file
 * @param {'entries' | 'values'} level
 */
export async function decodeFile(file, level) {
  const build = await loadBuild();
  const handler = new CountingHandler(build, level === 'values');
  const crc = new build.Crc64();
  const decoder = new build.RdbDecoder(handler, { crc });
  const startedMs = performance.now();
  feedFile(decoder, new build.ByteWindow(crc.window), file);
  const seconds = (performance.now() - startedMs) / 1000;
  const { elements } = handler.visitor;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  return {
    level,
    seconds,
    bytes: decoder.offset,
    keys: handler.keys,
    elements,
    checksum: handler.checksum,
    peakBytes,
  };
}

/** @param {string[]} argv @returns {Promise<number>} */
async function main(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { level: { type: 'string', default: 'values' } },
  });
  const [file] = positionals;
  if (file === undefined || (values.level !== 'entries' && values.level !== 'values')) {
    console.error('usage: node scripts/bench/decode.mjs FILE [--level entries|values]');
    return 2;
  }
  console.log(JSON.stringify(await decodeFile(file, values.level)));
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.slice(2));
}
