/**
 * Damage that does not change where things end costs the key it is in and nothing else; and an error about a
 * value says where it is and in which key.
 */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { HandlerTap } from '../../src/io/handler-tap.js';
import type { Dialect } from '../../src/rdb/dialect.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../../src/rdb/handler.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rdb/limits.js';
import { decodeValue, ValueBuilder } from '../../src/rdb/value.js';
import { ValueDecoder } from '../../src/rdb/value-decoder.js';
import { corpusNames, readSnapshotBytes } from '../support/rdb-corpus.js';
import { FEEDS, feedIn } from '../support/rdb-feeds.js';
import { ascii, hex, join } from '../support/rdb-hex.js';
import { plainValue } from '../support/rdb-plain.js';

interface Span {
  readonly name: string;
  /** File offsets of the value. */
  readonly start: number;
  readonly end: number;
  readonly opening: string;
  readonly kind: string;
}

/** Decodes every value, and keeps it by its key's name. */
class Values implements RdbHandler {
  readonly values = new Map<string, unknown>();
  readonly spans: Span[] = [];
  dialect: Dialect = 'redis';
  #large = new ValueBuilder();

  begin(dialect: Dialect): void {
    this.dialect = dialect;
  }
  aux(): void {}
  selectDb(): void {}
  sizeHint(): void {}
  functionLibrary(): void {}
  moduleAux(): void {}
  emptyKey(): void {}
  end(): void {}

  entry(entry: RdbEntry): boolean {
    const { type, bytes, valueStart, valueEnd } = entry;
    const name = nameOf(entry);
    this.spans.push({ name, start: valueStart, end: valueEnd, opening: type.opening, kind: type.kind });
    this.values.set(name, plainValue(decodeValue(type.id, this.dialect, bytes, valueStart, valueEnd)));
    return true;
  }

  largeValue({ type }: RdbEntry): ValueSink {
    this.#large = new ValueBuilder();
    return new ValueDecoder(type.id, this.dialect, this.#large);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    this.values.set(nameOf(entry), plainValue(this.#large.build(entry.type.kind)));
    return true;
  }
}

function nameOf({ db, keyBytes, keyStart, keyEnd }: RdbEntry): string {
  return `${db} ${Buffer.from(keyBytes.subarray(keyStart, keyEnd)).toString('hex')}`;
}

function salvage(bytes: Uint8Array, limits: Limits = DEFAULT_LIMITS, feed = FEEDS[0]!) {
  const handler = new Values();
  const lost: ReplicantError[] = [];
  const onLost = (error: ReplicantError): void => void lost.push(error);
  const decoder = new RdbDecoder(new HandlerTap(handler, true, onLost), { limits, onLost });
  feedIn(feed, decoder, bytes);
  decoder.finish();
  return { values: handler.values, spans: handler.spans, lost };
}

/** Keys other than `damaged` that are gone or have another value. */
function changedKeys(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  damaged: string,
): string[] {
  const keys = [...before.keys()].filter((key) => key !== damaged);
  return keys.filter((key) => !isDeepStrictEqual(after.get(key), before.get(key)));
}

/** Small enough that every collection is handed on in pieces. */
const TIGHT = { ...DEFAULT_LIMITS, inlineBytes: 60, inlineStreamBytes: 60 };

describe.each(corpusNames())('%s', (name) => {
  const bytes = readSnapshotBytes(name);
  const whole = salvage(bytes);
  const packed = whole.spans.filter(({ opening, start, end }) => opening === 'packed' && end - start > 24);

  test('damage inside one packed value leaves all others as they are', () => {
    expect(packed.length).toBeGreaterThan(5);
    let losses = 0;
    for (const [at, span] of packed.entries()) {
      const damaged = bytes.slice();
      // Behind the header of the string, whichever form it has.
      damaged[span.start + 12 + (at % 7)]! ^= 0xff;
      const after = salvage(damaged);
      expect(after.lost.length).toBeLessThanOrEqual(1);
      losses += after.lost.length;
      expect(changedKeys(whole.values, after.values, span.name)).toEqual([]);
    }
    expect(losses).toBeGreaterThan(0);
  });

  const streams = whole.spans.filter(({ kind, start, end }) => kind === 'stream' && end - start > 200);

  test.skipIf(streams.length === 0)('the same when values are handed on in pieces', () => {
    for (const span of streams) {
      const damaged = bytes.slice();
      damaged[span.start + 60]! ^= 0xff;
      const after = salvage(damaged, TIGHT, FEEDS[3]);
      expect(after.lost.length).toBeLessThanOrEqual(1);
      expect(changedKeys(whole.values, after.values, span.name)).toEqual([]);
    }
  });
});

describe('names that cannot be decompressed', () => {
  /** LZF that refers to what is before its start. */
  const bad = 'c3 03 08 20 05 00';
  const good = join(hex('00 01 61'), hex('01 31'));
  const file = (...records: readonly Uint8Array[]): Uint8Array =>
    join(ascii('REDIS0011'), ...records, hex('ff'), new Uint8Array(8));

  test.each([
    ['a key', hex(`00 ${bad} 01 32`)],
    ['a key of a collection', hex(`01 ${bad} 02 01 32 01 33`)],
    ['the name of an AUX field', hex(`fa ${bad} 01 32`)],
    ['the value of an AUX field', hex(`fa 01 61 ${bad}`)],
    ['a function library', hex(`f5 ${bad}`)],
  ])('%s is left out and told once, however it is fed', (_, record) => {
    for (const feed of FEEDS) {
      const { values, lost } = salvage(file(record, good), DEFAULT_LIMITS, feed);
      expect([...values]).toEqual([['0 61', '1']]);
      expect(lost.map(({ code }) => code)).toEqual(['RDB_CORRUPT']);
      expect(lost[0]!.place.offset).toBeGreaterThan(9);
      expect(lost[0]!.place.offset).toBeLessThan(9 + record.length);
    }
  });

  test('so is one whose value is handed on in pieces', () => {
    const items = join(hex(`01 ${bad} 40 80`), ...Array.from({ length: 128 }, () => hex('01 78')));
    for (const feed of FEEDS.slice(1)) {
      const { values, lost } = salvage(file(items, good), { ...DEFAULT_LIMITS, inlineBytes: 10 }, feed);
      expect([...values]).toEqual([['0 61', '1']]);
      expect(lost).toHaveLength(1);
    }
  });

  test('without salvage it is an error', () => {
    const decoder = new RdbDecoder(new Values());
    const bytes = file(hex(`00 ${bad} 01 32`), good);
    expect(() => decoder.feed(bytes, 0, bytes.length)).toThrow(/LZF reference/);
  });
});

test('an error about a value names its place in the file, database and key', () => {
  const listpack = hex('10 0b 0b000000 0200 81 61 02 ee ff');
  const before = join(ascii('REDIS0011'), hex('fe 07'), hex('00 01 61 01 31'));
  const bytes = join(before, hex('10 03'), ascii('bad'), listpack.subarray(1), hex('ff'), new Uint8Array(8));
  for (const feed of FEEDS) {
    const decoder = new RdbDecoder(new Values());
    let error: unknown;
    try {
      feedIn(feed, decoder, bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ReplicantError);
    expect((error as ReplicantError).place).toMatchObject({ db: 7, key: '"bad"' });
    const { offset } = (error as ReplicantError).place;
    expect(offset).toBeGreaterThanOrEqual(before.length);
    expect(offset).toBeLessThan(before.length + 5 + listpack.length);
  }
});
