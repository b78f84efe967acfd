import { describe, expect, test } from 'vitest';
import { mayHaveRelativeTtl, toAbsoluteTtl } from '../../src/convert/absolute-ttl.js';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args, text } from '../keyspace/support.js';

const NOW = 1_000_000;
const NEW = { setPxat: true, restoreAbsttl: true };
const OLD = { setPxat: false, restoreAbsttl: false };

function convert(line: string, abilities = NEW): string | null {
  return toAbsoluteTtl(args(line), NOW, abilities)?.map(text).join('; ') ?? null;
}

describe('toAbsoluteTtl', () => {
  test.each<[line: string, expected: string | null, older: string | null]>([
    ['SET k v EX 100', 'SET k v PXAT 1100000', 'SET k v; PEXPIREAT k 1100000'],
    ['set k v px 5', 'SET k v PXAT 1000005', 'SET k v; PEXPIREAT k 1000005'],
    ['SET k v NX EX 1', 'SET k v PXAT 1001000', 'SET k v; PEXPIREAT k 1001000'],
    ['SET k v EX 1 xx', 'SET k v XX PXAT 1001000', 'SET k v XX; PEXPIREAT k 1001000'],
    ['SET k v XX GET PX 1', 'SET k v XX PXAT 1000001', 'SET k v XX; PEXPIREAT k 1000001'],
    ['SET EX PX', null, null],
    ['SET k EX', null, null],
    ['SET k v', null, null],
    ['SET k v NX', null, null],
    ['SET k v KEEPTTL', null, null],
    ['SET k v PXAT 5', null, null],
    ['SET k v EXAT 5', null, null],
    ['SET k v EX', null, null],
    ['SET k v EX x', null, null],
    ['SETEX k 100 v', 'SET k v PXAT 1100000', 'SET k v; PEXPIREAT k 1100000'],
    ['psetex k 100 v', 'SET k v PXAT 1000100', 'SET k v; PEXPIREAT k 1000100'],
    ['EXPIRE k 50', 'PEXPIREAT k 1050000', 'PEXPIREAT k 1050000'],
    ['expire k 50 NX', 'PEXPIREAT k 1050000', 'PEXPIREAT k 1050000'],
    ['PEXPIRE k 50 GT', 'PEXPIREAT k 1000050', 'PEXPIREAT k 1000050'],
    ['PEXPIRE k -50', 'PEXPIREAT k 999950', 'PEXPIREAT k 999950'],
    ['EXPIRE k 9007199254740993', 'PEXPIREAT k 9007199254741993000', 'PEXPIREAT k 9007199254741993000'],
    ['EXPIREAT k 50', null, null],
    ['PEXPIREAT k 50', null, null],
    ['RESTORE k 0 p', null, null],
    ['RESTORE k 5 p', 'RESTORE k 1000005 p ABSTTL', 'RESTORE k 0 p; PEXPIREAT k 1000005'],
    [
      'restore k 5 p replace FREQ 3',
      'restore k 1000005 p replace FREQ 3 ABSTTL',
      'restore k 0 p replace FREQ 3; PEXPIREAT k 1000005',
    ],
    ['RESTORE k 5 p absttl', null, null],
    [
      'RESTORE-ASKING k 5 p',
      'RESTORE-ASKING k 1000005 p ABSTTL',
      'RESTORE-ASKING k 0 p; PEXPIREAT k 1000005',
    ],
    ['GETEX k EX 5', 'PEXPIREAT k 1005000', 'PEXPIREAT k 1005000'],
    ['GETEX k PX 5', 'PEXPIREAT k 1000005', 'PEXPIREAT k 1000005'],
    ['GETEX k PERSIST', null, null],
    ['GETEX k', null, null],
    ['INCR k', null, null],
    ['EXPIRE k', null, null],
  ])('%s → %s, or %s', (line, expected, older) => {
    expect(convert(line)).toBe(expected);
    expect(convert(line, OLD)).toBe(older);
  });

  test('a clock with fractions gives whole milliseconds', () => {
    expect(toAbsoluteTtl(args('PEXPIRE k 1'), 10.9, NEW)!.map(text)).toEqual(['PEXPIREAT k 11']);
  });

  test('no arguments: nothing to change', () => {
    expect(toAbsoluteTtl([], NOW, NEW)).toBeNull();
  });
});

describe('mayHaveRelativeTtl', () => {
  const yes = ['SET', 'SETEX', 'PSETEX', 'EXPIRE', 'PEXPIRE', 'RESTORE', 'RESTORE-ASKING', 'GETEX'];

  test('exactly the commands which toAbsoluteTtl can change', () => {
    const found = BUILTIN_COMMANDS.specs
      .map(({ name }) => name)
      .filter((name) => mayHaveRelativeTtl(bytesOf(name)));
    expect(found.toSorted()).toEqual(yes.toSorted());
  });

  test('in any case, within a range', () => {
    expect(mayHaveRelativeTtl(bytesOf('$6\r\nExpire\r\n'), 4, 10)).toBe(true);
    expect(mayHaveRelativeTtl(bytesOf('$6\r\nExpire\r\n'), 4, 9)).toBe(false);
    expect(mayHaveRelativeTtl(bytesOf(''))).toBe(false);
  });
});
