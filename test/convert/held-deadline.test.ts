import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEADLINE_COMMANDS,
  FIELD_HOLD_MS,
  heldFieldDeadline,
  heldKeyDeadline,
  holdDeadlines,
  isHeldField,
  isHeldKey,
  KEY_HOLD_MS,
  trueFieldDeadline,
  trueKeyDeadline,
} from '../../src/convert/held-deadline.js';
import { FIELD_RANGE_MS, KEY_RANGE_MS } from '../../src/convert/held-time.js';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args, text } from '../keyspace/support.js';

const ALL = { holdBeforeMs: Infinity };
const NONE = { holdBeforeMs: -Infinity };
const UP_TO_1000 = { holdBeforeMs: 1000 };

const KINDS = [
  {
    kind: 'key',
    hold: KEY_HOLD_MS,
    range: KEY_RANGE_MS,
    held: heldKeyDeadline,
    isHeld: isHeldKey,
    truth: trueKeyDeadline,
    limit: 2 ** 53,
  },
  {
    kind: 'field',
    hold: FIELD_HOLD_MS,
    range: FIELD_RANGE_MS,
    held: heldFieldDeadline,
    isHeld: isHeldField,
    truth: trueFieldDeadline,
    limit: 2 ** 46,
  },
] as const;

describe.each(KINDS)('deadline of a $kind', ({ hold, range, held, isHeld, truth, limit }) => {
  const real = fc.integer({ min: 0, max: range - 1 });
  const any = fc.integer({ min: -(2 ** 53 - 1), max: 2 ** 53 - 1 });
  const policy = fc.oneof(
    fc.constant(ALL),
    real.map((holdBeforeMs) => ({ holdBeforeMs })),
  );

  test('held, it is told from a true one, and the true one can be read again', () => {
    fc.assert(
      fc.property(real, (ms) => {
        const late = held(ms, ALL);
        expect(isHeld(ms)).toBe(false);
        expect(isHeld(late)).toBe(true);
        expect(truth(late)).toBe(ms);
        expect(late).toBeLessThan(limit);
      }),
    );
  });

  test('up to the limit of the policy it is held, later it stands', () => {
    fc.assert(
      fc.property(real, real, (ms, holdBeforeMs) => {
        expect(held(ms, { holdBeforeMs })).toBe(ms <= holdBeforeMs ? ms + hold : ms);
      }),
    );
  });

  test('whatever it is, it is never taken for another one that comes sooner', () => {
    fc.assert(
      fc.property(any, policy, (ms, some) => {
        const stands = held(ms, some);
        expect(stands).toBeGreaterThanOrEqual(ms);
        // What is before 1970 is as past as 1970; what looks held moves behind the range of the held ones.
        const wanted = isHeld(ms) ? hold + range : Math.max(0, ms);
        expect(Math.max(0, truth(stands))).toBe(wanted);
      }),
    );
  });

  test.each([NaN, Infinity, -Infinity, 0.5, 2 ** 53, 2 ** 60])('%d is left alone', (ms) => {
    expect(held(ms, ALL)).toBe(ms);
  });

  test('a policy may hold nothing at all', () => {
    fc.assert(
      fc.property(any, (ms) => {
        expect(held(ms, NONE)).toBe(ms);
      }),
    );
  });
});

const K = KEY_HOLD_MS;
const F = FIELD_HOLD_MS;

describe('holdDeadlines', () => {
  test.each<[line: string, all: string | null, upTo1000?: string | null]>([
    ['SET k v PXAT 1000', `SET k v PXAT ${K + 1000}`],
    ['SET k v PXAT 1001', `SET k v PXAT ${K + 1001}`, null],
    ['set k v exat 1', `set k v PXAT ${K + 1000}`],
    ['set k v exat 2', `set k v PXAT ${K + 2000}`, null],
    ['SET k v XX PXAT 5', `SET k v XX PXAT ${K + 5}`],
    ['SET k v PXAT 5 XX GET', `SET k v PXAT ${K + 5} XX GET`],
    ['SET k v IFEQ PXAT PXAT 5', `SET k v IFEQ PXAT PXAT ${K + 5}`],
    ['SET k v IFEQ PXAT', null],
    ['SET PXAT 5', null],
    ['SET k PXAT 5', null],
    ['SET k v PXAT', null],
    ['SET k v PXAT x', null],
    ['SET k v PXAT 1.5', null],
    ['SET k v EX PXAT 5', null],
    ['SET k v KEEPTTL', null],
    ['SET k v', null],
    [`SET k v PXAT ${2 ** 48}`, null],
    [`SET k v PXAT ${2 ** 48 - 1}`, `SET k v PXAT ${K + 2 ** 48 - 1}`, null],
    [`SET k v PXAT ${K + 7}`, `SET k v PXAT ${K + 2 ** 48}`],
    ['SET k v PXAT 9223372036854775807', null],
    ['SET k v EXAT 9007199254740991', null],
    ['PEXPIREAT k 5', `PEXPIREAT k ${K + 5}`],
    ['pexpireat k -5', `PEXPIREAT k ${K}`],
    ['PEXPIREAT k 5 GT', `PEXPIREAT k ${K + 5}`],
    ['PEXPIREAT k 5 XX LT', `PEXPIREAT k ${K + 5}`],
    ['PEXPIREAT k 5000', `PEXPIREAT k ${K + 5000}`, null],
    ['PEXPIREAT k 5000 GT', `PEXPIREAT k ${K + 5000}`, 'PEXPIREAT k 5000'],
    ['EXPIREAT k 5 NX', `PEXPIREAT k ${K + 5000}`, 'EXPIREAT k 5'],
    ['EXPIREAT k 5', `PEXPIREAT k ${K + 5000}`, null],
    ['PEXPIREAT k', null],
    ['GETEX k PXAT 5', `GETEX k PXAT ${K + 5}`],
    ['GETEX k EXAT 1', `GETEX k PXAT ${K + 1000}`],
    ['GETEX k PERSIST', null],
    ['MSETEX 2 PXAT 5 EXAT 7 PXAT 9', `MSETEX 2 PXAT 5 EXAT 7 PXAT ${K + 9}`],
    ['MSETEX 1 a b NX EXAT 1', `MSETEX 1 a b NX PXAT ${K + 1000}`],
    ['MSETEX 1 PXAT 5 KEEPTTL', null],
    ['MSETEX x PXAT 5', null],
    ['RESTORE k 5 p ABSTTL', `RESTORE k ${K + 5} p ABSTTL`],
    ['restore-asking k 5 p replace absttl FREQ 3', `restore-asking k ${K + 5} p replace absttl FREQ 3`],
    ['RESTORE k 0 p ABSTTL', null],
    ['RESTORE k 5 p', null],
    ['RESTORE k 5 ABSTTL', null],
    ['HPEXPIREAT k 5 FIELDS 2 a b', `HPEXPIREAT k ${F + 5} FIELDS 2 a b`],
    ['HPEXPIREAT k 5 NX FIELDS 1 a', `HPEXPIREAT k ${F + 5} NX FIELDS 1 a`],
    ['hexpireat k 1 XX FIELDS 1 a', `HPEXPIREAT k ${F + 1000} XX FIELDS 1 a`],
    ['HPEXPIREAT k 5000 FIELDS 1 a', `HPEXPIREAT k ${F + 5000} FIELDS 1 a`, null],
    [`HPEXPIREAT k ${2 ** 44} FIELDS 1 a`, null],
    [`HPEXPIREAT k ${F} FIELDS 1 a`, `HPEXPIREAT k ${F + 2 ** 44} FIELDS 1 a`],
    ['HPEXPIREAT k x GT FIELDS 1 a', null],
    ['HSETEX k PXAT 5 FIELDS 1 f v', `HSETEX k PXAT ${F + 5} FIELDS 1 f v`],
    ['HSETEX k FXX EXAT 1 FIELDS 1 f v', `HSETEX k FXX PXAT ${F + 1000} FIELDS 1 f v`],
    ['HSETEX k PXAT 5 FXX FIELDS 1 PXAT 7', `HSETEX k PXAT ${F + 5} FXX FIELDS 1 PXAT 7`],
    ['HSETEX k KEEPTTL FIELDS 1 PXAT 5', null],
    ['HSETEX FIELDS PXAT 5 FIELDS 1 f v', `HSETEX FIELDS PXAT ${F + 5} FIELDS 1 f v`],
    ['HGETEX k PXAT 5 FIELDS 1 f', `HGETEX k PXAT ${F + 5} FIELDS 1 f`],
    ['HGETEX k PERSIST FIELDS 1 PXAT', null],
    ['INCR k', null],
    ['EXPIRE k 5', null],
  ])('%s → %s', (line, all, upTo1000 = all) => {
    const command = args(line);
    expect(holdDeadlines(command, ALL)?.map(text).join('; ') ?? null).toBe(all);
    expect(holdDeadlines(command, UP_TO_1000)?.map(text).join('; ') ?? null).toBe(upTo1000);
    expect(holdDeadlines(command, NONE)).toBeNull();
    expect(text(command), 'the command itself is as it was').toBe(line);
  });

  test.each(['GT', 'LT'])('fields are compared by a script: %s', (condition) => {
    const [command, ...more] = holdDeadlines(args(`HEXPIREAT k 7 ${condition} FIELDS 2 a b`), UP_TO_1000)!;
    const [name, , ...rest] = command!.map((arg) => new TextDecoder().decode(arg));
    expect([name, ...rest]).toEqual(['EVAL', '1', 'k', condition, '7000', '7000', 'a', 'b']);
    expect(more).toEqual([]);
  });

  test('no arguments: nothing to change', () => {
    expect(holdDeadlines([], ALL)).toBeNull();
  });

  test('whatever the arguments: the key stays, and the command is not changed in place', () => {
    const words = ['PXAT', 'EXAT', 'FIELDS', 'ABSTTL', 'GT', '0', '5', '-1', ''];
    const line = fc.tuple(
      fc.constantFrom(...DEADLINE_COMMANDS),
      fc.constant('key'),
      fc.array(fc.constantFrom(...words), { maxLength: 8 }),
    );
    fc.assert(
      fc.property(line, ([name, key, more]) => {
        const before = [name, key, ...more];
        const command = before.map((word) => bytesOf(word));
        for (const held of holdDeadlines(command, ALL) ?? []) {
          const after = held.map((arg) => new TextDecoder().decode(arg));
          expect(after.at(after[0] === 'EVAL' ? 3 : 1)).toBe(key);
          expect(after).not.toEqual(before);
        }
        expect(command.map((arg) => new TextDecoder().decode(arg))).toEqual(before);
      }),
    );
  });
});

describe('DEADLINE_COMMANDS', () => {
  test('all are commands that write', () => {
    const known = new Set(BUILTIN_COMMANDS.specs.map(({ name }) => name));
    expect(DEADLINE_COMMANDS.filter((name) => !known.has(name))).toEqual([]);
  });
});
