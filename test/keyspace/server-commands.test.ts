import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BUILTIN_COMMANDS,
  commandOf,
  createTable,
  extendTable,
  keyPositions,
  opaqueCommands,
  type CommandTable,
} from '../../src/keyspace/command-table.js';
import { parseCommandReply } from '../../src/keyspace/server-commands.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args } from './support.js';

const index = (position: number): unknown[] => ['type', 'index', 'spec', ['index', position]];
const keyword = (word: string, startfrom: number): unknown[] => [
  'type',
  'keyword',
  'spec',
  ['keyword', word, 'startfrom', startfrom],
];
const range = (lastkey: number, keystep = 1, limit = 0): unknown[] => [
  'type',
  'range',
  'spec',
  ['lastkey', lastkey, 'keystep', keystep, 'limit', limit],
];
const count = (keynumidx: number, firstkey: number, keystep = 1): unknown[] => [
  'type',
  'keynum',
  'spec',
  ['keynumidx', keynumidx, 'firstkey', firstkey, 'keystep', keystep],
];
const UNKNOWN = ['type', 'unknown', 'spec', []];
const spec = (begin: unknown, find: unknown, ...flags: string[]): unknown[] => [
  'flags',
  ['RW', ...flags],
  'begin_search',
  begin,
  'find_keys',
  find,
];

/** An entry of 7.0+. */
function entry(
  name: string,
  specs: readonly unknown[],
  more: { flags?: string[]; legacy?: number[]; subs?: unknown[]; categories?: string[] } = {},
): unknown[] {
  const { flags = ['write', 'module'], legacy = [0, 0, 0], subs = [], categories = [] } = more;
  return [name, -2, flags, ...legacy, categories, [], specs, subs];
}

function tableOf(...entries: unknown[]): CommandTable {
  return extendTable(createTable([]), parseCommandReply(entries));
}

function show(table: CommandTable, line: string): string {
  const command = args(line);
  const found = commandOf(command, table);
  return `${found?.role ?? 'unknown'} ${keyPositions(command, table).join(',')}`.trim();
}

const MOVABLE = ['write', 'module', 'movablekeys'];

describe('key specs', () => {
  test.each<
    [what: string, specs: unknown[], line: string, expected: string, legacy?: number[], movable?: true]
  >([
    ['one key', [spec(index(1), range(0))], 'm.set k v', 'single 1', [1, 1, 1]],
    ['to the end', [spec(index(1), range(-1))], 'm.del a b c', 'group 1,2,3', [1, -1, 1]],
    ['but for the last', [spec(index(2), range(-2))], 'm.pop x a b t', 'group 2,3', [2, -2, 1]],
    ['pairs', [spec(index(1), range(-1, 2))], 'm.set a 1 b 2', 'group 1,3', [1, -1, 2]],
    ['triples cut off', [spec(index(1), range(-1, 3))], 'm.set a $ 1 b', 'group 1,4', [1, -1, 3]],
    ['counted', [spec(index(2), count(0, 1))], 'm.eval s 2 a b c', 'group 3,4', [0, 0, 0], true],
    ['counted wrongly', [spec(index(2), count(0, 1))], 'm.eval s 99999999 a', 'group 3', [0, 0, 0], true],
    ['counted, none', [spec(index(2), count(0, 1))], 'm.eval s x a', 'group', [0, 0, 0], true],
    [
      'destination and count',
      [spec(index(1), range(0)), spec(index(2), count(0, 1))],
      'm.store d 2 a b w',
      'group 1,3,4',
      [1, 1, 1],
      true,
    ],
    ['behind a word', [spec(keyword('KEYS', 1), range(-1))], 'm.x y keys a b', 'group 3,4', [0, 0, 0], true],
    ['word missing', [spec(keyword('KEYS', 1), range(-1))], 'm.x y a b', 'group', [0, 0, 0], true],
    [
      'word before its start',
      [spec(keyword('KEYS', 3), range(-1))],
      'm.x keys a b',
      'group',
      [0, 0, 0],
      true,
    ],
    [
      'last word counts',
      [spec(keyword('KEYS', -2), range(-1))],
      'm.x KEYS KEYS a b',
      'group 3,4',
      [0, 0, 0],
      true,
    ],
    [
      'half of the rest',
      [spec(keyword('STREAMS', 1), range(-1, 1, 2))],
      'm.x STREAMS a b 0 0',
      'group 2,3',
      [0, 0, 0],
      true,
    ],
    [
      'not adjoining',
      [spec(index(1), range(0)), spec(index(3), range(0))],
      'm.x a _ b',
      'group 1,3',
      [1, 1, 1],
      true,
    ],
    ['a channel', [spec(index(1), range(0), 'not_key')], 'm.pub c m', 'keyless', [1, 1, 1]],
    ['none', [], 'm.info x', 'keyless'],
    ['computed by code', [spec(index(1), range(0))], 'm.x a b', 'opaque', [1, 1, 1], true],
    [
      'computed, adjoining',
      [spec(index(1), range(0)), spec(index(2), range(0))],
      'm.x a b',
      'opaque',
      [1, 2, 1],
      true,
    ],
    ['computed, nothing told', [], 'm.x a', 'opaque', [0, 0, 0], true],
    ['incomplete', [spec(index(1), range(0), 'incomplete')], 'm.x a', 'opaque', [1, 1, 1], true],
    ['unknown', [spec(index(1), range(0)), spec(UNKNOWN, UNKNOWN)], 'm.x a', 'opaque', [1, 1, 1], true],
  ])('%s', (_, specs, line, expected, legacy = [0, 0, 0], movable) => {
    const name = line.split(' ')[0]!;
    const table = tableOf(entry(name, specs, { legacy, flags: movable ? MOVABLE : ['write', 'module'] }));
    expect(show(table, line)).toBe(expected);
    expect(opaqueCommands(table)).toEqual(expected === 'opaque' ? [name.toUpperCase()] : []);
  });

  test('whatever they say, no position outside the arguments', () => {
    const number = fc.integer({ min: -5, max: 9 });
    const begin = fc.oneof(
      number.map((at) => index(at)),
      number.map((from) => keyword('K', from)),
    );
    const find = fc.oneof(
      fc.tuple(number, number, number).map(([last, step, limit]) => range(last, step, limit)),
      fc.tuple(number, number, number).map(([at, first, step]) => count(at, first, step)),
    );
    const word = fc.constantFrom('K', '1', '3', '999999999', 'x');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(begin, find), { minLength: 1, maxLength: 3 }),
        fc.array(word, { maxLength: 7 }),
        (specs, rest) => {
          const table = tableOf(
            entry(
              'c',
              specs.map(([one, two]) => spec(one, two)),
              { flags: MOVABLE },
            ),
          );
          const command = ['c', ...rest].map((part) => bytesOf(part));
          const found = keyPositions(command, table);
          for (const at of found) expect(at > 0 && at < command.length).toBe(true);
          expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
        },
      ),
    );
  });
});

test('subcommands have keys of their own', () => {
  const table = tableOf(
    entry('M.GROUP', [], {
      subs: [
        entry('M.GROUP|create', [spec(index(2), range(0))], { legacy: [2, 2, 1] }),
        entry('M.GROUP|help', []),
        entry('M.GROUP|any', [], { flags: MOVABLE }),
      ],
    }),
  );
  expect(show(table, 'm.group CREATE k g')).toBe('single 2');
  expect(show(table, 'm.group help')).toBe('keyless');
  expect(show(table, 'm.group any k')).toBe('opaque');
  expect(show(table, 'm.group new k')).toBe('unknown');
  expect(show(table, 'm.group')).toBe('keyless');
  expect(opaqueCommands(table)).toEqual(['M.GROUP|ANY']);
});

test('servers before 7.0: first, last and step, or nothing', () => {
  const table = tableOf(
    ['m.one', 3, ['write', 'module'], 1, 1, 1],
    ['m.all', -2, ['write'], 1, -1, 1, ['@write', '@hash']],
    ['m.code', -2, ['write', 'movablekeys'], 1, 1, 1],
    ['m.none', -2, ['write'], 0, 0, 0],
  );
  expect(['m.one a b', 'm.all a b', 'm.code a', 'm.none a'].map((line) => show(table, line))).toEqual([
    'single 1',
    'group 1,2',
    'opaque',
    'keyless',
  ]);
});

test.each([
  [['@write', '@string', '@slow'], 'string'],
  [['@write', '@bitmap'], 'string'],
  [['@geo'], 'zset'],
  [['@stream'], 'stream'],
  [['@set', '@sortedset', '@list'], 'any'],
  [['@keyspace', '@write'], 'any'],
  [['@write'], 'module'],
  [[], 'module'],
])('ACL categories %j: %s', (categories, kind) => {
  const table = tableOf(entry('future', [spec(index(1), range(0))], { categories, flags: ['write'] }));
  expect(commandOf(args('future k'), table)?.kind).toBe(kind);
});

test('what is built in stays; what is no entry is left out', () => {
  const reply = [null, 'x', [], ['SET', -3, [], 2, 2, 1], [bytesOf('new'), 2, [bytesOf('write')], 1, 1, 1]];
  const table = extendTable(BUILTIN_COMMANDS, parseCommandReply(reply));
  expect(show(table, 'SET k v')).toBe('single 1');
  expect(show(table, 'NEW k')).toBe('single 1');
  expect(table.specs.length).toBe(BUILTIN_COMMANDS.specs.length + 1);
  expect(parseCommandReply(null)).toEqual([]);
});
