/** Lists, sets and hashes. */
import { op, since } from '../op.mjs';
import { times } from '../context.mjs';

/** @typedef {import('../context.mjs').Context} Context */
/** @typedef {import('../abilities.mjs').Arg} Arg */

/** @param {Context} c */
const side = (c) => c.random.pick(['LEFT', 'RIGHT']);
/** @param {Context} c */
const listItem = (c) => (c.random.chance(0.5) ? c.member() : c.value());
/** @param {Context} c @param {number} most */
const listItems = (c, most) => times(c.few(most), () => listItem(c));

/** @type {readonly import('../op.mjs').Op[]} */
export const LIST_OPS = [
  op('LPUSH', 8, (c) => [c.anyKey('list'), ...listItems(c, 8)]),
  op('RPUSH', 8, (c) => [c.anyKey('list'), ...listItems(c, 8)]),
  op('LPUSHX', 1, (c) => [c.key('list'), listItem(c)]),
  op('RPUSHX', 1, (c) => [c.key('list'), listItem(c)]),
  op('LPOP', 4, (c) => [c.key('list')]),
  op('RPOP', 4, (c) => [c.key('list')]),
  op('LPOP', 1, (c) => [c.key('list'), String(c.few(6))], since('6.2')),
  op('RPOP', 1, (c) => [c.key('list'), String(c.few(6))], since('6.2')),
  op('LSET', 2, (c) => [c.key('list'), String(c.random.between(-3, 3)), listItem(c)]),
  op('LINSERT', 3, (c) => [c.key('list'), c.random.pick(['BEFORE', 'AFTER']), c.member(), listItem(c)]),
  op('LREM', 3, (c) => [c.key('list'), String(c.random.between(-2, 2)), c.member()]),
  op('LTRIM', 4, (c) => [c.key('list'), '0', String(c.random.between(20, 200))]),
  op('RPOPLPUSH', 2, (c) => [c.key('list'), c.key('list')]),
  op('LMOVE', 3, (c) => [c.key('list'), c.key('list'), side(c), side(c)]),
  op('LMPOP', 2, (c) => ['2', c.key('list'), c.key('list'), side(c), 'COUNT', String(c.few(4))]),
  // On lists that hold something these are served at once; the really blocking ones are in blocking.mjs.
  op('BLPOP', 0.3, (c) => [c.key('list'), c.key('list'), '0.01'], since('6.0')),
  op('BRPOP', 0.3, (c) => [c.key('list'), '0.01'], since('6.0')),
  op('BRPOPLPUSH', 0.3, (c) => [c.key('list'), c.key('list'), '0.01'], since('6.0')),
  op('BLMOVE', 0.3, (c) => [c.key('list'), c.key('list'), side(c), side(c), '0.01']),
  op('BLMPOP', 0.3, (c) => ['0.01', '1', c.key('list'), side(c), 'COUNT', '2']),
];

/** @param {Context} c */
const integer = (c) =>
  String(c.random.pick([c.random.int(500), 40_000 + c.random.int(500), 5_000_000_000 + c.random.int(50)]));

/** @type {readonly import('../op.mjs').Op[]} */
export const SET_OPS = [
  op('SADD', 8, (c) => [c.anyKey('set'), ...times(c.few(10), () => c.member())]),
  op('SADD', 1, (c) => [c.key('set'), c.value()]),
  op('SADD', 5, (c) => [c.key('iset'), ...times(c.few(10), () => integer(c))]),
  op('SREM', 3, (c) => [c.key('set'), ...times(c.few(5), () => c.member())]),
  op('SREM', 2, (c) => [c.key('iset'), integer(c), integer(c)]),
  op('SPOP', 3, (c) => [c.key('set')]),
  op('SPOP', 2, (c) => [c.key(c.random.pick(['set', 'iset'])), String(c.few(10))]),
  op('SPOP', 0.3, (c) => [c.key('iset'), '100000']),
  op('SMOVE', 3, (c) => [c.key('set'), c.key('set'), c.member()]),
  op('SINTERSTORE', 2, (c) => [c.key('set'), c.key('set'), c.key('iset')]),
  op('SUNIONSTORE', 2, (c) => [c.key('set'), c.key('set'), c.key('set')]),
  op('SDIFFSTORE', 2, (c) => [c.key('iset'), c.key('iset'), c.key('iset')]),
];

/** @param {Context} c @returns {string} */
const field = (c) => `f${c.random.int(150)}`;
/** @param {Context} c @returns {Arg[]} */
const pair = (c) => [field(c), c.value()];
/** @param {Context} c @returns {string[]} */
const fieldList = (c) => {
  const names = [...new Set(times(c.few(4), () => field(c)))];
  return ['FIELDS', String(names.length), ...names];
};

/** @type {readonly import('../op.mjs').Op[]} */
export const HASH_OPS = [
  op('HSET', 10, (c) => [c.anyKey('hash'), ...times(c.few(6), () => pair(c)).flat()]),
  op('HMSET', 2, (c) => [c.key('hash'), ...times(c.few(4), () => pair(c)).flat()]),
  op('HSETNX', 2, (c) => [c.key('hash'), ...pair(c)]),
  op('HDEL', 4, (c) => [c.key('hash'), ...times(c.few(4), () => field(c))]),
  op('HINCRBY', 4, (c) => [c.key('hash'), `n${c.random.int(20)}`, String(c.random.between(-99, 99))]),
  op('HINCRBYFLOAT', 3, (c) => [c.key('hash'), `n${c.random.int(20)}`, (c.random.next() * 9).toFixed(4)]),
];

/** @param {Context} c @returns {string} */
const fieldMs = (c) => (c.random.chance(0.5) ? c.soonMs() : String(c.lifeSeconds(9000) * 1000));

/** @type {readonly import('../op.mjs').Op[]} */
export const FIELD_TTL_OPS = [
  op('HEXPIRE', 2, (c) => [c.key('hash'), String(c.lifeSeconds(9000)), ...fieldList(c)]),
  op('HPEXPIRE', 4, (c) => [c.key('hash'), fieldMs(c), ...fieldList(c)]),
  op('HPEXPIRE', 1, (c) => [
    c.key('hash'),
    fieldMs(c),
    c.random.pick(['NX', 'XX', 'GT', 'LT']),
    ...fieldList(c),
  ]),
  op('HPEXPIRE', 0.5, (c) => [c.key('hash'), '0', ...fieldList(c)]),
  op('HEXPIREAT', 1, (c) => [
    c.key('hash'),
    String(Math.floor(c.nowMs / 1000) + c.lifeSeconds(9000)),
    ...fieldList(c),
  ]),
  op('HPEXPIREAT', 2, (c) => [c.key('hash'), String(c.nowMs + Number(fieldMs(c))), ...fieldList(c)]),
  op('HPERSIST', 2, (c) => [c.key('hash'), ...fieldList(c)]),
  op('HGETDEL', 2, (c) => [c.key('hash'), ...fieldList(c)]),
  op('HGETEX', 2, (c) => [
    c.key('hash'),
    ...c.random.pick([['PX', fieldMs(c)], ['PERSIST'], ['EX', '5000']]),
    ...fieldList(c),
  ]),
  op('HSETEX', 3, (c) => {
    const expiry = c.random.pick([
      ['PX', fieldMs(c)],
      ['EX', '4000'],
      ['KEEPTTL'],
      ['FXX', 'PX', fieldMs(c)],
    ]);
    return [c.key('hash'), ...expiry, 'FIELDS', '2', ...pair(c), ...pair(c)];
  }),
];
