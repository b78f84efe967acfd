import { describe, expect, test } from 'vitest';
import { hidesItsKeys, placesOf, withKeysAt } from '../../src/keyspace/asked-keys.js';
import { BUILTIN_COMMANDS, commandOf, extendTable, keyPositions } from '../../src/keyspace/command-table.js';
import { parseCommandReply } from '../../src/keyspace/server-commands.js';
import { bytesOf } from '../../src/keyspace/words.js';

const args = (line: string): Uint8Array[] => line.split(' ').map(bytesOf);
/** As a module declares a command whose keys only it can find. */
const TABLE = extendTable(
  BUILTIN_COMMANDS,
  parseCommandReply([['mod.do', -2, ['write', 'module', 'movablekeys'], 0, 0, 0]]),
);

describe('keys that are asked for', () => {
  test.each([
    ['SET k v', false],
    ['MOD.DO 1 k', true],
    ['mod.do 1 k', true],
    ['NOBODY.KNOWS k', true],
    ['PING', false],
  ])('%s: %s', (line, hides) => expect(hidesItsKeys(args(line), TABLE)).toBe(hides));

  test.each([
    ['MOD.DO 2 a b', ['a', 'b'], [2, 3]],
    ['MOD.DO 2 b a', ['a', 'b'], [2, 3]],
    ['MOD.DO 0 x', [], []],
    // A key and a value that look the same.
    ['MOD.DO 1 a a', ['a'], undefined],
    // What was answered is not there.
    ['MOD.DO 1 a', ['b'], undefined],
    ['MOD.DO 2 a a', ['a', 'a'], [2, 3]],
  ])('%s with %j: %j', (line, names, places) =>
    expect(placesOf(args(line), names.map(bytesOf))).toEqual(places),
  );

  test('only the command asked about gets them', () => {
    const command = args('mod.do 1 k v');
    const table = withKeysAt(TABLE, command, [2]);
    expect(keyPositions(command, table)).toEqual([2]);
    expect(commandOf(command, table)?.role).toBe('single');
    expect(keyPositions(args('SET k v'), table)).toEqual([1]);
    expect(commandOf(args('mod.other 1 k'), table)).toBeUndefined();
    expect(commandOf(command, withKeysAt(TABLE, command, []))?.role).toBe('keyless');
    expect(commandOf(command, withKeysAt(TABLE, command, [1, 2]))?.role).toBe('group');
  });
});
