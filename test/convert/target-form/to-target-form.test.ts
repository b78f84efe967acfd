import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leastArgc, needsLook, toTargetForm } from '../../../src/convert/target-form/to-target-form.js';
import { BUILTIN_COMMANDS } from '../../../src/keyspace/command-table.js';
import { parseServerName } from '../../../src/rdb/server-support.js';
import { capabilitiesOf } from '../../../src/target/capabilities.js';
import { sha1Hex } from '../../../src/convert/target-form/sha1.js';
import { bytesOf } from '../../../src/keyspace/words.js';
import { context, formOf, line, shown } from './support.js';

const REDIS = [
  '2.6',
  '2.8',
  '3.0',
  '3.2',
  '4.0',
  '5.0',
  '6.0',
  '6.2',
  '7.0',
  '7.2',
  '7.4',
  '8.0',
  '8.2',
  '8.4',
  '8.6',
  '8.8',
];
const VALKEY = ['7.2', '8.0', '8.1', '9.0', '9.1'];
const SERVERS = [
  ...REDIS.map((version) => `redis-${version}`),
  ...VALKEY.map((version) => `valkey-${version}`),
];
const FAR = '1999999999999';

describe('forms', () => {
  /** Command, target, what it becomes; `null`: as it is. */
  const CASES: readonly (readonly [
    command: string,
    target: string,
    form: string[] | null,
    source?: string,
  ])[] = [
    [`SET k v PXAT ${FAR}`, 'redis-6.2', null, 'redis-7.0'],
    [`SET k v PXAT ${FAR}`, 'redis-6.0', ['SET k v', `PEXPIREAT k ${FAR}`]],
    ['set k v exat 1999999999 xx get', 'redis-6.0', ['SET k v', 'EXPIREAT k 1999999999']],
    ['SET k v KEEPTTL', 'redis-6.0', ['SET k v KEEPTTL']],
    ['SET k v XX KEEPTTL', 'redis-5.0', ['EVAL <script> 1 k v']],
    ['SET k v IFEQ PXAT', 'valkey-8.0', ['SET k v'], 'valkey-9.1'],
    [`SET v 3 IFEQ 2 PXAT ${FAR}`, 'redis-8.0', [`SET v 3 PXAT ${FAR}`], 'valkey-9.1'],
    ['SET v 3 IFEQ 2', 'valkey-9.1', null, 'valkey-9.1'],
    ['SET k v', 'redis-2.6', null],
    [`MSETEX 2 a 1 b 2 NX PXAT ${FAR}`, 'redis-7.0', [`SET a 1 PXAT ${FAR}`, `SET b 2 PXAT ${FAR}`]],
    ['MSETEX 2 a 1 b 2', 'redis-7.0', ['MSET a 1 b 2']],
    ['MSETEX 1 a 1 KEEPTTL', 'redis-6.0', ['SET a 1 KEEPTTL']],
    ['MSETEX 9 a 1', 'redis-6.0', ['report: redis 6.0.0 has no command MSETEX']],
    ['DELIFEQ k v', 'redis-8.0', ['DEL k']],
    ['DELEX k IFEQ v', 'valkey-9.1', ['DEL k']],
    ['GETDEL k', 'redis-6.0', ['DEL k']],
    ['GETEX k PERSIST', 'redis-6.0', ['PERSIST k']],
    [`GETEX k PXAT ${FAR}`, 'redis-6.0', [`PEXPIREAT k ${FAR}`]],
    [`PEXPIREAT k ${FAR} GT`, 'redis-6.2', [`PEXPIREAT k ${FAR}`]],
    [`PEXPIREAT k ${FAR} GT`, 'redis-7.0', null],
    ['UNLINK a b', 'redis-3.2', ['DEL a b']],
    ['FLUSHALL ASYNC', 'redis-3.2', ['FLUSHALL']],
    ['FLUSHALL ASYNC', 'redis-4.0', null],
    ['FLUSHDB SYNC', 'redis-6.0', ['FLUSHDB']],
    ['SCRIPT FLUSH SYNC', 'redis-6.0', ['SCRIPT FLUSH'], 'redis-6.2'],
    ['HSET h a 1 b 2', 'redis-3.2', ['HMSET h a 1 b 2']],
    ['HSET h a 1', 'redis-3.2', null],
    ['LPUSHX l a b', 'redis-3.2', ['LPUSHX l a', 'LPUSHX l b']],
    ['LPOP l 3', 'redis-6.0', ['LTRIM l 3 -1']],
    ['RPOP l 3', 'redis-6.0', ['LTRIM l 0 -4']],
    ['LPOP l', 'redis-6.0', null],
    ['LMOVE a b right left', 'redis-6.0', ['RPOPLPUSH a b']],
    ['LMOVE a b LEFT LEFT', 'redis-6.0', ['EVAL <script> 2 a b LPOP LPUSH']],
    ['COPY a b DB 3 REPLACE', 'redis-6.0', ['EVAL <script> 2 a b 3']],
    ['COPY a b DB 3 REPLACE', 'redis-7.2', ['EVAL <script> 2 a b COPY 3 DB 3 REPLACE'], 'redis-8.0'],
    ['COPY a b REPLACE', 'valkey-9.1', ['EVAL <script> 2 a b COPY  REPLACE'], 'redis-8.0'],
    ['COPY a b REPLACE', 'redis-8.0', null, 'redis-8.0'],
    ['RENAME a b', 'valkey-9.1', ['EVAL <script> 2 a b RENAME '], 'redis-8.0'],
    ['RENAME a b', 'valkey-9.1', null, 'redis-7.4'],
    ['ZADD z GT CH 1 a', 'redis-6.0', ['EVAL <script> 1 z GT 1 a']],
    ['ZADD z NX CH 1 a', 'redis-6.0', null],
    ['ZADD z CH 1 a', 'redis-2.8', ['ZADD z 1 a']],
    ['ZADD z GT INCR 1 a', 'redis-6.0', ['ZINCRBY z 1 a']],
    ['ZPOPMAX z 2', 'redis-4.0', ['ZREMRANGEBYRANK z -2 -1']],
    ['ZPOPMIN z', 'redis-4.0', ['ZREMRANGEBYRANK z 0 0']],
    [
      'ZRANGESTORE d s (1 5 BYSCORE LIMIT 1 2',
      'redis-6.0',
      ['EVAL <script> 2 d s ZRANGEBYSCORE (1 5 WITHSCORES LIMIT 1 2'],
    ],
    ['ZRANGESTORE d s 0 -1 REV', 'redis-6.0', ['EVAL <script> 2 d s ZREVRANGE 0 -1 WITHSCORES']],
    [
      'GEOSEARCHSTORE d s FROMLONLAT 1 2 BYRADIUS 3 km COUNT 4 STOREDIST',
      'redis-6.0',
      ['EVAL <script> 2 d s GEORADIUS 1 2 3 km COUNT 4 STOREDIST'],
    ],
    [
      'GEOSEARCHSTORE d s FROMLONLAT 1 2 BYBOX 3 4 km',
      'redis-6.0',
      ['EVAL <script> 2 d s 1000 3 4 0  STORE 1 2'],
    ],
    [
      'GEOSEARCHSTORE d s FROMMEMBER m BYBOX 3 4 ft COUNT 5 DESC STOREDIST',
      'redis-6.0',
      ['EVAL <script> 2 d s 0.3048 3 4 5 DESC STOREDIST m'],
    ],
    [
      'GEOSEARCHSTORE d s FROMMEMBER m BYBOX 3 4 ft COUNT 5 ANY',
      'redis-6.0',
      ['report: the target has no GEOSEARCHSTORE, and no other command does the same'],
    ],
    [
      'GEOSEARCHSTORE d s BYPOLYGON 3 0 0 0 2 2 2',
      'redis-8.0',
      ['report: the target has no GEOSEARCHSTORE BYPOLYGON'],
    ],
    ['GEOSEARCHSTORE d s BYPOLYGON 3 0 0 0 2 2 2', 'valkey-9.0', null],
    [`HPEXPIREAT h ${FAR} FIELDS 1 f`, 'redis-7.2', ["report: the target can't hold TTLs of hash fields"]],
    [`HPEXPIREAT h ${FAR} FIELDS 1 f`, 'redis-7.4', null],
    ['HPERSIST h FIELDS 1 f', 'redis-7.2', []],
    [
      `HSETEX h FNX PXAT ${FAR} FIELDS 2 a 1 b 2`,
      'redis-7.4',
      ['HSET h a 1 b 2', `HPEXPIREAT h ${FAR} FIELDS 2 a b`],
    ],
    ['HSETEX h KEEPTTL FIELDS 1 a 1', 'redis-7.4', ['EVAL <script> 1 h a 1']],
    ['HSETEX h KEEPTTL FIELDS 1 a 1', 'redis-7.0', ['HSET h a 1']],
    [
      `HSETEX h PXAT ${FAR} FIELDS 1 a 1`,
      'redis-3.2',
      ['HMSET h a 1', "report: the target can't hold TTLs of hash fields"],
    ],
    [
      `HSETEX h XX PXAT ${FAR} FIELDS 1 a 1`,
      'redis-8.0',
      [`HSETEX h PXAT ${FAR} FIELDS 1 a 1`],
      'valkey-9.1',
    ],
    [`HSETEX h FXX PXAT ${FAR} FIELDS 1 a 1`, 'redis-8.0', null, 'redis-8.0'],
    ['HGETDEL h FIELDS 2 a b', 'valkey-8.1', ['HDEL h a b']],
    ['HGETEX h PERSIST FIELDS 2 a b', 'redis-7.4', ['HPERSIST h FIELDS 2 a b']],
    [`HGETEX h FIELDS 1 a PXAT ${FAR}`, 'redis-7.4', [`HPEXPIREAT h ${FAR} FIELDS 1 a`]],
    ['XADD x NOMKSTREAM MAXLEN = 5 9-0 f v', 'redis-6.0', ['XADD x MAXLEN 5 9-0 f v']],
    [
      'XADD x MINID = 007 9-0 f v',
      'redis-6.0',
      ['XADD x 9-0 f v', 'EVAL <script> 1 x MINID 7-0 KEEPREF XDEL'],
    ],
    ['XADD x NOMKSTREAM MINID = 7 9-0 f v', 'redis-7.0', null],
    ['XADD x MAXLEN = 5 9-0 MINID v', 'redis-6.0', null],
    ['XADD x KEEPREF MAXLEN = 5 9-0 f v', 'redis-8.0', ['XADD x MAXLEN 5 9-0 f v']],
    [
      'XADD x NOMKSTREAM DELREF MAXLEN = 5 9-0 f v',
      'valkey-9.1',
      ['XADD x NOMKSTREAM 9-0 f v', 'EVAL <script> 1 x MAXLEN 5 DELREF XTRIM'],
    ],
    [
      'XADD x ACKED MAXLEN = 5 9-0 f v',
      'redis-8.0',
      [
        'XADD x 9-0 f v',
        'report: the target has no ACKED: entries that should go by it stay in their streams',
      ],
    ],
    [
      'XADD x IDMP p i 9-0 f v',
      'redis-8.2',
      ['XADD x 9-0 f v', "report: the target can't hold ids of idempotent stream producers"],
    ],
    ['XTRIM x MINID 7', 'redis-6.0', ['EVAL <script> 1 x MINID 7-0 KEEPREF XDEL']],
    ['XTRIM x MAXLEN 7', 'redis-6.0', null],
    ['XTRIM x MAXLEN 7 DELREF', 'redis-7.0', ['EVAL <script> 1 x MAXLEN 7 DELREF XTRIM']],
    ['XDELEX x KEEPREF IDS 2 1-0 2-0', 'redis-8.0', ['XDEL x 1-0 2-0']],
    ['XDELEX x DELREF IDS 2 1-0 2-0', 'redis-8.0', ['EVAL <script> 1 x 1-0 2-0']],
    ['XACKDEL x g IDS 1 1-0', 'redis-8.0', ['EVAL <script> 1 x KEEPREF g 1-0']],
    ['XGROUP CREATE x g $ MKSTREAM ENTRIESREAD 3', 'redis-6.2', ['XGROUP CREATE x g $ MKSTREAM']],
    ['XGROUP SETID x g 5-0 ENTRIESREAD 3', 'redis-6.2', ['XGROUP SETID x g 5-0']],
    ['XGROUP SETID x ENTRIESREAD 5-0', 'redis-6.2', null],
    ['XGROUP CREATECONSUMER x g c', 'redis-6.0', ['XREADGROUP GROUP g c COUNT 1 STREAMS x 0']],
    ['XSETID x 5-0 ENTRIESADDED 9 MAXDELETEDID 1-0', 'redis-6.2', ['XSETID x 5-0']],
    [
      'XCLAIM x g c 0 1-1 2-2 TIME 5 FORCE JUSTID LASTID 2-2',
      'redis-6.0',
      ['EVAL <script> 1 x 2 g c 0 1-1 2-2 TIME 5 FORCE JUSTID LASTID 2-2'],
    ],
    ['XCLAIM x g c 0 1-1 TIME 5', 'redis-4.0', ['report: redis 4.0.0 has no command XCLAIM']],
    ['FUNCTION FLUSH', 'redis-6.2', ['report: the target has no functions (redis 6.2.0)']],
    ['SPUBLISH c m', 'redis-6.2', []],
    ['PFCOUNT a', 'redis-2.6', []],
    ['PFCOUNT a', 'redis-6.2', null],
    ['VADD v VALUES 1 1 a', 'valkey-9.1', ['report: valkey 9.1.0 has no command VADD']],
    ['ARSET a 1 x', 'redis-8.0', ['report: redis 8.0.0 has no command ARSET']],
    ['XADD x 1-0 f v', 'redis-4.0', ['report: redis 4.0.0 has no command XADD']],
    ['SWAPDB 0 1', 'redis-3.2', ['report: redis 3.2.0 has no command SWAPDB']],
  ];

  const cases = CASES.map(([command, target, form, source]) => ({ command, target, form, source }));

  test.each(cases)('$command → $target', ({ command, target, form, source }) => {
    expect(formOf(command, target, source)).toEqual(form);
  });
});

describe('scripts of old sources', () => {
  const body = "return redis.call('incr', KEYS[1])";
  const sha1 = sha1Hex(bytesOf(body));

  test.each(['EVAL', 'SCRIPT LOAD'])('a body seen in %s is known later', (by) => {
    const to = context('redis-6.0', 'redis-3.2');
    const call = [...line('EVALSHA'), bytesOf(sha1.toUpperCase()), ...line('1 k')];
    expect(toTargetForm(call, to)).toEqual({
      commands: [],
      report: 'a script is called by its SHA-1, and its text has not been seen',
    });
    expect(toTargetForm([...line(by), bytesOf(body), ...line('0')], to)).toBeNull();
    expect(toTargetForm(call, to)?.commands).toEqual([[bytesOf('EVAL'), bytesOf(body), ...line('1 k')]]);
    toTargetForm(line('SCRIPT FLUSH'), to);
    expect(toTargetForm(call, to)?.commands).toEqual([]);
  });

  test('newer sources send effects', () => {
    expect(formOf('EVALSHA 0123 0', 'redis-6.0', 'redis-5.0')).toBeNull();
  });
});

describe('BITOP over more than two', () => {
  const bits = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 });
  const MODELS: Readonly<Record<string, (first: boolean, others: readonly boolean[]) => boolean>> = {
    DIFF: (first, others) => first && !others.some(Boolean),
    DIFF1: (first, others) => !first && others.some(Boolean),
    ANDOR: (first, others) => first && others.some(Boolean),
    ONE: (first, others) => [first, ...others].filter(Boolean).length === 1,
  };

  test.each(Object.keys(MODELS))('%s', (operation) => {
    fc.assert(
      fc.property(bits, fc.array(bits, { minLength: 1, maxLength: 4 }), fc.nat(4), (first, others, at) => {
        const names = ['k0', ...others.map((_, index) => `k${index + 1}`)];
        // The destination may be one of the keys.
        const dest = names[at] ?? 'dest';
        const form = toTargetForm(
          line(`BITOP ${operation} ${dest} ${names.join(' ')}`),
          context('redis-6.0'),
        );
        const keys = new Map<string, number[]>(
          names.map((name, index) => [name, [first, ...others][index]!]),
        );
        for (const text of shown(form) ?? []) runBitop(keys, text.split(' '));
        const length = Math.max(first.length, ...others.map((other) => other.length));
        const expected = Array.from({ length: length * 8 }, (_, bit) =>
          MODELS[operation]!(
            bitAt(first, bit),
            others.map((other) => bitAt(other, bit)),
          ),
        );
        const found = keys.get(dest) ?? [];
        expect(found.length).toBe(length);
        expect(Array.from({ length: length * 8 }, (_, bit) => bitAt(found, bit))).toEqual(expected);
        expect([...keys.keys()].filter((name) => name.startsWith('__'))).toEqual([]);
      }),
    );
  });

  function bitAt(bytes: readonly number[], bit: number): boolean {
    return (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
  }

  function runBitop(keys: Map<string, number[]>, [name, operation, dest, ...from]: string[]): void {
    if (name === 'DEL') for (const key of [operation!, dest!, ...from]) keys.delete(key);
    if (name !== 'BITOP') return;
    const values = from.map((key) => keys.get(key) ?? []);
    const length = Math.max(0, ...values.map((value) => value.length));
    const join = { AND: and, OR: or, XOR: xor }[operation!]!;
    keys.set(
      dest!,
      Array.from({ length }, (_, at) => values.map((value) => value[at] ?? 0).reduce(join)),
    );
  }
  const and = (a: number, b: number): number => a & b;
  const or = (a: number, b: number): number => a | b;
  const xor = (a: number, b: number): number => a ^ b;
});

describe('which commands need a look', () => {
  const look = (target: string, source?: string): string[] =>
    needsLook(
      capabilitiesOf(parseServerName(target)),
      source === undefined ? undefined : parseServerName(source),
    ).toSorted();

  test.each(SERVERS.filter((name) => name.startsWith('valkey') || Number(name.slice(6)) >= 5))(
    'none from %s to itself',
    (name) => expect(look(name, name)).toEqual([]),
  );

  test('sources up to 4.0: scripts, to whatever target', () => {
    expect(look('redis-8.0', 'redis-4.0')).toEqual(['EVAL', 'EVALSHA', 'SCRIPT']);
    expect(look('redis-3.2', 'redis-3.2')).toEqual(['EVAL', 'EVALSHA', 'SCRIPT']);
  });

  test('to a newer one of the same family: none', () => {
    expect(look('redis-8.0', 'redis-6.0')).toEqual([]);
    expect(look('valkey-9.1', 'valkey-8.0')).toEqual([]);
  });

  test('to the other family, and back in time', () => {
    expect(look('valkey-9.1', 'redis-6.0')).toEqual(['RESTORE', 'RESTORE-ASKING']);
    expect(look('valkey-9.1', 'redis-8.0')).toContain('VADD');
    expect(look('redis-6.0', 'redis-7.0')).toEqual(
      expect.arrayContaining(['SET', 'COPY', 'LPOP', 'XGROUP', 'FUNCTION', 'SPUBLISH', 'PEXPIREAT']),
    );
    expect(look('redis-6.0', 'redis-7.0')).not.toContain('HSETEX');
  });

  test('commands of modules that the target has not', () => {
    const can = { ...capabilitiesOf(parseServerName('redis-7.2')), has: (name: string) => name !== 'BF.ADD' };
    expect(needsLook(can, parseServerName('redis-7.2'), ['get', 'bf.add'])).toEqual(['BF.ADD']);
    expect(shown(toTargetForm(line('bf.add k v'), { ...context('redis-7.2'), can }))).toEqual([
      'report: redis 7.2.0 has no command BF.ADD',
    ]);
  });

  const arbServer = fc.constantFrom(...SERVERS);
  const arbWord = fc.oneof(
    fc.constantFrom(
      ...[
        'FIELDS',
        '1',
        '2',
        'PXAT',
        'KEEPTTL',
        'NX',
        'GT',
        'LEFT',
        'DB',
        'IDS',
        'MINID',
        '=',
        'LIMIT',
        '5-0',
      ],
      ...[
        'ENTRIESREAD',
        'CREATE',
        'CREATECONSUMER',
        'LOAD',
        'RESTORE',
        'DELREF',
        'BYRADIUS',
        'STORE',
        'k',
        '',
      ],
    ),
    fc.string({ maxLength: 3 }),
  );
  const arbWords = fc.array(arbWord, { maxLength: 9 });
  const arbName = fc.constantFrom(...BUILTIN_COMMANDS.specs.map(({ name }) => name));

  test('whatever is not named there is left as it is, whatever its arguments', () => {
    fc.assert(
      fc.property(arbServer, arbServer, arbName, arbWords, (source, target, name, words) => {
        const to = context(target, source);
        const named = needsLook(to.can, to.source).includes(name);
        fc.pre(!named || words.length + 1 < leastArgc(name, to.can));
        fc.pre(capabilitiesOf(parseServerName(source)).has(name));
        fc.pre(
          !['link', 'cluster', 'select', 'transaction'].includes(
            BUILTIN_COMMANDS.lookup(bytesOf(name))!.role,
          ),
        );
        expect(
          toTargetForm(
            [name, ...words].map((word) => bytesOf(word)),
            to,
          ),
        ).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });

  test('what comes out needs no second look', () => {
    fc.assert(
      fc.property(
        arbServer,
        arbServer,
        arbName,
        fc.array(arbWord, { maxLength: 9 }),
        (source, target, name, words) => {
          const to = context(target, source);
          const form = toTargetForm(
            [name, ...words].map((word) => bytesOf(word)),
            to,
          );
          for (const command of form?.commands ?? []) {
            const again = toTargetForm(command, to);
            expect(again === null ? [command] : again.commands).toEqual([command]);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
