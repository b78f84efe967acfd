/** Sorted sets, geo indexes and (Redis 8) vector sets. */
import { op, sequence, since } from '../op.mjs';
import { times } from '../context.mjs';

/** @typedef {import('../context.mjs').Context} Context */
/** @typedef {import('../abilities.mjs').Arg} Arg */

/** @param {Context} c @returns {Arg[]} */
const scored = (c) => [c.score(), c.member()];
/** @param {Context} c @returns {string[]} */
const weights = (c) => [
  'WEIGHTS',
  '1',
  c.random.pick(['2', '0.5', '-1']),
  'AGGREGATE',
  c.random.pick(['SUM', 'MIN', 'MAX']),
];

/** All of one score: a range by name over several scores removes whatever the skip list's levels lead to. @param {Context} c */
const lexKey = (c) => c.named(`lex:${c.random.int(20)}`);

/** @type {readonly import('../op.mjs').Op[]} */
export const ZSET_OPS = [
  op('ZADD', 10, (c) => [c.anyKey('zset'), ...times(c.few(8), () => scored(c)).flat()]),
  op('ZADD', 2, (c) => [c.key('zset'), c.random.pick(['NX', 'XX']), 'CH', ...scored(c)]),
  op('ZADD', 2, (c) => [c.key('zset'), c.random.pick(['GT', 'LT']), ...scored(c)], since('6.2')),
  op('ZADD', 2, (c) => [c.key('zset'), 'INCR', c.random.pick(['1', '-2.5', '0.1']), c.member()]),
  op('ZINCRBY', 3, (c) => [c.key('zset'), (c.random.next() * 20 - 10).toFixed(5), c.member()]),
  op('ZREM', 3, (c) => [c.key('zset'), ...times(c.few(4), () => c.member())]),
  op('ZREMRANGEBYRANK', 2, (c) => [c.key('zset'), '200', '-1']),
  op('ZREMRANGEBYSCORE', 2, (c) => [c.key('zset'), String(c.random.int(500)), '(520']),
  op('ZADD', 2, (c) => [lexKey(c), ...times(c.few(8), () => ['0', c.member()]).flat()]),
  op('ZREMRANGEBYLEX', 1, (c) => [lexKey(c), '[m1', `(m1${c.random.int(9)}`]),
  op('ZPOPMIN', 2, (c) => [c.key('zset')]),
  op('ZPOPMAX', 2, (c) => [c.key('zset'), String(c.few(5))]),
  op('ZMPOP', 2, (c) => [
    '2',
    c.key('zset'),
    c.key('zset'),
    c.random.pick(['MIN', 'MAX']),
    'COUNT',
    String(c.few(4)),
  ]),
  op('BZPOPMIN', 0.3, (c) => [c.key('zset'), c.key('zset'), '0.01'], since('6.0')),
  op('BZPOPMAX', 0.3, (c) => [c.key('zset'), '0.01'], since('6.0')),
  op('BZMPOP', 0.3, (c) => ['0.01', '1', c.key('zset'), 'MAX', 'COUNT', '2']),
  op('ZUNIONSTORE', 2, (c) => [c.key('zset'), '2', c.key('zset'), c.key('zset'), ...weights(c)]),
  op('ZUNIONSTORE', 1, (c) => [c.key('zset'), '2', c.key('set'), c.key('zset')]),
  op('ZINTERSTORE', 2, (c) => [c.key('zset'), '2', c.key('zset'), c.key('zset'), ...weights(c)]),
  op('ZDIFFSTORE', 1, (c) => [c.key('zset'), '2', c.key('zset'), c.key('zset')]),
  op('ZRANGESTORE', 2, (c) => [c.key('zset'), c.key('zset'), '-100', '+inf', 'BYSCORE', 'LIMIT', '0', '80']),
  op('ZRANGESTORE', 1, (c) => [c.key('zset'), c.key('zset'), '0', '60', 'REV']),
];

/** @param {Context} c @returns {Arg[]} */
const place = (c) => [
  (c.random.next() * 300 - 150).toFixed(6),
  (c.random.next() * 160 - 80).toFixed(6),
  c.member(),
];

/** @type {readonly import('../op.mjs').Op[]} */
export const GEO_OPS = [
  op('GEOADD', 4, (c) => [c.anyKey('geo'), ...times(c.few(5), () => place(c)).flat()]),
  op('GEOADD', 1, (c) => [c.key('geo'), 'XX', 'CH', ...place(c)], since('6.2')),
  op('GEOSEARCHSTORE', 2, (c) => [
    c.key('geo'),
    c.key('geo'),
    'FROMLONLAT',
    '10',
    '45',
    'BYRADIUS',
    '9000',
    'km',
    'ASC',
    'COUNT',
    '50',
  ]),
  op('GEOSEARCHSTORE', 1, (c) => [
    c.key('zset'),
    c.key('geo'),
    'FROMLONLAT',
    '0',
    '0',
    'BYBOX',
    '9000',
    '5000',
    'km',
    'STOREDIST',
  ]),
  op('GEORADIUS', 1, (c) => [
    c.key('geo'),
    '15',
    '37',
    '5000',
    'km',
    'COUNT',
    '30',
    'ASC',
    'STORE',
    c.key('geo'),
  ]),
  op('GEORADIUSBYMEMBER', 1, (c) => [c.key('geo'), c.member(), '5000', 'km', 'STOREDIST', c.key('zset')]),
];

const DIMENSIONS = 6;

/** An element of this generator alone. @param {Context} c */
const element = (c) => `e${c.tag}.${c.random.int(60)}`;

/**
 * The element is removed before it is added: Redis 8.0 and its own replica come to different vectors when
 * VADD overwrites one. Each key keeps one quantisation, as adding with another is refused.
 * @param {Context} c
 * @returns {Arg[][]}
 */
function vectorAdd(c) {
  const index = c.random.int(6);
  const numbers = times(DIMENSIONS, () => (c.random.next() * 2 - 1).toFixed(4));
  const quantisation = ['Q8', 'NOQUANT', 'BIN'][index % 3] ?? 'Q8';
  const attributes = c.random.chance(0.3) ? ['SETATTR', `{"year":${c.random.int(2030)}}`] : [];
  const name = element(c);
  const key = c.named(`vec:${index}`);
  return [
    ['VREM', key, name],
    ['VADD', key, 'VALUES', String(DIMENSIONS), ...numbers, name, quantisation, ...attributes],
  ];
}

/** @type {readonly import('../op.mjs').Op[]} */
export const VECTOR_OPS = [
  sequence('VADD', 3, vectorAdd),
  op('VREM', 1, (c) => [c.named(`vec:${c.random.int(6)}`), element(c)]),
  op('VSETATTR', 1, (c) => [
    c.named(`vec:${c.random.int(6)}`),
    element(c),
    c.random.pick(['', '{"tag":"x"}']),
  ]),
];
