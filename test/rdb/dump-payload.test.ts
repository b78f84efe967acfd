import { describe, expect, test } from 'vitest';
import {
  checkFooter,
  decodeDumpPayload,
  encodeDumpPayload,
  UNIVERSAL_VERSION,
} from '../../src/rdb/dump-payload.js';
import { decodeValue } from '../../src/rdb/value.js';
import { fault, faultOf } from '../support/rdb-error.js';
import { hex, join, patched } from '../support/rdb-hex.js';
import { plainValue } from '../support/rdb-plain.js';
import { CAPTURED } from '../support/rdb-captured.js';

describe.each(CAPTURED)('captured from a server: $name', ({ payload, version, dialect, value }) => {
  const bytes = hex(payload);
  const parts = decodeDumpPayload(bytes);

  test('comes apart', () => {
    expect(parts).toEqual({
      type: bytes[0],
      dialect,
      version,
      keyMetaEnd: 0,
      valueStart: 1,
      valueEnd: bytes.length - 10,
      ignoredBytes: 0,
    });
  });

  test('holds what was put in', () => {
    const decoded = decodeValue(parts.type, parts.dialect, bytes, parts.valueStart, parts.valueEnd);
    expect(plainValue(decoded)).toEqual(value);
  });

  test('is made again from its parts', () => {
    const raw = bytes.subarray(parts.valueStart, parts.valueEnd);
    expect(encodeDumpPayload(parts.type, raw, version)).toEqual(bytes);
  });
});

describe('making payloads', () => {
  test('version 6 unless told otherwise', () => {
    // Hand-made, accepted by Redis 7.4.1 and 8.0.6.
    const payload = hex(
      '18 00 40 94 52 a3 03 00 00 02 01 01 66 01 76 00 01 67 01 77 06 00 a0 1f e0 0b 0d c6 15 5a',
    );
    expect(encodeDumpPayload(24, payload.subarray(1, -10))).toEqual(payload);
    expect(UNIVERSAL_VERSION).toBe(6);
  });

  test('key metadata come first', () => {
    const keyMeta = hex('f3 01 | aa bb cc dd | 02 05 00');
    const payload = encodeDumpPayload(0, hex('01 61'), 13, keyMeta);
    expect(payload.subarray(0, keyMeta.length)).toEqual(keyMeta);
    expect(decodeDumpPayload(payload)).toEqual({
      type: 0,
      dialect: 'redis',
      version: 13,
      keyMetaEnd: 9,
      valueStart: 10,
      valueEnd: 12,
      ignoredBytes: 0,
    });
  });
});

describe('taking payloads apart', () => {
  const good = hex('00 c0 f9 | 06 00 | c8 cb b9 b0 22 f7 7e 38');

  test('bytes behind the value are tolerated and told', () => {
    // KeyDB: an AUX record behind the value.
    const payload = encodeDumpPayload(0, join(hex('01 61'), hex('fa 0b 6d7663632d747374616d70 c0 05')), 9);
    expect(decodeDumpPayload(payload)).toMatchObject({ valueEnd: 3, ignoredBytes: 15 });
  });

  test('the version tells what type 22 is', () => {
    const value = hex('01 01 66 01 76 ffffffffffffffff');
    expect(decodeDumpPayload(encodeDumpPayload(22, value, 80))).toMatchObject({
      dialect: 'valkey',
      ignoredBytes: 0,
    });
    const redis = hex('01 00 01 66 01 76');
    expect(decodeDumpPayload(encodeDumpPayload(22, redis, 12))).toMatchObject({
      dialect: 'redis',
      ignoredBytes: 0,
    });
  });

  test.each([0, 1, 2, 3, 4])('a changed byte at %i is noticed', (at) => {
    expect(faultOf(() => decodeDumpPayload(patched(good, { [at]: good[at]! ^ 1 })))).toEqual(
      fault('RDB_CORRUPT', 5, /checksum is [0-9a-f]{16}, not 387ef722b0b9cbc8/),
    );
  });

  test('a checksum of zero is none, here', () => {
    const zero = patched(good, Object.fromEntries([5, 6, 7, 8, 9, 10, 11, 12].map((at) => [at, 0])));
    expect(faultOf(() => decodeDumpPayload(zero))).toEqual(fault('RDB_CORRUPT', 5, /not 0000000000000000/));
  });

  test('too short', () => {
    expect(faultOf(() => checkFooter(good.subarray(0, 10)))).toEqual(
      fault('RDB_TRUNCATED', 10, /of 10 bytes/),
    );
    expect(faultOf(() => checkFooter(hex('')))).toEqual(fault('RDB_TRUNCATED', 0, /of 0 bytes/));
  });

  test('a value that is cut off', () => {
    const payload = encodeDumpPayload(1, hex('02 01 61'));
    expect(faultOf(() => decodeDumpPayload(payload))).toEqual(
      fault('RDB_CORRUPT', 4, /value goes beyond its end/),
    );
  });

  test.each(['f3 01', 'f3 01 aa bb cc dd 02 05', 'f3 01 aa bb cc dd 00'])(
    'key metadata that are cut off: %s',
    (text) => {
      const body = hex(text);
      const payload = encodeDumpPayload(body[0]!, body.subarray(1), 13);
      expect(faultOf(() => decodeDumpPayload(payload))).toEqual(
        fault('RDB_CORRUPT', body.length, /inside its key metadata/),
      );
    },
  );

  test('a type that is not known', () => {
    expect(faultOf(() => decodeDumpPayload(encodeDumpPayload(23, hex('00'), 81)))).toEqual(
      fault('RDB_UNSUPPORTED', 0, /PATH_HASH/),
    );
    expect(faultOf(() => decodeDumpPayload(encodeDumpPayload(200, hex('00'))))).toEqual(
      fault('RDB_UNSUPPORTED', 0, /value type 200/),
    );
  });
});
