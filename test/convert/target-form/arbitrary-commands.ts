/** Random commands in the forms that streams have, over a few keys of each type. */
import * as fc from 'fast-check';
import type { Word } from './support.js';

export type Step = readonly Word[];

export interface Abilities {
  readonly valkey: boolean;
  /** HSETEX, HPEXPIREAT … */
  readonly fieldTtl: boolean;
  /** SET … IFEQ. */
  readonly conditions: boolean;
  readonly msetex: boolean;
  /** Of the target: it holds them at all. */
  readonly streams: boolean;
  readonly geo: boolean;
}

/** In 2033 and in 2065: nothing expires on the way. */
const DEADLINES = [1_999_999_999_999, 3_000_000_000_000, 3_000_000_000_001];

const of = (...values: readonly Word[]): fc.Arbitrary<Word> => fc.constantFrom(...values);
const key = (kind: string): fc.Arbitrary<Word> => of(`${kind}1`, `${kind}2`, `${kind}3`);
const deadline = of(...DEADLINES);
const member = fc.constantFrom('a', 'b', 'c', 'd', 'e', '\x00\xff', '');
const items = fc.array(member, { minLength: 1, maxLength: 6 });
const count = fc.integer({ min: 1, max: 4 });
const score = of('-inf', 'inf', -1.5, 0, 0.1, 1, 2, 3.25, '1e300', '3.0000000000000004');
const option = (...words: readonly Word[]): fc.Arbitrary<readonly Word[]> => fc.constantFrom([], words);

/** The parts of a command, each a word or some words. */
function step(
  ...parts: readonly (fc.Arbitrary<Word> | fc.Arbitrary<readonly Word[]> | Word)[]
): fc.Arbitrary<Step> {
  const arbitraries = parts.map((part): fc.Arbitrary<Word | readonly Word[]> =>
    typeof part === 'object' && !(part instanceof Uint8Array) ? part : fc.constant(part),
  );
  return fc.tuple(...arbitraries).map((values) => values.flatMap((value): readonly Word[] => toWords(value)));
}

function toWords(value: Word | readonly Word[]): readonly Word[] {
  return Array.isArray(value) ? (value as readonly Word[]) : [value as Word];
}

function timing(): fc.Arbitrary<readonly Word[]> {
  return fc.oneof(
    fc.constant<readonly Word[]>([]),
    deadline.map((at): readonly Word[] => ['PXAT', at]),
    fc.constant<readonly Word[]>(['KEEPTTL']),
    fc.constant<readonly Word[]>(['EXAT', 2_000_000_000]),
  );
}

function strings({ conditions, msetex }: Abilities): fc.Arbitrary<Step>[] {
  return [
    step(
      'SET',
      key('s'),
      member,
      fc.constantFrom<readonly Word[]>([], ['XX'], ['GET'], ['XX', 'GET']),
      timing(),
    ),
    step('SET', key('s'), member, 'NX', timing()),
    step(
      'GETEX',
      key('s'),
      fc.oneof(
        fc.constant<readonly Word[]>(['PERSIST']),
        timing().filter(([word]) => word !== 'KEEPTTL'),
      ),
    ),
    step('GETDEL', key('s')),
    step('APPEND', key('s'), member),
    ...(conditions ? [step('SET', key('s'), member, 'IFEQ', member, timing())] : []),
    ...(msetex
      ? [
          step(
            'MSETEX',
            2,
            key('s'),
            member,
            key('s'),
            member,
            fc.oneof(option('XX'), option('NX')),
            timing(),
          ),
          step('DELIFEQ', key('s'), member),
        ]
      : []),
  ];
}

function keys(): fc.Arbitrary<Step>[] {
  const any = fc
    .constantFrom('s', 'l', 'z', 'h', 'x', 'm')
    .chain((kind) => fc.tuple(key(kind), key(kind), option('DB', 1), option('REPLACE')));
  return [
    any.map(([from, to, db, replace]) => ['COPY', from, to, ...db, ...replace]),
    any.map(([from]) => ['UNLINK', from]),
    any.chain(([from]) =>
      step('PEXPIREAT', from, deadline, fc.constantFrom<readonly Word[]>([], ['NX'], ['XX'], ['GT'], ['LT'])),
    ),
    any.map(([from]) => ['PERSIST', from]),
  ];
}

function lists(): fc.Arbitrary<Step>[] {
  const side = of('LEFT', 'RIGHT', 'left', 'right');
  return [
    step('RPUSH', key('l'), items),
    step('LPUSHX', key('l'), items),
    step('RPUSHX', key('l'), items),
    step('LPOP', key('l'), count),
    step('RPOP', key('l'), count),
    step('LMOVE', key('l'), key('l'), side, side),
  ];
}

function zsets(): fc.Arbitrary<Step>[] {
  const pairs = fc.array(fc.tuple(score, member), { minLength: 1, maxLength: 5 }).map((all) => all.flat());
  const flags = fc.constantFrom<readonly Word[]>(
    [],
    ['GT'],
    ['LT'],
    ['NX'],
    ['XX'],
    ['XX', 'GT', 'CH'],
    ['CH', 'LT'],
  );
  const bounds = of('-inf', '(1', 0, 2, '+inf');
  const lex = of('-', '[b', '(c', '+');
  const limit = fc.constantFrom<readonly Word[]>([], ['LIMIT', 1, 2], ['LIMIT', 0, -1]);
  return [
    step('ZADD', key('z'), flags, pairs),
    step('ZADD', key('z'), of('GT', 'LT', 'XX'), 'INCR', of(1, -1.5), member),
    step('ZPOPMIN', key('z'), count),
    step('ZPOPMAX', key('z')),
    step('SADD', key('m'), items),
    step('ZRANGESTORE', key('z'), key('z'), of(0, 1, -3), of(1, 3, -1), option('REV')),
    step('ZRANGESTORE', key('z'), key('z'), bounds, bounds, 'BYSCORE', option('REV'), limit),
    step('ZRANGESTORE', key('z'), key('z'), lex, lex, 'BYLEX', option('REV'), limit),
    step('ZDIFFSTORE', key('z'), 3, key('z'), key('m'), key('z')),
    step('ZDIFFSTORE', key('z'), 2, key('m'), key('z')),
  ];
}

function places(): fc.Arbitrary<Step>[] {
  const geo = fc.tuple(
    fc.integer({ min: -1800, max: 1800 }).map((tenths) => tenths / 10),
    fc.integer({ min: -850, max: 850 }).map((tenths) => tenths / 10),
  );
  return [
    fc.tuple(key('g'), geo, member).map(([to, [x, y], name]) => ['GEOADD', to, x, y, name]),
    fc
      .tuple(
        key('g'),
        geo,
        fc.integer({ min: 100, max: 9000 }),
        option('STOREDIST'),
        option('COUNT', 3),
        option('DESC'),
      )
      .map(([from, [x, y], radius, dist, some, order]) => [
        ...['GEOSEARCHSTORE', 'gd', from, 'FROMLONLAT', x, y, 'BYRADIUS', radius, 'km'],
        ...order,
        ...some,
        ...dist,
      ]),
    step('GEORADIUS', key('g'), 10, 10, 4000, 'km', option('COUNT', 2), of('STORE', 'STOREDIST'), 'gr'),
    step('GEOSEARCHSTORE', 'gm', key('g'), 'FROMMEMBER', member, 'BYRADIUS', 3000, 'km', 'ASC'),
  ];
}

function hashes({ valkey, fieldTtl }: Abilities): fc.Arbitrary<Step>[] {
  const field = fc.constantFrom('f', 'g', 'h');
  const fields = fc.uniqueArray(field, { minLength: 1, maxLength: 3 });
  const listed = fields.map((names): readonly Word[] => ['FIELDS', names.length, ...names]);
  const pairs = fields.chain((names) =>
    fc.tuple(...names.map((name) => member.map((value) => [name, value]))).map((all) => all.flat()),
  );
  const listedPairs = pairs.map((words): readonly Word[] => ['FIELDS', words.length / 2, ...words]);
  const conditions = fc.constantFrom<readonly Word[]>(
    [],
    ['FNX'],
    ['FXX'],
    ...(valkey ? [['XX'], ['NX']] : []),
  );
  return [
    step('HSET', key('h'), pairs),
    step('HDEL', key('h'), field),
    ...(fieldTtl
      ? [
          step('HSETEX', key('h'), conditions, timing(), listedPairs),
          step('HSETEX', key('h'), timing(), conditions, listedPairs),
          step('HPEXPIREAT', key('h'), deadline, listed),
          step('HPERSIST', key('h'), listed),
          step(
            'HGETEX',
            key('h'),
            fc.oneof(
              fc.constant<readonly Word[]>(['PERSIST']),
              deadline.map((at): readonly Word[] => ['PXAT', at]),
            ),
            listed,
          ),
          step('HGETDEL', key('h'), listed),
        ]
      : []),
  ];
}

/** Ids grow with the place in the run, so that XADD succeeds; `-1` in a step stands for the next one. */
const NEXT_ID = '<next id>';

function streams(): fc.Arbitrary<Step>[] {
  const id = fc.integer({ min: 1, max: 120 }).map((at) => `${at}-0`);
  const trim = fc.oneof(
    fc.constant<readonly Word[]>([]),
    id.map((least): readonly Word[] => ['MINID', '=', least]),
    count.map((most): readonly Word[] => ['MAXLEN', '=', most]),
    fc.integer({ min: 1, max: 120 }).map((least): readonly Word[] => ['MINID', least]),
  );
  const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 40, size: 'max' });
  const group = of('g1', 'g2');
  const consumer = of('alice', 'bob');
  return [
    step('XADD', key('x'), option('NOMKSTREAM'), trim, NEXT_ID, 'f', member),
    step('XADD', key('x'), NEXT_ID, 'f', member, 'g', member),
    step(
      'XTRIM',
      key('x'),
      trim.filter((words) => words.length > 0),
    ),
    step('XDEL', key('x'), ids),
    step('XGROUP', 'CREATE', key('x'), group, id, option('MKSTREAM'), option('ENTRIESREAD', 3)),
    step('XGROUP', 'SETID', key('x'), group, id, option('ENTRIESREAD', 2)),
    step('XGROUP', 'CREATECONSUMER', key('x'), group, consumer),
    step('XGROUP', 'DELCONSUMER', key('x'), group, consumer),
    step(
      'XCLAIM',
      key('x'),
      group,
      consumer,
      0,
      ids,
      'TIME',
      1_600_000_000_000,
      'RETRYCOUNT',
      2,
      'FORCE',
      'JUSTID',
      'LASTID',
      id,
    ),
    step('XACK', key('x'), group, ids),
    step('XSETID', key('x'), NEXT_ID, 'ENTRIESADDED', 500, 'MAXDELETEDID', '0-0'),
  ];
}

/** Of all types, or of one type alone, which then gets into deeper states. */
export function arbCommands(abilities: Abilities): fc.Arbitrary<Step[]> {
  const types = [
    [...strings(abilities), ...keys()],
    lists(),
    zsets(),
    hashes(abilities),
    ...(abilities.geo ? [places()] : []),
    ...(abilities.streams ? [streams()] : []),
  ];
  return fc
    .oneof(...[types.flat(), ...types].map((steps) => manyOf(steps)))
    .map((steps) => steps.flatMap(withConsumer))
    .map((steps) => steps.map((words, at) => words.map((word) => (word === NEXT_ID ? `${at + 1}-0` : word))));
}

/** XCLAIM makes its consumer, but when it claims nothing no replica is told: a failing of the servers. */
function withConsumer(words: Step): Step[] {
  return words[0] === 'XCLAIM' ? [['XGROUP', 'CREATECONSUMER', ...words.slice(1, 4)], words] : [words];
}

function manyOf(steps: readonly fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> {
  return fc.array(fc.oneof(...steps), { minLength: 1, maxLength: 120, size: 'max' });
}
