import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILTIN_COMMANDS, extendTable, keyPositions } from '../../src/keyspace/command-table.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import type { FilterOptions } from '../../src/keyspace/filter-options.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { createKeyMap, parsePrefixRule } from '../../src/keyspace/key-map.js';
import { keyNames } from '../../src/keyspace/key-names.js';
import type { FilterContext, Plan } from '../../src/keyspace/plan.js';
import { planFiltered } from '../../src/keyspace/stream-filter.js';
import { bytesOf } from '../../src/keyspace/words.js';

import { args, filterOptions, text } from './support.js';

interface Setting extends Partial<FilterOptions> {
  readonly db?: number;
  readonly map?: readonly (readonly [number, number])[];
  readonly prefixes?: readonly string[];
  /** Of source databases. */
  readonly front?: Readonly<Record<number, string>>;
}

function contextOf({ db = 0, map = [], prefixes = [], front = {}, ...filter }: Setting): FilterContext {
  const dbPrefixes = Object.entries(front).map(([from, prefix]) => [Number(from), bytesOf(prefix)] as const);
  const dbMap = createDbMap(new Map(map), new Map(dbPrefixes));
  return {
    db,
    filter: createKeyFilter(filterOptions(filter)),
    dbMap,
    names: keyNames(dbMap, createKeyMap(prefixes.map((rule) => parsePrefixRule(rule)))),
    table: BUILTIN_COMMANDS,
    sourceDatabases: 4,
  };
}

/** A plan in one line: `forward`, `drop`, `db: command; …`, `clear scope dbs`; `?` tolerant, `!` reported. */
function show(plan: Plan): string {
  const mark = 'report' in plan ? ' !' : '';
  switch (plan.action) {
    case 'replace': {
      const commands = plan.commands.map(({ targetDb, args: command }) => `${targetDb}: ${text(command)}`);
      return commands.join('; ') + (plan.tolerateErrors ? ' ?' : '') + mark;
    }
    case 'clear': {
      const of = plan.sourceDbs === undefined ? '' : ` of ${plan.sourceDbs.join(',')}`;
      return `clear ${plan.scope} ${plan.targetDbs.join(',')}${of}${plan.async ? ' async' : ''}${mark}`;
    }
    case 'drop':
      return `drop${mark}`;
    default:
      return 'forward';
  }
}

function planOf(line: string, setting: Setting): string {
  return show(planFiltered(args(line), contextOf(setting)));
}

describe('key filter i*: keys that begin with i are in, others out', () => {
  test.each<[string, string]>([
    ['SET i v', 'forward'],
    ['SET o v', 'drop'],
    ['get i', 'drop !'],
    ['DEL i1 o i2', '0: DEL i1 i2'],
    ['del o', 'drop'],
    ['UNLINK i1 i2', 'forward'],
    ['UNLINK o i', '0: UNLINK i'],
    ['TOUCH o i', '0: TOUCH i'],
    ['PFCOUNT o i', '0: PFCOUNT i'],
    ['MSET i 1 o 2 i3 3', '0: MSET i 1 i3 3'],
    ['MSETNX i 1 o 2', '0: MSET i 1'],
    ['MSETNX i 1 i2 2', 'forward'],
    ['MSETEX 3 i 1 o 2 i3 3 NX PXAT 99', '0: MSETEX 2 i 1 i3 3 NX PXAT 99'],
    ['RENAME i1 i2', 'forward'],
    ['RENAME i o', '0: DEL i'],
    ['RENAME o i', '0: DEL i !'],
    ['RENAMENX o o2', 'drop'],
    ['COPY i i2', 'forward'],
    ['COPY i i2 DB 2', 'forward'],
    ['COPY i o', 'drop'],
    ['COPY o i', 'drop !'],
    ['COPY o i replace', '0: DEL i !'],
    ['COPY o i DB 2 REPLACE', '2: DEL i !'],
    ['COPY o o2', 'drop'],
    ['MOVE i 3', 'forward'],
    ['MOVE o 3', 'drop'],
    ['SMOVE i i2 m', 'forward'],
    ['SMOVE i o m', '0: SREM i m'],
    ['SMOVE o i m', '0: SADD i m'],
    ['SMOVE o o m', 'drop'],
    ['LMOVE i i2 LEFT RIGHT', 'forward'],
    ['LMOVE i o left RIGHT', '0: LPOP i'],
    ['LMOVE i o RIGHT LEFT', '0: RPOP i'],
    ['LMOVEM i o LEFT RIGHT COUNT 3 BULK', '0: LPOP i 3'],
    ['LMOVEM i o RIGHT RIGHT', '0: RPOP i'],
    ['RPOPLPUSH i o', '0: RPOP i'],
    ['RPOPLPUSH o i', 'drop !'],
    ['SUNIONSTORE i i2 i3', 'forward'],
    ['SUNIONSTORE o i i2', 'drop'],
    ['SUNIONSTORE i o i2', '0: DEL i !'],
    ['ZUNIONSTORE i 2 i2 o', '0: DEL i !'],
    ['ZUNIONSTORE i 2 i2 i3 WEIGHTS 1 o', 'forward'],
    ['BITOP AND i i2 o', '0: DEL i !'],
    ['BITOP AND o i', 'drop'],
    ['ZRANGESTORE i o 0 -1', '0: DEL i !'],
    ['GEOSEARCHSTORE i o FROMMEMBER m', '0: DEL i !'],
    ['GEORADIUS o 1 2 3 km STORE i', '0: DEL i !'],
    ['GEORADIUS i 1 2 3 km STORE o', 'drop'],
    ['SORT i ALPHA STORE i2', 'forward'],
    ['SORT i ALPHA STORE o', 'drop'],
    ['SORT o ALPHA STORE i', '0: DEL i !'],
    ['SORT i BY nosort STORE i2', 'forward'],
    ['SORT i BY w_* STORE i2', '0: SORT i BY w_* STORE i2 !'],
    ['PFMERGE i i2 o', '0: PFMERGE i i2 !'],
    ['PFMERGE o i', 'drop'],
    ['XGROUP CREATE i g 0', 'forward'],
    ['XGROUP CREATE o g 0', 'drop'],
    ['XREADGROUP GROUP g c STREAMS i o > >', 'drop !'],
    ['RESTORE i 0 p', 'forward'],
    ['EVAL s 1 i a', 'forward'],
    ['EVAL s 2 i o', 'drop !'],
    ['EVAL s 1 o i', 'drop'],
    ['EVAL s 0', '0: EVAL s 0 !'],
    ['FLUSHDB', 'clear matching 0'],
    ['FLUSHALL ASYNC', 'clear matching 0,1,2,3 async'],
    ['SWAPDB 1 2', 'forward'],
    ['SELECT 3', 'forward'],
    ['MULTI', 'forward'],
    ['EXEC', 'forward'],
    ['PUBLISH o m', 'forward'],
    ['SCRIPT LOAD s', 'forward'],
    ['FUNCTION LOAD s', 'forward'],
    ['ping', 'drop'],
    ['REPLCONF GETACK *', 'drop'],
    ['NOSUCH i', 'drop !'],
    ['JSON.SET i $ 1', 'drop !'],
  ])('%s → %s', (line, expected) => {
    expect(planOf(line, { includeKeys: ['i*'] })).toBe(expected);
  });

  test('a command the server told about is decided by its keys', () => {
    const table = extendTable(BUILTIN_COMMANDS, [
      { name: 'JSON.MSET', firstKey: 1, lastKey: -1, step: 3, movable: false },
      { name: 'X.MOVABLE', firstKey: 1, lastKey: 1, step: 1, movable: true },
    ]);
    const context = { ...contextOf({ includeKeys: ['i*'] }), table };
    expect(show(planFiltered(args('JSON.MSET i $ 1 i2 $ 2'), context))).toBe('forward');
    expect(show(planFiltered(args('JSON.MSET i $ 1 o $ 2'), context))).toBe('drop !');
    expect(show(planFiltered(args('X.MOVABLE i'), context))).toBe('drop !');
  });
});

describe('database filter: 0 and 1 are in', () => {
  const setting = { includeDbs: [0, 1] };
  test.each<[db: number, line: string, expected: string]>([
    [0, 'SET k v', 'forward'],
    [2, 'SET k v', 'drop'],
    [0, 'NOSUCH k', 'forward'],
    [2, 'NOSUCH k', 'drop'],
    [0, 'SELECT 1', 'forward'],
    [0, 'SELECT 2', 'drop'],
    [0, 'FLUSHDB', 'forward'],
    [2, 'FLUSHDB', 'drop'],
    [2, 'FLUSHALL', 'clear all 0,1'],
    [2, 'SWAPDB 0 1', 'forward'],
    [0, 'SWAPDB 1 2', 'clear all 1 !'],
    [0, 'SWAPDB 2 0', 'clear all 0 !'],
    [0, 'SWAPDB 2 3', 'drop'],
    [0, 'MOVE k 1', 'forward'],
    [0, 'MOVE k 2', '0: DEL k'],
    [2, 'MOVE k 0', 'drop !'],
    [2, 'MOVE k 3', 'drop'],
    [0, 'COPY a b DB 1', 'forward'],
    [0, 'COPY a b DB 2', 'drop'],
    [2, 'COPY a b DB 1', 'drop !'],
    [2, 'COPY a b DB 1 REPLACE', '1: DEL b !'],
    [2, 'COPY a b', 'drop'],
    [2, 'EVAL s 0', 'drop'],
    [2, 'MULTI', 'forward'],
  ])('db %i: %s → %s', (db, line, expected) => {
    expect(planOf(line, { ...setting, db })).toBe(expected);
  });
});

describe('database map', () => {
  test.each<[map: readonly (readonly [number, number])[], db: number, line: string, expected: string]>([
    [[[3, 7]], 3, 'SET k v', 'forward'],
    [[[3, 7]], 0, 'SELECT 3', '7: SELECT 7'],
    [[[3, 7]], 0, 'MOVE k 3', '0: MOVE k 7'],
    [[[3, 7]], 3, 'MOVE k 0', 'forward'],
    [[[3, 7]], 0, 'COPY a b DB 3', '0: COPY a b DB 7'],
    [[[3, 7]], 3, 'COPY a b DB 0 REPLACE', 'forward'],
    [[[3, 7]], 0, 'SWAPDB 3 1', '0: SWAPDB 7 1'],
    [[[3, 7]], 3, 'FLUSHDB', 'forward'],
    [[[3, 7]], 3, 'FLUSHALL', 'clear all 0,1,2,7'],
    [[[3, 0]], 3, 'FLUSHDB', 'drop !'],
    [[[3, 0]], 1, 'FLUSHDB', 'forward'],
    [[[3, 0]], 0, 'FLUSHALL', 'clear all 0,1,2'],
    [[[3, 0]], 0, 'MOVE k 3', 'drop'],
    [[[3, 0]], 0, 'COPY a a DB 3', 'drop'],
    [[[3, 0]], 0, 'COPY a b DB 3', '0: COPY a b DB 0'],
    [[[3, 0]], 0, 'SWAPDB 0 3', 'drop'],
    [[[3, 0]], 0, 'SWAPDB 0 1', 'drop !'],
    [[[3, 0]], 0, 'SWAPDB 1 2', 'forward'],
    [[[3, 9]], 3, 'RENAME a b', 'forward'],
  ])('%j, db %i: %s → %s', (map, db, line, expected) => {
    expect(planOf(line, { map, db })).toBe(expected);
  });

  test('with filters: only what is carried counts as shared', () => {
    expect(planOf('FLUSHDB', { map: [[3, 0]], db: 3, excludeDbs: [0] })).toBe('forward');
    expect(planOf('FLUSHALL', { map: [[3, 0]], db: 3, includeDbs: [3] })).toBe('clear all 0');
    expect(planOf('FLUSHDB', { map: [[3, 5]], db: 3, includeKeys: ['i*'] })).toBe('clear matching 5');
    expect(planOf('DEL i o', { map: [[3, 5]], db: 3, includeKeys: ['i*'] })).toBe('5: DEL i');
    expect(planOf('SWAPDB 3 0', { map: [[3, 0]], excludeDbs: [0] })).toBe('clear all 0 !');
    expect(planOf('FLUSHALL', { includeDbs: [9] })).toBe('drop');
  });
});

describe('kinds: strings and sets are out', () => {
  const setting: Setting = { excludeKinds: ['string', 'set'] };
  test.each<[string, string]>([
    ['HSET h f v', 'forward'],
    ['INCR k', 'drop'],
    ['SETNX k v', 'drop'],
    ['SET k v', '0: DEL k'],
    ['MSET a 1 b 2', '0: DEL a b'],
    ['MSETEX 2 a 1 b 2', '0: DEL a b'],
    ['BITOP AND d a b', '0: DEL d'],
    ['SUNIONSTORE d a b', '0: DEL d'],
    ['SADD s a', 'drop'],
    ['PFADD k a', 'drop'],
    ['PFMERGE k a', 'drop'],
    ['ZADD z 1 a', 'forward'],
    ['ZUNIONSTORE d 2 a b', '0: ZUNIONSTORE d 2 a b !'],
    ['ZRANGESTORE d s 0 -1', 'forward'],
    ['SORT l STORE d', '0: SORT l STORE d !'],
    ['DEL a b', 'forward'],
    ['EXPIRE k 10', 'forward'],
    ['RENAME a b', '0: DEL b; 0: RENAME a b ?'],
    ['RENAME a a', 'drop'],
    ['COPY a b', '0: COPY a b ?'],
    ['COPY a b DB 2 REPLACE', '2: DEL b; 0: COPY a b DB 2 REPLACE ?'],
    ['MOVE k 3', 'forward'],
    ['EVAL s 1 k', '0: EVAL s 1 k !'],
    ['FLUSHDB', 'clear matching 0'],
    ['VADD v x', 'forward'],
    ['NOSUCH k', 'drop !'],
  ])('%s → %s', (line, expected) => {
    expect(planOf(line, setting)).toBe(expected);
  });

  test('the destination must pass the key filter too', () => {
    expect(planOf('SUNIONSTORE o i', { ...setting, includeKeys: ['i*'] })).toBe('drop');
    expect(planOf('MSET o 1 i 2', { ...setting, includeKeys: ['i*'] })).toBe('0: DEL i');
  });

  test('SORT and GEORADIUS without STORE write nothing', () => {
    expect(planOf('SORT l', { excludeKinds: ['list'] })).toBe('drop');
    expect(planOf('SORT l STORE d', { excludeKinds: ['list'] })).toBe('0: DEL d');
  });

  test.each([
    [0, '', 'drop'],
    [0, 'REPLACE', '0: DEL k'],
    [11, 'replace ABSTTL', '0: DEL k'],
    [16, 'REPLACE', 'forward'],
    [14, '', 'forward'],
    [200, 'REPLACE', 'forward'],
  ])('RESTORE of type %i %s → %s', (type, options, expected) => {
    const command = [...args('RESTORE k 0'), new Uint8Array([type, 1]), ...(options ? args(options) : [])];
    expect(show(planFiltered(command, contextOf(setting)))).toBe(expected);
  });
});

describe('keys a:… become b:…, every other gets x:, c:… stays', () => {
  const prefixes = ['a:=b:', '=x:', 'c:=c:'];
  test.each<[string, string]>([
    ['SET a:1 v', '0: SET b:1 v'],
    ['SET a:1 a:1', '0: SET b:1 a:1'],
    ['SET c:1 a:1', 'forward'],
    ['set k v', '0: set x:k v'],
    ['DEL a:1 c:1 k', '0: DEL b:1 c:1 x:k'],
    ['MSET a:1 a:1 k a:2', '0: MSET b:1 a:1 x:k a:2'],
    ['MSETEX 2 a:1 v k v PXAT 9', '0: MSETEX 2 b:1 v x:k v PXAT 9'],
    ['RENAME a:1 a:2', '0: RENAME b:1 b:2'],
    ['RENAME a:1 c:1', '0: RENAME b:1 c:1'],
    ['COPY a:1 k DB 2 REPLACE', '0: COPY b:1 x:k DB 2 REPLACE'],
    ['MOVE a:1 2', '0: MOVE b:1 2'],
    ['SMOVE a:1 k a:1', '0: SMOVE b:1 x:k a:1'],
    ['LMOVE a:1 k LEFT RIGHT', '0: LMOVE b:1 x:k LEFT RIGHT'],
    ['SUNIONSTORE a:d a:1 k', '0: SUNIONSTORE b:d b:1 x:k'],
    ['ZUNIONSTORE a:d 2 a:1 k WEIGHTS 1 2', '0: ZUNIONSTORE b:d 2 b:1 x:k WEIGHTS 1 2'],
    ['BITOP AND a:d a:1', '0: BITOP AND b:d b:1'],
    ['PFMERGE a:d k', '0: PFMERGE b:d x:k'],
    ['GEORADIUS k 1 2 3 km STORE a:d', '0: GEORADIUS x:k 1 2 3 km STORE b:d'],
    ['GEORADIUSBYMEMBER a:1 a:m 3 km STOREDIST k', '0: GEORADIUSBYMEMBER b:1 a:m 3 km STOREDIST x:k'],
    ['RESTORE a:1 0 a:1', '0: RESTORE b:1 0 a:1'],
    ['XGROUP CREATE a:1 a:g 0', '0: XGROUP CREATE b:1 a:g 0'],
    ['XREADGROUP GROUP a:g c STREAMS a:1 k > >', '0: XREADGROUP GROUP a:g c STREAMS b:1 x:k > >'],
    ['MIGRATE h 1 a:1 0 5', '0: MIGRATE h 1 b:1 0 5'],
    ['BLPOP a:1 k 0', '0: BLPOP b:1 x:k 0'],
    ['LMPOP 2 a:1 k LEFT', '0: LMPOP 2 b:1 x:k LEFT'],
    ['HIMPORT SET a:1 a:f v', '0: HIMPORT SET b:1 a:f v'],
    ['HIMPORT PREPARE a:f v', 'forward'],
    ['EVAL s 2 a:1 k a:arg', '0: EVAL s 2 b:1 x:k a:arg !'],
    ['EVAL s 0 a:1', '0: EVAL s 0 a:1 !'],
    ['FCALL f 1 c:1', '0: FCALL f 1 c:1 !'],
    ['SORT a:1 STORE k', '0: SORT b:1 STORE x:k'],
    ['SORT a:1 BY nosort GET # STORE k', '0: SORT b:1 BY nosort GET # STORE x:k'],
    ['SORT a:1 BY a:w_*->f GET a:o_* STORE k', '0: SORT b:1 BY b:w_*->f GET b:o_* STORE x:k'],
    ['SORT c:1 BY c:w_* STORE c:2', 'forward'],
    ['SORT c:1 BY w_* GET a_* STORE c:2', '0: SORT c:1 BY x:w_* GET x:a_* STORE c:2'],
    ['SORT a:1 BY * GET a:* STORE k', '0: SORT b:1 BY * GET b:* STORE x:k !'],
    ['SORT a:1 BY a* STORE k', '0: SORT b:1 BY a* STORE x:k !'],
    ['FLUSHDB', 'clear matching 0'],
    ['FLUSHALL ASYNC', 'clear matching 0,1,2,3 async'],
    ['SWAPDB 1 2', 'forward'],
    ['SELECT 3', 'forward'],
    ['MULTI', 'forward'],
    ['EXEC', 'forward'],
    ['PUBLISH a:1 m', 'forward'],
    ['SPUBLISH a:1 m', 'forward'],
    ['SCRIPT LOAD a:1', 'forward'],
    ['PING a:1', 'drop'],
    ['NOSUCH a:1', 'drop !'],
    ['NOSUCH c:1 c:2', 'forward'],
  ])('%s → %s', (line, expected) => {
    expect(planOf(line, { prefixes })).toBe(expected);
  });

  test('a * in the new name cannot stand in a pattern', () => {
    const setting: Setting = { prefixes: ['a=*'] };
    expect(planOf('SORT k BY a:* STORE a', setting)).toBe('0: SORT k BY a:* STORE * !');
  });

  test('two names that become one', () => {
    const setting: Setting = { prefixes: ['a=c', 'b=c'], map: [[1, 2]] };
    expect(planOf('RENAME a b', setting)).toBe('drop');
    expect(planOf('RENAMENX b c', setting)).toBe('drop');
    expect(planOf('COPY a b REPLACE', setting)).toBe('drop');
    expect(planOf('COPY a b DB 0', setting)).toBe('drop');
    expect(planOf('COPY a b DB 1', setting)).toBe('0: COPY c c DB 2');
    expect(planOf('COPY a b DB 2', { ...setting, db: 1 })).toBe('drop');
    expect(planOf('RENAME a b', { ...setting, excludeKinds: ['set'] })).toBe('drop');
    expect(planOf('COPY a b REPLACE', { ...setting, excludeKinds: ['set'] })).toBe('drop');
  });

  test('filters look at the names of the source', () => {
    const setting: Setting = { prefixes: ['i=o', 'o=i'], includeKeys: ['i*'], map: [[0, 7]] };
    expect(planOf('SET i1 v', setting)).toBe('7: SET o1 v');
    expect(planOf('SET o1 v', setting)).toBe('drop');
    expect(planOf('DEL i1 o1', setting)).toBe('7: DEL o1');
    expect(planOf('RENAME i1 o1', setting)).toBe('7: DEL o1');
    expect(planOf('RENAME o1 i1', setting)).toBe('7: DEL o1 !');
    expect(planOf('COPY o i DB 2 REPLACE', setting)).toBe('2: DEL o !');
    expect(planOf('COPY i i2 DB 0', { ...setting, db: 3 })).toBe('3: COPY o o2 DB 7');
    expect(planOf('SMOVE i o m', setting)).toBe('7: SREM o m');
    expect(planOf('LMOVE i o LEFT LEFT', setting)).toBe('7: LPOP o');
    expect(planOf('SUNIONSTORE i o', setting)).toBe('7: DEL o !');
    expect(planOf('MSETNX i1 v o1 v', setting)).toBe('7: MSET o1 v');
    expect(planOf('EVAL s 1 i', setting)).toBe('7: EVAL s 1 o !');
    expect(planOf('NOSUCH x', setting)).toBe('drop !');
    expect(planOf('FLUSHALL', { ...setting, includeDbs: [0, 1] })).toBe('clear matching 1,7');
    expect(planOf('SET k v', { ...setting, includeKeys: [], excludeKinds: ['string'] })).toBe('7: DEL k');
    expect(planOf('RENAME i o', { ...setting, includeKeys: [], excludeKinds: ['set'] })).toBe(
      '7: DEL i; 7: RENAME o i ?',
    );
  });

  test('reports of filter and map stand together', () => {
    const context = contextOf({ prefixes: ['a=b'], includeKeys: ['a*'] });
    expect(planFiltered(args('EVAL s 0'), context)).toHaveProperty(
      'report',
      'EVAL was run as it is: it may write keys it does not declare; ' +
        'EVAL was run with its declared keys mapped: names that a script puts together by itself are not',
    );
  });

  test('a map that changes nothing is none', () => {
    expect(planOf('NOSUCH a', { prefixes: ['a=a'] })).toBe('forward');
    expect(planOf('FLUSHALL', { prefixes: ['a=a'] })).toBe('forward');
  });

  const keys = ['i*', '1', '2'];
  test.each<Setting>([
    { prefixes: ['=new:'], includeKeys: keys },
    { front: { 0: 'new:', 1: 'new:1', 2: 'new:' }, map: [[1, 0]], includeKeys: keys },
  ])('whatever the command, no key is written by its old name: %j', (setting) => {
    const names = BUILTIN_COMMANDS.specs.map(({ name }) => name);
    const word = fc.constantFrom(
      'i1',
      'i2',
      'o1',
      '1',
      '2',
      'STORE',
      'DB',
      'REPLACE',
      'SET',
      'KEYS',
      'STREAMS',
    );
    const context = contextOf(setting);
    const isNew = (key: Uint8Array): boolean => text([key]).startsWith('new:');
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(word, { minLength: 1, maxLength: 8 }), (name, rest) => {
        const command = [name, ...rest].map((arg) => bytesOf(arg));
        const plan = planFiltered(command, context);
        const written = plan.action === 'replace' ? plan.commands.map((planned) => planned.args) : [];
        for (const one of plan.action === 'forward' ? [command] : written)
          expect(keyPositions(one).every((at) => isNew(one[at]!))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('a prefix for each database', () => {
  const ALL: Setting = {
    map: [
      [1, 0],
      [2, 0],
      [3, 7],
    ],
    front: { 0: 'z:', 1: 'one:', 2: 'two:', 3: 'one:' },
  };

  test.each<[number, string, string]>([
    [1, 'SET k v', '0: SET one:k v'],
    [2, 'MSET a 1 b 2', '0: MSET two:a 1 two:b 2'],
    [1, 'SUNIONSTORE d a b', '0: SUNIONSTORE one:d one:a one:b'],
    [1, 'RENAME a b', '0: RENAME one:a one:b'],
    [1, 'SORT l BY w_* GET # GET h*->f STORE d', '0: SORT one:l BY one:w_* GET # GET one:h*->f STORE one:d'],
    [1, 'EVAL s 1 k a', '0: EVAL s 1 one:k a !'],
    [1, 'NOSUCH a', 'drop !'],
    [1, 'NOSUCH', 'forward'],
    [1, 'PUBLISH c m', 'forward'],
    [9, 'SET k v', 'forward'],
    [0, 'SELECT 2', '0: SELECT 0'],
    [0, 'MOVE k 0', 'drop'],
    [0, 'MOVE k 1', '0: RENAME z:k one:k'],
    [1, 'MOVE k 2', '0: RENAME one:k two:k'],
    [1, 'MOVE k 3', '0: MOVE one:k 7'],
    [0, 'MOVE k 3', '0: COPY z:k one:k DB 7 REPLACE; 0: DEL z:k'],
    [3, 'MOVE k 2', '7: COPY one:k two:k DB 0 REPLACE; 7: DEL one:k'],
    [1, 'MOVE k 9', '0: COPY one:k k DB 9 REPLACE; 0: DEL one:k'],
    [9, 'MOVE k 1', '9: COPY k one:k DB 0 REPLACE; 9: DEL k'],
    [0, 'COPY a b', '0: COPY z:a z:b'],
    [0, 'COPY a a DB 1', '0: COPY z:a one:a DB 0'],
    [1, 'COPY a b DB 3 REPLACE', '0: COPY one:a one:b DB 7 REPLACE'],
    [3, 'COPY a b DB 9', '7: COPY one:a b DB 9'],
    [9, 'COPY a b DB 2', '9: COPY a two:b DB 0'],
    [1, 'FLUSHDB ASYNC', 'clear matching 0 of 1 async'],
    [3, 'FLUSHDB', 'clear matching 7 of 3'],
    [9, 'FLUSHDB', 'forward'],
    [1, 'FLUSHALL', 'clear matching 0,7 of 0,1,2,3'],
    [1, 'SWAPDB 0 1', 'drop !'],
    [1, 'SWAPDB 1 3', 'drop !'],
    [1, 'SWAPDB 3 9', 'drop !'],
    [1, 'SWAPDB 1 1', 'drop'],
  ])('db %i: %s → %s', (db, line, expected) => {
    expect(planOf(line, { ...ALL, db })).toBe(expected);
  });

  test('beside a database without one, and two with the same', () => {
    const setting: Setting = {
      map: [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
      front: { 1: 'p:', 2: 'p:' },
    };
    const plan = (db: number, line: string): string => planOf(line, { ...setting, db });
    expect([0, 1, 2, 3].map((db) => plan(db, 'FLUSHDB'))).toEqual(['drop !', 'drop !', 'drop !', 'drop !']);
    expect(planOf('FLUSHDB', { ...setting, excludeDbs: [2, 3] })).toBe('clear matching 0 of 0');
    expect(planOf('FLUSHDB', { ...setting, db: 1, excludeDbs: [2, 3] })).toBe('clear matching 0 of 1');
    expect(plan(1, 'MOVE k 2')).toBe('drop');
    expect(plan(1, 'COPY k k DB 2')).toBe('drop');
    expect(plan(1, 'MOVE k 3')).toBe('0: RENAME p:k k');
    expect(plan(0, 'SET k v')).toBe('forward');
    expect(plan(0, 'SWAPDB 1 2')).toBe('drop');
    expect(plan(0, 'SWAPDB 1 3')).toBe('drop !');
  });

  test('with filters, which speak of the names on the source, and prefixes of keys', () => {
    const setting: Setting = { ...ALL, includeKeys: ['i*'], excludeDbs: [2], prefixes: ['i=o', 'ix=x'] };
    const plan = (db: number, line: string): string => planOf(line, { ...setting, db });
    expect(plan(1, 'DEL i1 ix1 o1')).toBe('0: DEL one:o1 one:x1');
    expect(plan(1, 'MOVE i 0')).toBe('0: RENAME one:o z:o');
    expect(plan(1, 'MOVE i 2')).toBe('0: DEL one:o');
    expect(plan(2, 'MOVE i 1')).toBe('drop !');
    expect(plan(2, 'COPY i ix DB 1 REPLACE')).toBe('0: DEL one:x !');
    expect(plan(1, 'COPY o ix DB 3 REPLACE')).toBe('7: DEL one:x !');
    expect(plan(1, 'COPY i ix DB 3')).toBe('0: COPY one:o one:x DB 7');
    expect(plan(1, 'SWAPDB 1 2')).toBe('clear matching 0 of 1 !');
    expect(plan(1, 'FLUSHALL')).toBe('clear matching 0,7 of 0,1,3');
    expect(plan(1, 'EVAL s 0')).toBe('0: EVAL s 0 !');
    const kinds: Setting = { ...ALL, excludeKinds: ['list'] };
    expect(planOf('MOVE k 1', kinds)).toBe('0: RENAME z:k one:k ?');
    expect(planOf('COPY a b DB 1 REPLACE', kinds)).toBe('0: DEL one:b; 0: COPY z:a one:b DB 0 REPLACE ?');
  });

  test('two databases without a prefix share, whatever prefix others have', () => {
    const setting: Setting = {
      map: [
        [1, 0],
        [3, 0],
      ],
      front: { 3: 'p:' },
    };
    expect(planOf('FLUSHDB', setting)).toBe('drop !');
    expect(planOf('FLUSHDB', { ...setting, db: 3 })).toBe('clear matching 0 of 3');
    expect(planOf('FLUSHDB', { ...setting, db: 2 })).toBe('forward');
    expect(planOf('SWAPDB 1 2', setting)).toBe('drop !');
  });
});

describe('commands by name', () => {
  test.each<[string, string]>([
    ['PUBLISH c m', 'drop'],
    ['publish c m', 'drop'],
    ['SPUBLISH c m', 'forward'],
    ['FLUSHALL', 'drop'],
    ['XGROUP DESTROY s g', 'drop'],
    ['XGROUP CREATE s g 0', 'forward'],
    ['XGROUP', 'forward'],
    ['NOSUCH a', 'drop'],
    ['NOSUCH2 a', 'forward'],
    ['MULTI', 'forward'],
    ['SELECT 1', 'forward'],
    ['SET k v', 'forward'],
  ])('some excluded: %s → %s', (line, expected) => {
    const excludeCommands = ['Publish', 'FLUSHALL', 'xgroup|destroy', 'nosuch', 'MULTI', 'SELECT'];
    expect(planOf(line, { excludeCommands })).toBe(expected);
  });

  test('only what is included, less what is excluded', () => {
    const setting: Setting = { includeCommands: ['set', 'xgroup'], excludeCommands: ['XGROUP|SETID'] };
    const lines = ['SET k v', 'DEL k', 'XGROUP CREATE s g 0', 'XGROUP SETID s g 0', 'EXEC', 'SELECT 1'];
    expect(lines.map((line) => planOf(line, setting))).toEqual([
      'forward',
      'drop',
      'forward',
      'drop',
      'forward',
      'forward',
    ]);
  });
});

describe('no filter, no map', () => {
  test.each([
    'SET k v',
    'NOSUCH k',
    'FLUSHALL',
    'SWAPDB 1 2',
    'RENAME a b',
    'EVAL s 0',
    'COPY a b DB 1',
    'SORT l BY w_* STORE d',
  ])('%s is forwarded', (line) => {
    expect(planOf(line, {})).toBe('forward');
  });
});

test('a report names command and key', () => {
  const plan = planFiltered(
    ['RENAME', 'o\u0000"', 'i'].map((word) => bytesOf(word)),
    contextOf({ includeKeys: ['i*'] }),
  );
  expect(plan).toHaveProperty(
    'report',
    'RENAME brought key "i" in from "o\\x00\\x22", which the filter leaves out: its value is not known',
  );
});

test('whatever the command, nothing planned writes a key that is out (scripts and blind SORT aside)', () => {
  const names = BUILTIN_COMMANDS.specs.filter(({ role }) => role !== 'script').map(({ name }) => name);
  const word = fc.constantFrom('i1', 'i2', 'o1', 'o2', '1', '2', 'STORE', 'DB', 'REPLACE', 'LEFT', 'RIGHT');
  const context = contextOf({ includeKeys: ['i*'] });
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(word, { minLength: 3, maxLength: 7 }), (name, rest) => {
      const command = [name, ...rest].map((arg) => bytesOf(arg));
      const plan = planFiltered(command, context);
      const written =
        plan.action === 'replace'
          ? plan.commands.map((planned) => planned.args)
          : plan.action === 'forward'
            ? [command]
            : [];
      for (const one of written) {
        for (const at of keyPositions(one)) expect(context.filter.matchesKey(one[at]!)).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
});
