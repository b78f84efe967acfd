import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../../src/bytes/crc64.js';
import { encodeRdb, type RdbKey } from '../../../src/rdb/encode/encode-rdb.js';
import { RdbFileWriter } from '../../../src/rdb/encode/file-writer.js';
import { RdbDecoder } from '../../../src/rdb/file-decoder.js';
import type { Checksum, RdbHandler } from '../../../src/rdb/handler.js';
import { formatFor, formatMagic, parseServerName } from '../../../src/rdb/server-support.js';
import { decodeValue } from '../../../src/rdb/value.js';
import { bytes, value } from '../../support/rdb-arbitrary.js';
import { faultOf } from '../../support/rdb-error.js';
import { ascii, hex, join } from '../../support/rdb-hex.js';
import { expectSame } from '../../support/same.js';

interface ReadBack {
  format: string;
  checksum: Checksum | undefined;
  readonly aux: [string, string][];
  readonly keys: RdbKey[];
  readonly events: string[];
}

function readBack(file: Uint8Array): ReadBack {
  const out: ReadBack = { format: '', checksum: undefined, aux: [], keys: [], events: [] };
  const text = (part: Uint8Array): string => new TextDecoder().decode(part);
  let dialect: 'redis' | 'valkey' = 'redis';
  const handler: RdbHandler = {
    begin: (itsDialect, version) => {
      dialect = itsDialect;
      out.format = formatMagic({ dialect, version });
    },
    aux: (name, auxValue) => void out.aux.push([text(name), text(auxValue)]),
    selectDb: (db) => void out.events.push(`db ${db}`),
    sizeHint: (keys, expiring) => void out.events.push(`hint ${keys} ${expiring}`),
    functionLibrary: (source) => void out.events.push(text(source)),
    moduleAux: (record) => void out.events.push(`module ${record.length}`),
    entry: (entry) => {
      out.keys.push({
        db: entry.db,
        key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
        value: decodeValue(entry.type.id, dialect, entry.bytes, entry.valueStart, entry.valueEnd),
        expiresAtMs: entry.expiresAtMs,
        idleSeconds: entry.idleSeconds,
        lfuFrequency: entry.lfuFrequency,
      });
      return true;
    },
    largeValue: () => {
      throw new Error('not expected');
    },
    largeValueEnd: () => true,
    emptyKey: () => void out.events.push('empty'),
    end: (checksum) => {
      out.checksum = checksum;
    },
  };
  const decoder = new RdbDecoder(handler);
  expect(decoder.feed(file, 0, file.length)).toBe(file.length);
  decoder.finish();
  return out;
}

const rdbKey: fc.Arbitrary<Required<RdbKey>> = fc.record({
  db: fc.constantFrom(0, 3, 100, 20_000),
  key: bytes,
  value,
  expiresAtMs: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
  idleSeconds: fc.oneof(fc.constant(-1), fc.nat()),
  lfuFrequency: fc.oneof(fc.constant(-1), fc.nat(255)),
});

describe.each(['redis-8.8', 'valkey-9.1'])('for %s', (name) => {
  const server = parseServerName(name);

  test('keys come back with everything around them', () => {
    fc.assert(
      fc.property(fc.array(rdbKey, { maxLength: 8 }), (keys) => {
        const storable = keys.filter(({ value: { kind } }) => kind !== 'stream');
        const read = readBack(
          encodeRdb(storable, { server, compress: true, aux: { 'redis-ver': '1.2.3', ctime: '77' } }),
        );
        expect(read.format).toBe(formatMagic(formatFor(server)));
        expect(read.checksum?.state).toBe('ok');
        expect(read.aux).toEqual([
          ['redis-ver', '1.2.3'],
          ['ctime', '77'],
        ]);
        expectSame(
          read.keys,
          storable.map((key) => ({ ...key, key: Uint8Array.from(key.key) })),
        );
      }),
      { numRuns: 300 },
    );
  });
});

test('the bytes of a small file', () => {
  const keys: RdbKey[] = [
    { key: ascii('a'), value: { kind: 'string', bytes: ascii('12') }, expiresAtMs: 4_000_000_000_000 },
    {
      db: 3,
      key: ascii('b'),
      value: { kind: 'list', items: [ascii('x')] },
      idleSeconds: 70,
      lfuFrequency: 9,
    },
  ];
  const body = join(
    ascii('REDIS0009'),
    hex('fe 00 | fc 00 40 94 52 a3 03 00 00 | 00 01 61 c0 0c'),
    hex('fe 03 | f8 40 46 | f9 09 | 01 01 62 01 01 78 | ff'),
  );
  const file = encodeRdb(keys, { server: parseServerName('redis-6.2') });
  expectSame(file.slice(0, -8), body);
  const old = encodeRdb(keys, { server: parseServerName('redis-2.8'), aux: { name: 'value' } });
  expect(readBack(old).aux).toEqual([]);
  expect(readBack(old).keys.map(({ idleSeconds, lfuFrequency }) => [idleSeconds, lfuFrequency])).toEqual([
    [-1, -1],
    [-1, -1],
  ]);
});

test('what the server has no place for is an error', () => {
  const timed = { kind: 'hash', fields: [{ field: ascii('f'), value: ascii('v'), expiresAtMs: 5 }] } as const;
  expect(() => encodeRdb([{ key: ascii('h'), value: timed }])).toThrow(/no place for TTLs of hash fields/);
});

test('passes on chunks, whatever the size of values, and can go back to a mark', () => {
  const chunks: Uint8Array[] = [];
  const shared = new Crc64();
  const options = { crc: shared, chunkBytes: 64 };
  const writer = new RdbFileWriter(
    (chunk) => void chunks.push(chunk.slice()),
    { dialect: 'redis', version: 9 },
    options,
  );
  const other = new RdbFileWriter(() => {}, { dialect: 'redis', version: 9 }, options);
  const record = {
    keyBytes: ascii('--key'),
    keyStart: 2,
    keyEnd: 5,
    expiresAtMs: -1,
    idleSeconds: -1,
    lfuFrequency: -1,
  };
  const long = new Uint8Array(1000).fill(5);
  writer.entry(0, record, 0, join(hex('43 e8'), long), 0, 1002);
  other.entry(0, record, 0, join(hex('43 e8'), long), 0, 1002);
  const mark = writer.mark();
  const kept = chunks.length;
  writer.openEntry(7, record, 1);
  writer.body.raw(long);
  writer.rewind(mark);
  chunks.length = kept;
  writer.entry(
    0,
    { ...record, expiresAtMs: 2 ** 60, expiresAtText: String(2n ** 60n + 1n) },
    0,
    hex('01 78'),
    0,
    2,
  );
  writer.end();
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(1002);
  const file = join(...chunks);
  expect(writer.bytesWritten).toBe(file.length);
  const read = readBack(file);
  expect(read.checksum?.state).toBe('ok');
  expect(read.events).toEqual(['db 0']);
  expect([writer.keys, read.keys.length]).toEqual([2, 2]);
});

test('functions, module data and hints, where the version has them', () => {
  const record = hex('f7 01 02 01 00');
  const written = (version: number): ReadBack => {
    const chunks: Uint8Array[] = [];
    const writer = new RdbFileWriter((chunk) => void chunks.push(chunk.slice()), {
      dialect: 'redis',
      version,
    });
    const add = (): void => writer.functionLibrary(ascii('#!lua name=x'));
    expect(faultOf(add)?.message).toBe(
      writer.takesFunctions ? undefined : 'functions need RDB version 10 (Redis 7.0)',
    );
    writer.moduleAux(record);
    writer.selectDb(2);
    writer.sizeHint(5, 1);
    writer.end();
    return readBack(join(...chunks));
  };
  expect(written(12).events).toEqual(['#!lua name=x', 'module 5', 'db 2', 'hint 5 1']);
  expect(written(9).events).toEqual(['module 5', 'db 2', 'hint 5 1']);
  expect(written(6).events).toEqual(['db 2']);
});
