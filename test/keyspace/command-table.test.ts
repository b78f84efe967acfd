import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/keyspace/command-data.js';
import {
  BUILTIN_COMMANDS,
  extendTable,
  keyPositions,
  lookupCommand,
} from '../../src/keyspace/command-table.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args } from './support.js';

describe('lookupCommand', () => {
  test('finds every command in any case, and within a range', () => {
    expect(COMMANDS.length).toBeGreaterThan(100);
    for (const spec of COMMANDS) {
      expect(lookupCommand(bytesOf(spec.name))).toBe(spec);
      expect(lookupCommand(bytesOf(spec.name.toLowerCase()))).toBe(spec);
      expect(lookupCommand(bytesOf(`$${spec.name}\r\n`), 1, 1 + spec.name.length)).toBe(spec);
    }
  });

  test('names are unique', () => {
    expect(new Set(COMMANDS.map((spec) => spec.name)).size).toBe(COMMANDS.length);
  });

  test.each(['', 'GET', 'SE', 'SETT', 'SET ', '\u0000', 'ſet'])('finds nothing else: %j', (name) => {
    expect(lookupCommand(bytesOf(name))).toBeUndefined();
  });
});

describe('keyPositions', () => {
  test.each<[string, number[]]>([
    ['set k v EX 10', [1]],
    ['DEL a b c', [1, 2, 3]],
    ['MSET a 1 b 2', [1, 3]],
    ['MSETEX 2 a 1 b 2 PXAT 99', [2, 4]],
    ['RENAME a b', [1, 2]],
    ['COPY a b DB 3', [1, 2]],
    ['SMOVE a b m', [1, 2]],
    ['LMOVE a b LEFT RIGHT', [1, 2]],
    ['BITOP AND d a b', [2, 3, 4]],
    ['PFMERGE d a b', [1, 2, 3]],
    ['SUNIONSTORE d a b', [1, 2, 3]],
    ['ZUNIONSTORE d 2 a b WEIGHTS 1 2', [1, 3, 4]],
    ['ZUNIONSTORE d 9 a b', [1, 3, 4]],
    ['ZUNIONSTORE d x a b', [1]],
    ['ZUNIONSTORE d 0', [1]],
    ['ZRANGESTORE d s 0 -1', [1, 2]],
    ['BLPOP a b 0', [1, 2]],
    ['BLMPOP 0 2 a b LEFT', [3, 4]],
    ['ZMPOP 1 a MIN', [2]],
    ['EVAL s 2 a b x', [3, 4]],
    ['EVAL s 0 x', []],
    ['FCALL f 1 a x', [3]],
    ['SORT l', [1]],
    ['SORT l ALPHA STORE d', [1, 4]],
    ['SORT l BY store GET STORE LIMIT 0 1 store d', [1, 10]],
    ['SORT l STORE x STORE d', [1, 5]],
    ['SORT l ALPHA STORE', [1]],
    ['GEORADIUS g 15 37 200 km STORE d', [1, 7]],
    ['GEORADIUS g 15 37 200 km', [1]],
    ['GEORADIUSBYMEMBER g m 200 km STOREDIST d', [1, 6]],
    ['GEOSEARCHSTORE d g FROMMEMBER m', [1, 2]],
    ['XGROUP CREATE st g $ MKSTREAM', [2]],
    ['XGROUP HELP', []],
    ['XREADGROUP GROUP STREAMS c COUNT 1 STREAMS a b > >', [7, 8]],
    ['XADD st 1-1 f v', [1]],
    ['MIGRATE h 1 k 0 5', [3]],
    ['HIMPORT SET k f v', [2]],
    ['HIMPORT PREPARE f a', []],
    ['PFDEBUG GETREG k', [2]],
    ['MOVE k 3', [1]],
    ['RESTORE-ASKING k 0 p', [1]],
    ['SELECT 3', []],
    ['FLUSHALL ASYNC', []],
    ['SWAPDB 1 2', []],
    ['PUBLISH c m', []],
    ['MULTI', []],
    ['NOSUCH a b', []],
    ['DEL', []],
  ])('%s', (line, expected) => {
    expect(keyPositions(args(line))).toEqual(expected);
  });

  test('MIGRATE with an empty key takes KEYS, not a password', () => {
    expect(keyPositions([...args('MIGRATE h 1'), bytesOf(''), ...args('0 5 AUTH keys KEYS a b')])).toEqual([
      9, 10,
    ]);
  });

  test('is empty for no arguments at all', () => {
    expect(keyPositions([])).toEqual([]);
  });

  test('never leaves the arguments, whatever they are', () => {
    const word = fc.constantFrom('1', '2', '99999999999', '-1', 'STORE', 'KEYS', 'STREAMS', 'BY', '', 'k');
    fc.assert(
      fc.property(
        fc.constantFrom(...COMMANDS.map((spec) => spec.name)),
        fc.array(word, { maxLength: 9 }),
        (name, rest) => {
          const positions = keyPositions([name, ...rest].map((arg) => bytesOf(arg)));
          for (const at of positions) {
            expect(at).toBeGreaterThan(0);
            expect(at).toBeLessThanOrEqual(rest.length);
          }
          expect(positions).toEqual([...new Set(positions)]);
        },
      ),
    );
  });
});

describe('extendTable', () => {
  const table = extendTable(BUILTIN_COMMANDS, [
    { name: 'json.set', firstKey: 1, lastKey: 1, step: 1, movable: false },
    { name: 'JSON.MSET', firstKey: 1, lastKey: -1, step: 3, movable: false },
    { name: 'ft.create', firstKey: 0, lastKey: 0, step: 0, movable: false },
    { name: 'graph.move', firstKey: 1, lastKey: 1, step: 1, movable: true },
    { name: 'set', firstKey: 0, lastKey: 0, step: 0, movable: false },
  ]);

  test('adds what was not known', () => {
    expect(table.lookup(bytesOf('Json.Set'))).toMatchObject({ kind: 'module', role: 'single' });
    expect(keyPositions(args('JSON.MSET a $ 1 b $ 2'), table)).toEqual([1, 4]);
    expect(table.lookup(bytesOf('FT.CREATE'))).toMatchObject({ role: 'keyless' });
    expect(table.lookup(bytesOf('GRAPH.MOVE'))).toMatchObject({ role: 'opaque' });
  });

  test('keeps what was, and leaves the built-in table alone', () => {
    expect(table.lookup(bytesOf('SET'))).toBe(lookupCommand(bytesOf('SET')));
    expect(lookupCommand(bytesOf('JSON.SET'))).toBeUndefined();
    expect(extendTable(table, [])).toBe(table);
  });
});
