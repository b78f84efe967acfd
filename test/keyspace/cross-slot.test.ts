import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/keyspace/command-data.js';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { applyCrossSlotPolicy, CROSS_SLOT_POLICIES } from '../../src/keyspace/cross-slot-policy.js';
import { type ClusterContext, type ClusterPlan, planForCluster } from '../../src/keyspace/cross-slot.js';
import { keySlot } from '../../src/keyspace/key-slot.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args, text } from './support.js';

const ONE_DB: ClusterContext = { table: BUILTIN_COMMANDS, db: 0, databases: 1, sortPatterns: true };
const FOUR_DBS: ClusterContext = { ...ONE_DB, databases: 4 };

const slot = (key: string): number => keySlot(bytesOf(key));

/** A plan as one line: `slot of k`, `parts: …; …`, `rename in b: a=update b=write` … */
function show(plan: ClusterPlan, keys: readonly string[]): string {
  const at = (number: number): string => keys.find((key) => slot(key) === number) ?? String(number);
  switch (plan.kind) {
    case 'slot':
      return `slot of ${at(plan.slot)}`;
    case 'parts':
      return `parts: ${plan.parts.map((part) => `${at(part.slot)}> ${text(part.args)}`).join('; ')}`;
    case 'carry': {
      const ends = plan.how === 'pop-push' ? ` ${plan.pop} ${plan.push}` : '';
      const shown = plan.keys.map(({ key, access, positions }) => {
        return `${text([key])}@${positions.join('+')}=${access}`;
      });
      return `${plan.how}${ends} at ${at(plan.slot)}: ${shown.join(' ')}`;
    }
    case 'refuse':
      return `refuse: ${plan.why}`;
    default:
      return plan.kind;
  }
}

/** By name: a command over several slots (a, b, c are in three), or one that has no keys; and its plan. */
const TABLE: Readonly<Record<string, readonly (readonly [line: string, plan: string])[]>> = {
  MSET: [['MSET a 1 b 2 {a}x 3', 'parts: a> MSET a 1 {a}x 3; b> MSET b 2']],
  MSETNX: [
    ['MSETNX a 1 b 2', 'parts: a> MSET a 1; b> MSET b 2'],
    ['MSETNX a 1 {a}x 2', 'slot of a'],
  ],
  MSETEX: [
    [
      'MSETEX 3 a 1 b 2 {a}x 3 PXAT 99 NX',
      'parts: a> MSETEX 2 a 1 {a}x 3 PXAT 99 NX; b> MSETEX 1 b 2 PXAT 99 NX',
    ],
  ],
  DEL: [
    ['DEL a b {b}x c', 'parts: a> DEL a; b> DEL b {b}x; c> DEL c'],
    ['del a', 'slot of a'],
  ],
  UNLINK: [['UNLINK a b', 'parts: a> UNLINK a; b> UNLINK b']],
  TOUCH: [['TOUCH a b', 'parts: a> TOUCH a; b> TOUCH b']],
  PFCOUNT: [
    ['PFCOUNT a b', 'parts: '],
    ['PFCOUNT a', 'slot of a'],
  ],
  SMOVE: [['SMOVE a b m', 'parts: a> SREM a m; b> SADD b m']],
  RENAME: [['RENAME a b', 'rename at b: a@1=update b@2=write']],
  RENAMENX: [
    ['RENAMENX a b', 'rename at b: a@1=update b@2=write'],
    ['RENAMENX a {a}x', 'slot of a'],
  ],
  COPY: [
    ['COPY a b REPLACE', 'copy at b: a@1=read b@2=write'],
    ['COPY a b DB 0', 'copy at b: a@1=read b@2=write'],
    ['COPY a {a}x DB 1', 'refuse: COPY … DB: the target has one database only'],
  ],
  RPOPLPUSH: [['RPOPLPUSH a b', 'pop-push RPOP LPUSH at b: a@1=update b@2=update']],
  BRPOPLPUSH: [['BRPOPLPUSH a b 0', 'pop-push RPOP LPUSH at b: a@1=update b@2=update']],
  LMOVE: [
    ['LMOVE a b left RIGHT', 'pop-push LPOP RPUSH at b: a@1=update b@2=update'],
    ['LMOVE a b RIGHT LEFT', 'pop-push RPOP LPUSH at b: a@1=update b@2=update'],
    ['LMOVE a a RIGHT LEFT', 'slot of a'],
    ['LMOVE a b', 'work at a: a@1=update b@2=update'],
  ],
  BLMOVE: [['BLMOVE a b RIGHT right 0', 'pop-push RPOP RPUSH at b: a@1=update b@2=update']],
  LMOVEM: [['LMOVEM a b RIGHT LEFT COUNT 2', 'work at a: a@1=update b@2=update']],
  BLMOVEM: [['BLMOVEM a b RIGHT LEFT 0 COUNT 2', 'work at a: a@1=update b@2=update']],
  SINTERSTORE: [['SINTERSTORE a b c', 'work at a: a@1=write b@2=read c@3=read']],
  SUNIONSTORE: [
    ['SUNIONSTORE a {b}1 {b}2 c', 'work at b: a@1=write {b}1@2=read {b}2@3=read c@4=read'],
    ['SUNIONSTORE a a b', 'work at a: a@1+2=update b@3=read'],
  ],
  SDIFFSTORE: [['SDIFFSTORE a b b', 'work at b: a@1=write b@2+3=read']],
  ZUNIONSTORE: [
    ['ZUNIONSTORE a 2 b c WEIGHTS 1 2', 'work at a: a@1=write b@3=read c@4=read'],
    ['ZUNIONSTORE a 2 a b', 'work at a: a@1+3=update b@4=read'],
  ],
  ZINTERSTORE: [['ZINTERSTORE a 1 b', 'work at b: a@1=write b@3=read']],
  ZDIFFSTORE: [['ZDIFFSTORE a 2 b c', 'work at a: a@1=write b@3=read c@4=read']],
  ZRANGESTORE: [['ZRANGESTORE a b 0 9', 'work at b: a@1=write b@2=read']],
  GEOSEARCHSTORE: [['GEOSEARCHSTORE a b FROMMEMBER m', 'work at b: a@1=write b@2=read']],
  GEORADIUS: [['GEORADIUS a 1 2 3 km STORE b', 'work at a: a@1=read b@7=write']],
  GEORADIUSBYMEMBER: [['GEORADIUSBYMEMBER a m 3 km STOREDIST b', 'work at a: a@1=read b@6=write']],
  SORT: [
    ['SORT a ALPHA STORE b', 'work at a: a@1=read b@4=write'],
    ['SORT a BY nosort STORE b', 'work at a: a@1=read b@5=write'],
    ['SORT a BY w_* STORE {a}x', 'refuse: SORT reads keys by a pattern, and they can be in any slot'],
    ['SORT a BY w_*{a} STORE {a}x', 'slot of a'],
    ['SORT a BY w_{*a} STORE {a}x', 'refuse: SORT reads keys by a pattern, and they can be in any slot'],
    ['SORT a', 'slot of a'],
  ],
  BITOP: [['BITOP AND a b c', 'work at a: a@2=write b@3=read c@4=read']],
  PFMERGE: [['PFMERGE a b c', 'work at a: a@1=update b@2=read c@3=read']],
  BLPOP: [['BLPOP a b 0', 'work at a: a@1=update b@2=update']],
  BRPOP: [['BRPOP a b 0', 'work at a: a@1=update b@2=update']],
  BZPOPMIN: [['BZPOPMIN a b 0', 'work at a: a@1=update b@2=update']],
  BZPOPMAX: [['BZPOPMAX a b 0', 'work at a: a@1=update b@2=update']],
  LMPOP: [['LMPOP 2 a b LEFT', 'work at a: a@2=update b@3=update']],
  ZMPOP: [['ZMPOP 2 a b MIN', 'work at a: a@2=update b@3=update']],
  BLMPOP: [['BLMPOP 0 2 a b LEFT', 'work at a: a@3=update b@4=update']],
  BZMPOP: [['BZMPOP 0 2 a b MIN', 'work at a: a@3=update b@4=update']],
  XREADGROUP: [['XREADGROUP GROUP g c STREAMS a b > >', 'work at a: a@5=update b@6=update']],
  EVAL: [
    ['EVAL return 3 a b {b}x y', 'work at b: a@3=update b@4=update {b}x@5=update'],
    ['EVAL return 1 a y', 'slot of a'],
    ['EVAL return 0 a', "refuse: EVAL declares no key: it can't be known which node is meant"],
  ],
  EVALSHA: [['EVALSHA 0123 2 a b', 'work at a: a@3=update b@4=update']],
  FCALL: [['FCALL f 2 a b', 'work at a: a@3=update b@4=update']],
  MIGRATE: [['MIGRATE h 1 a 0 5', 'refuse: MIGRATE moves keys between servers']],
  MOVE: [['MOVE a 1', 'refuse: MOVE: the target has one database only']],
  SWAPDB: [['SWAPDB 0 1', 'refuse: SWAPDB: a cluster does not swap databases']],
  SELECT: [
    ['SELECT 0', 'parts: '],
    ['SELECT 1', 'refuse: SELECT: the target has 1 database(s) only'],
  ],
  FLUSHDB: [['FLUSHDB', 'every']],
  FLUSHALL: [['FLUSHALL ASYNC', 'every']],
  SCRIPT: [['SCRIPT LOAD x', 'every']],
  FUNCTION: [['FUNCTION LOAD x', 'every']],
  PUBLISH: [['PUBLISH a m', 'any']],
  SPUBLISH: [['SPUBLISH a m', 'slot of a']],
  XGROUP: [
    ['XGROUP CREATE a g $', 'slot of a'],
    ['XGROUP HELP', 'any'],
  ],
  HIMPORT: [['HIMPORT SET a f v', 'slot of a']],
  MULTI: [['MULTI', 'parts: ']],
  EXEC: [['EXEC', 'parts: ']],
  DISCARD: [['DISCARD', 'parts: ']],
  PING: [['PING', 'parts: ']],
  REPLCONF: [['REPLCONF GETACK *', 'parts: ']],
  OPINFO: [['OPINFO x', 'parts: ']],
  ASKING: [['ASKING', 'refuse: ASKING is about the slots of the source']],
  CLUSTER: [['CLUSTER x', 'refuse: CLUSTER is about the slots of the source']],
  TRIMSLOTS: [['TRIMSLOTS RANGES 1 0 1', 'refuse: TRIMSLOTS is about the slots of the source']],
  SFLUSH: [['SFLUSH 0 1', 'refuse: SFLUSH is about the slots of the source']],
};

const LINES = Object.values(TABLE).flat();

describe('planForCluster', () => {
  test('every command of the table is here, or has one key', () => {
    expect(COMMANDS.length).toBeGreaterThan(100);
    const left = COMMANDS.filter(({ name }) => TABLE[name] === undefined);
    const several = left.filter(({ keys }) => keys.at !== 'range' || keys.first !== keys.last);
    expect(several.map(({ name }) => name)).toEqual([]);
  });

  test.each(COMMANDS.filter(({ name }) => TABLE[name] === undefined).map(({ name }) => name))(
    '%s goes to the slot of its key',
    (name) => {
      const first = name === 'PFDEBUG' ? 'GETREG ' : '';
      expect(show(planForCluster(args(`${name} ${first}a b c`), ONE_DB), ['a'])).toBe('slot of a');
    },
  );

  test.each(LINES)('%s', (line, expected) => {
    expect(show(planForCluster(args(line), ONE_DB), ['a', 'b', 'c'])).toBe(expected);
  });

  test.each<[string, string]>([
    ['MOVE a 1', 'slot of a'],
    ['COPY a {a}x DB 1', 'slot of a'],
    ['COPY a b DB 1', 'refuse: COPY … DB between keys of different slots'],
    ['COPY a b DB 0', 'copy at b: a@1=read b@2=write'],
    ['SELECT 3', 'every'],
    ['SELECT 4', 'refuse: SELECT: the target has 4 database(s) only'],
    ['SWAPDB 0 1', 'refuse: SWAPDB: a cluster does not swap databases'],
  ])('with four databases: %s', (line, expected) => {
    expect(show(planForCluster(args(line), FOUR_DBS), ['a', 'b'])).toBe(expected);
  });

  test('a cluster that takes no patterns', () => {
    const plan = planForCluster(args('SORT a BY w_*{a} STORE {a}x'), { ...ONE_DB, sortPatterns: false });
    expect(show(plan, [])).toBe('refuse: SORT reads keys by a pattern, and they can be in any slot');
  });

  test('unknown commands, and those whose keys nobody tells', () => {
    const why = 'refuse: the keys of command "NOSUCH" are not known, nor is the node for it';
    expect(show(planForCluster(args('NOSUCH a b'), ONE_DB), [])).toBe(why);
    const spec = { ...COMMANDS[0]!, name: 'NOSUCH', role: 'opaque' as const, keys: { at: 'none' } as const };
    const table = { specs: [spec], lookup: () => spec };
    expect(show(planForCluster(args('NOSUCH a b'), { ...ONE_DB, table }), [])).toBe(why);
  });

  test('keys that are no text are told apart', () => {
    const [one, other] = [new Uint8Array([0x80, 1]), new Uint8Array([0x80, 2])];
    const plan = planForCluster([bytesOf('SUNIONSTORE'), bytesOf('a'), one, other, one], ONE_DB);
    expect(plan.kind === 'carry' && plan.keys.map(({ positions }) => positions)).toEqual([[1], [2, 4], [3]]);
  });
});

describe('the policy', () => {
  const kinds: Readonly<Record<string, string>> = {
    'SET a 1': 'slot slot slot slot',
    'PUBLISH a 1': 'any any any any',
    FLUSHALL: 'every every every every',
    PING: 'parts parts parts parts',
    'DEL a b': 'parts parts leave-out fail',
    'RENAME a b': 'carry leave-out leave-out fail',
    'EVAL return 0': 'leave-out leave-out leave-out fail',
  };

  test.each(Object.entries(kinds))('%s', (line, expected) => {
    const plan = planForCluster(args(line), ONE_DB);
    const name = line.split(' ')[0]!;
    const actions = CROSS_SLOT_POLICIES.map((policy) => applyCrossSlotPolicy(plan, policy, name));
    expect(actions.map(({ kind }) => kind).join(' ')).toBe(expected);
  });

  test('says what is left out, and why', () => {
    const told = (line: string): unknown => {
      return applyCrossSlotPolicy(planForCluster(args(line), ONE_DB), 'skip', line.split(' ')[0]!);
    };
    const left = (report: string): unknown => ({ kind: 'leave-out', report });
    expect(told('DEL a b')).toEqual(left('DEL has keys in several slots: left out'));
    expect(told('RENAME a b')).toEqual(left('RENAME needs values of other slots: left out'));
    expect(told('SWAPDB 0 1')).toEqual(left('SWAPDB: a cluster does not swap databases: left out'));
  });
});
