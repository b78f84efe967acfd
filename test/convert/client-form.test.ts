import { expect, test } from 'vitest';
import { toClientForm } from '../../src/convert/client-form.js';
import { bytesOf } from '../../src/keyspace/words.js';

const convert = (line: string): string =>
  toClientForm(line.split(' ').map((word) => bytesOf(word)))
    .map((arg) => new TextDecoder().decode(arg))
    .join(' ');

test.each([
  ['XADD k MAXLEN = 10 LIMIT 5 1-1 f v', 'XADD k MAXLEN = 10 1-1 f v'],
  ['xadd k nomkstream minid = 3-0 limit 5 1-1 f v', 'xadd k nomkstream minid = 3-0 1-1 f v'],
  ['XADD k KEEPREF MAXLEN = 10 LIMIT 5 1-1 f v', 'XADD k KEEPREF MAXLEN = 10 1-1 f v'],
  ['XADD k MAXLEN 10 LIMIT 5 1-1 f v', 'XADD k MAXLEN 10 1-1 f v'],
  ['XTRIM k MAXLEN = 10 LIMIT 0', 'XTRIM k MAXLEN = 10'],
])('%s', (given, expected) => {
  expect(convert(given)).toBe(expected);
});

test.each([
  'XADD k MAXLEN = 10 1-1 f v LIMIT 5',
  'XADD k 1-1 MAXLEN = LIMIT 5 f v g w',
  'XADD k MAXLEN ~ 10 LIMIT 5 1-1 f v',
  'XTRIM k MAXLEN = 10',
  'SET k v',
  'LIMIT LIMIT LIMIT',
])('%s stays', (line) => {
  expect(convert(line)).toBe(line);
});
