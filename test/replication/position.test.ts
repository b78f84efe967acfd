import { expect, test } from 'vitest';
import { formatPosition, psyncArgs } from '../../src/replication/position.js';

const replid = '0123456789abcdef0123456789abcdef01234567';

test('PSYNC asks for the next byte', () => {
  expect(psyncArgs({ replid, offset: 0 })).toEqual([replid, '1']);
  expect(psyncArgs({ replid, offset: Number.MAX_SAFE_INTEGER - 1 })).toEqual([replid, '9007199254740991']);
});

test('PSYNC without a position asks for everything', () => {
  expect(psyncArgs(undefined)).toEqual(['?', '-1']);
});

test('one textual form', () => {
  expect(formatPosition({ replid, offset: 42 })).toBe(`${replid}:42`);
});
