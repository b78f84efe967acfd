/** Values larger than memory should hold pass through: nothing of them is kept but what must wait. */
import { expect, test } from 'vitest';
import { ExportHandler } from '../../src/export/export-handler.js';
import { JsonWriter } from '../../src/export/json.js';
import { NdjsonWriter } from '../../src/export/ndjson.js';
import { type ByteTarget, Output } from '../../src/export/output.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import { NO_FILTER } from '../support/no-filter.js';
import { ascii, hex, join } from '../support/rdb-hex.js';

const MB = 1e6;
const ELEMENTS = 2_000_000;
const AT_ONCE = 5000;

/** The bytes of one value of ELEMENTS units that differ in a number at `digitsAt`, some thousands at a time. */
function* units(
  head: Uint8Array,
  unit: Uint8Array,
  digitsAt: number,
  scoreAt?: number,
): Generator<Uint8Array> {
  const count = Buffer.alloc(5, 0x80);
  count.writeUInt32BE(ELEMENTS, 1);
  yield join(ascii('REDIS0009'), hex('fe 00'), head, count);
  const block = Buffer.concat(Array.from({ length: AT_ONCE }, () => unit));
  for (let n = 0; n < ELEMENTS; n++) {
    const at = (n % AT_ONCE) * unit.length;
    block.write(String(n).padStart(8, '0'), at + digitsAt, 'latin1');
    // Descending, as servers write them.
    if (scoreAt !== undefined) block.writeDoubleLE(-n, at + scoreAt);
    if (n % AT_ONCE === AT_ONCE - 1) yield block;
  }
  yield hex('ff 0000000000000000');
}

const text = (word: string): Uint8Array => join(new Uint8Array([word.length]), ascii(word));

const HASH = (): Generator<Uint8Array> =>
  units(join(hex('04'), text('h')), join(text('field ########'), text('value of this field')), 7);
const ZSET = (): Generator<Uint8Array> =>
  units(join(hex('05'), text('z')), join(text('member ########'), new Uint8Array(8)), 8, 16);

class Measure implements ByteTarget {
  readonly slow = false;
  bytes = 0;
  peak = 0;
  #count = 0;

  writeSync(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (++this.#count % 16 === 0) this.look();
  }

  write(chunk: Uint8Array): Promise<void> {
    this.writeSync(chunk);
    return Promise.resolve();
  }

  look(): void {
    this.peak = Math.max(this.peak, process.memoryUsage().arrayBuffers);
  }
}

test.each([
  ['a hash as ndjson', 'ndjson', HASH],
  ['a hash as json', 'json', HASH],
  ['a sorted set as ndjson', 'ndjson', ZSET],
] as const)('%s', { timeout: 60_000 }, (_what, format, pieces) => {
  const target = new Measure();
  const out = new Output(target);
  const writer = format === 'ndjson' ? new NdjsonWriter(out, { meta: false }) : new JsonWriter(out);
  const counts = { keys: 0, filteredKeys: 0, emptyKeys: 0 };
  const handler = new ExportHandler({
    ...{ writer, out, counts, selection: {} },
    filter: createKeyFilter(NO_FILTER),
    dbMap: createDbMap(new Map()),
  });
  const decoder = new RdbDecoder(handler);
  const before = process.memoryUsage().arrayBuffers;
  const window = new Uint8Array(4 * 1024 * 1024);
  let filled = 0;
  for (const piece of pieces()) {
    window.set(piece, filled);
    filled += piece.length;
    // A value is only opened as a large one when the window is full of it.
    if (filled < 3 * 1024 * 1024) continue;
    const at = decoder.feed(window, 0, filled);
    window.copyWithin(0, at, filled);
    filled -= at;
    target.look();
  }
  decoder.feed(window, 0, filled);
  decoder.finish();
  writer.finish();
  out.endSync();
  expect(counts.keys).toBe(1);
  expect(target.bytes).toBeGreaterThan(25 * ELEMENTS);
  // Garbage that waits to be collected counts here. The smaller of the values takes 48 MB, its output more.
  expect(target.peak - before).toBeLessThan(40 * MB);
});
