import { expect, test } from 'vitest';
import { decodeValue } from '../../src/rdb/value.js';
import { fault, faultOf } from '../support/rdb-error.js';
import { embedded, hex } from '../support/rdb-hex.js';

test('a value from the middle of a buffer, copied out of it', () => {
  const bytes = embedded(hex('02 01 61 c0 05'));
  const value = decodeValue(1, 'redis', bytes, 5, 10);
  bytes.fill(0);
  expect(value).toEqual({ kind: 'list', items: [hex('61'), hex('35')] });
});

test('field times', () => {
  const bytes = hex('01 01 66 01 76 0000000000000000');
  expect(decodeValue(22, 'valkey', bytes, 0, bytes.length)).toEqual({
    kind: 'hash',
    fields: [{ field: hex('66'), value: hex('76'), expiresAtMs: 0 }],
  });
});

test('a value that ends early', () => {
  expect(faultOf(() => decodeValue(1, 'redis', hex('02 01 61 05'), 0, 4))).toEqual(
    fault('RDB_TRUNCATED', 3, /ends in the middle/),
  );
  expect(faultOf(() => decodeValue(0, 'redis', hex('05 61 61'), 0, 3))).toEqual(
    fault('RDB_TRUNCATED', 3, /ends in the middle/),
  );
  expect(faultOf(() => decodeValue(0, 'redis', hex(''), 0, 0))).toEqual(
    fault('RDB_TRUNCATED', 0, /ends in the middle/),
  );
});

test('bytes behind the value', () => {
  expect(faultOf(() => decodeValue(1, 'redis', hex('01 01 61 05'), 0, 4))).toEqual(
    fault('RDB_CORRUPT', 3, /1 bytes behind the end/),
  );
});
