/** Keys with anything in them, damaged ones, filters and large values: for every text format. */
import { describe, expect, test } from 'vitest';
import { TEXT_FORMATS } from '../../src/export/text-formats.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { ascii, hex, join } from '../support/rdb-hex.js';
import { FEEDS } from '../support/rdb-feeds.js';
import { exportText, parseLines } from '../support/text-export.js';

const HEADER = join(ascii('REDIS0009'), hex('fe 00'));
/** A checksum of zero is one that was switched off. */
const END = hex('ff 0000000000000000');

function str(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 64) return join(new Uint8Array([bytes.length]), bytes);
  return join(
    hex('80'),
    new Uint8Array(Buffer.from([bytes.length >>> 24, bytes.length >> 16, bytes.length >> 8, bytes.length])),
    bytes,
  );
}

const string = (key: Uint8Array, value: Uint8Array): Uint8Array => join(hex('00'), str(key), str(value));
const rdb = (...records: Uint8Array[]): Uint8Array => join(HEADER, ...records, END);

const ODD_TEXTS = ['', 'a b', 'comma,', 'quo"te', "it's", 'back\\slash', 'new\nline', 'cr\r', 'tab\t'];
const ODD: readonly Uint8Array[] = [
  ...[...ODD_TEXTS, '\0', '\u007F', 'é€😀', '\u2028'].map((text) => new TextEncoder().encode(text)),
  ...[hex('ff'), hex('c328'), hex('61e282'), join(ascii('x'.repeat(70)), hex('80'))],
];

test('ndjson gives every key back', () => {
  const { text, counts } = exportText(rdb(...ODD.map((key) => string(key, key))), { format: 'ndjson' });
  const lines = parseLines<{ key: string | { base64: string }; value: unknown }>(text);
  const keys = lines.map(({ key }) =>
    typeof key === 'string' ? Buffer.from(key) : Buffer.from(key.base64, 'base64'),
  );
  expect(keys.map((key) => key.toString('hex'))).toEqual(ODD.map((key) => Buffer.from(key).toString('hex')));
  expect(lines.map(({ value }) => value)).toEqual(lines.map(({ key }) => key));
  expect(counts.keys).toBe(ODD.length);
});

test('json is one document', () => {
  const { text } = exportText(rdb(...ODD.map((key) => string(key, ascii('v')))), { format: 'json' });
  const [database] = JSON.parse(text) as [Record<string, string>];
  expect(Object.keys(database)).toHaveLength(ODD.length);
  expect(database).toMatchObject({
    'quo"te': 'v',
    '\\xFF': 'v',
    '\\xC3(': 'v',
    'a\\xE2\\x82': 'v',
    '\0': 'v',
  });
});

test('csv quotes what would break a line or a column', () => {
  const rows = exportText(rdb(...ODD.map((key) => string(key, ascii('v')))), { format: 'csv' }).text;
  const key = (row: string): string => rows.split(/\n(?=0,|$)/).find((line) => line.includes(row)) ?? '';
  expect(key('comma')).toMatch(/^0,string,"comma,",\d+,string,1,1,$/);
  expect(key('quo')).toMatch(/^0,string,"quo""te",\d+,string,1,1,$/);
  expect(key('new')).toMatch(/^0,string,"new\nline",\d+,/);
  expect(key('a b')).toMatch(/^0,string,a b,\d+,/);
  expect(key('é')).toMatch(/^0,string,é€😀,\d+,/);
  expect(key('\\xFF')).toMatch(/^0,string,\\xFF,\d+,/);
});

test('keys stand as they are, or escaped, one per line', () => {
  const file = rdb(...ODD.map((key) => string(key, ascii('v'))));
  const raw = exportText(file, { format: 'keys' }).bytes;
  expect(raw.equals(Buffer.concat(ODD.flatMap((key) => [key, ascii('\n')])))).toBe(true);
  const lines = exportText(file, { format: 'keys', escape: true }).text.split('\n');
  expect(lines).toHaveLength(ODD.length + 1);
  expect(lines).toEqual(
    expect.arrayContaining([
      '',
      'new\\nline',
      'cr\\r',
      'tab\\t',
      'back\\\\slash',
      '\\x00',
      '\\x7F',
      '\\xFF',
      'é€😀',
    ]),
  );
});

test('an empty snapshot', () => {
  const text = (format: (typeof TEXT_FORMATS)[number]): string => exportText(rdb(), { format }).text;
  expect([text('ndjson'), text('json'), text('keys'), text('resp')]).toEqual(['', '[]\n', '', '']);
  expect(text('csv').split('\n')).toHaveLength(2);
});

test('one object per database that has keys, in json', () => {
  const file = join(
    HEADER,
    hex('fe 02'),
    string(ascii('a'), ascii('1')),
    hex('fe 07'),
    string(ascii('a'), ascii('2')),
    END,
  );
  expect(JSON.parse(exportText(file, { format: 'json' }).text)).toEqual([{ a: '1' }, { a: '2' }]);
  const only = exportText(file, { format: 'json', filter: { includeDbs: [7] } });
  expect(JSON.parse(only.text)).toEqual([{ a: '2' }]);
  expect(only.counts).toEqual({ keys: 1, filteredKeys: 1, emptyKeys: 0 });
  const mapped = parseLines<{ db: number }>(
    exportText(file, { format: 'ndjson', dbMap: new Map([[2, 0]]) }).text,
  );
  expect(mapped.map(({ db }) => db)).toEqual([0, 7]);
});

/** A hash in a listpack whose second pair is cut short, which only shows when it is looked into. */
const DAMAGED = join(hex('10'), str(ascii('bad')), str(hex('11000000 0400 8161028162 02 8163028163 02 ff')));

describe.each(['ndjson', 'json', 'resp'] as const)('a damaged key in %s', (format) => {
  test('is named with its place, and no half of it is in the output', () => {
    const file = rdb(string(ascii('good'), ascii('v')), DAMAGED);
    let error: unknown;
    try {
      exportText(file, { format });
    } catch (caught) {
      error = caught;
    }
    const offset = HEADER.length + string(ascii('good'), ascii('v')).length;
    expect(error).toMatchObject({ code: 'RDB_CORRUPT', exitCode: 6, place: { db: 0, key: '"bad"', offset } });
  });
});

describe('a value in pieces', () => {
  const fields = 3000;
  const hash = join(
    hex('04'),
    str(ascii('h')),
    hex('80 00000bb8'),
    ...Array.from({ length: fields }, (_, n) => join(str(ascii(`field ${n}`)), str(ascii(`value "${n}"`)))),
  );
  const limits = { ...DEFAULT_LIMITS, inlineBytes: 1000 };

  test.each(TEXT_FORMATS)('%s is the same as when it is held whole', (format) => {
    const file = rdb(string(ascii('before'), ascii('v')), hash, string(ascii('after'), ascii('v')));
    const whole = exportText(file, { format });
    for (const feed of FEEDS.slice(2)) {
      expect(exportText(file, { format, feed, limits }).text).toBe(whole.text);
    }
  });

  test('is left out by its size, taken by its size', () => {
    const file = rdb(string(ascii('small'), ascii('v')), hash);
    const keys = (selection: object): string =>
      exportText(file, { format: 'keys', feed: FEEDS[2]!, limits, selection }).text;
    expect(keys({ maxBytes: 2000 })).toBe('small\n');
    expect(keys({ minBytes: 2000 })).toBe('h\n');
    expect(keys({ minBytes: 2000, maxBytes: 3000 })).toBe('');
    expect(keys({ includePattern: /^sm/u })).toBe('small\n');
  });

  test('that ends in the middle leaves a line of JSON that says so', () => {
    const cut = join(HEADER, hash).slice(0, -500);
    const target: string[] = [];
    expect(() => {
      target.push(exportText(cut, { format: 'ndjson', feed: FEEDS[2]!, limits }).text);
    }).toThrow(expect.objectContaining({ code: 'RDB_TRUNCATED' }));
  });
});
