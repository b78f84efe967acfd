/** Strings, counters, bitmaps, HyperLogLogs. */
import { op, sequence, since, knows } from '../op.mjs';
import { times } from '../context.mjs';

/** @typedef {import('../context.mjs').Context} Context */

/** @param {Context} c @returns {string[]} */
function setExpiry(c) {
  const seconds = c.lifeSeconds(100_000);
  return c.random.pick([
    ['EX', String(seconds)],
    ['PX', String(seconds * 1000 + 7)],
    ['PX', c.soonMs()],
    ['EXAT', String(Math.floor(c.nowMs / 1000) + seconds)],
    ['PXAT', String(c.nowMs + seconds * 1000)],
    ['KEEPTTL'],
  ]);
}

/** @param {Context} c @returns {string[]} */
function getexExpiry(c) {
  return c.random.chance(0.25) ? ['PERSIST'] : setExpiry(c).filter((word) => word !== 'KEEPTTL');
}

/** @type {readonly import('../op.mjs').Op[]} */
export const STRING_OPS = [
  op('SET', 20, (c) => [c.key('str'), c.value()]),
  op('SET', 8, (c) => [c.key('str'), c.value(), ...setExpiry(c)], since('6.2')),
  op('SET', 3, (c) => [c.key('str'), c.value(), c.random.pick(['NX', 'XX'])]),
  op('SET', 3, (c) => [c.key('str'), c.value(), 'XX', 'GET', 'PX', c.soonMs()], since('6.2')),
  op('SET', 2, (c) => [c.key('str'), c.value(), 'NX', 'GET'], since('7.0')),
  op('SET', 1, (c) => [c.key('num'), '5', 'IFEQ', String(c.random.int(5))], knows('DELIFEQ')),
  op('SETNX', 2, (c) => [c.key('str'), c.value()]),
  op('SETEX', 2, (c) => [c.key('str'), String(c.lifeSeconds(90_000)), c.value()]),
  op('PSETEX', 4, (c) => [c.key('str'), c.soonMs(), c.value()]),
  op('GETSET', 2, (c) => [c.key('str'), c.value()]),
  op('GETDEL', 1, (c) => [c.key('str')]),
  op('GETEX', 3, (c) => [c.key('str'), ...getexExpiry(c)]),
  op('MSET', 4, (c) => times(c.few(5), () => [c.key('str'), c.value()]).flat()),
  op('MSETNX', 1, (c) => times(c.few(3), () => [c.key('str'), c.value()]).flat()),
  sequence('MSETEX', 1, (c) => [
    ['MSETEX', '2', c.key('str'), c.value(), c.key('str'), c.value(), 'PX', c.soonMs()],
  ]),
  op('APPEND', 5, (c) => [c.anyKey('str'), c.random.bytes(c.random.int(30))]),
  op('SETRANGE', 3, (c) => [c.key('str'), String(c.random.int(2000)), c.random.bytes(c.few(20))]),
  op('DELEX', 1, (c) => [c.key('num'), 'IFEQ', String(c.random.int(5))]),
  op('DELIFEQ', 1, (c) => [c.key('num'), String(c.random.int(5))]),
  op('SET', 4, (c) => [c.key('num'), String(c.random.int(1000))]),
  op('INCR', 6, (c) => [c.anyKey('num')]),
  op('DECR', 3, (c) => [c.key('num')]),
  op('INCRBY', 3, (c) => [c.key('num'), String(c.random.between(-999, 999_999))]),
  op('DECRBY', 3, (c) => [c.key('num'), String(c.random.between(-999, 999))]),
  op('INCRBYFLOAT', 3, (c) => [c.key('num'), (c.random.next() * 10 - 5).toFixed(6)]),
];

/** @type {readonly import('../op.mjs').Op[]} */
export const BIT_OPS = [
  op('SETBIT', 6, (c) => [c.anyKey('bit'), String(c.random.int(9000)), String(c.random.int(2))]),
  op('BITFIELD', 4, (c) => {
    const at = `#${c.random.int(60)}`;
    return [
      c.key('bit'),
      'SET',
      'u8',
      at,
      String(c.random.int(256)),
      'OVERFLOW',
      'SAT',
      'INCRBY',
      'i16',
      at,
      '900',
    ];
  }),
  op('BITOP', 2, (c) => [c.random.pick(['AND', 'OR', 'XOR']), c.key('bit'), c.key('bit'), c.key('bit')]),
  op('BITOP', 1, (c) => ['NOT', c.key('bit'), c.key('bit')]),
  op('PFADD', 6, (c) => [c.anyKey('hll'), ...times(c.few(20), () => c.member())]),
  op('PFADD', 1, (c) => [c.key('hll'), ...times(60, () => `wide${c.random.uint32()}`)]),
  op('PFMERGE', 2, (c) => [c.key('hll'), c.key('hll'), c.key('hll')]),
  // Counting writes too: it stores the cached cardinality, and the primary propagates that.
  op('PFCOUNT', 2, (c) => [c.key('hll')]),
];
