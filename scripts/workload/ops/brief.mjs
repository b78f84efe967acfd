/**
 * Keys and fields that live for milliseconds and are never touched again but to be made anew: whoever
 * applies these commands late comes to the same end. They belong to one generator, and so to one connection.
 */
import { op, sequence } from '../op.mjs';

/** @typedef {import('../context.mjs').Context} Context */

const SET_BRIEFLY = "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2]) return redis.call('PTTL',KEYS[1])";

/** @param {Context} c @param {string} kind @returns {import('../abilities.mjs').Arg} */
const briefKey = (c, kind) => c.named(`brief:${c.tag}:${kind}:${c.random.int(100)}`);
/** @param {Context} c @returns {string} */
const briefMs = (c) => String(c.random.between(5, 500));

/** @type {readonly import('../op.mjs').Op[]} */
export const BRIEF_OPS = [
  op('SET', 4, (c) => [briefKey(c, 'string'), c.value(), 'PX', briefMs(c)]),
  op('PSETEX', 2, (c) => [briefKey(c, 'string'), briefMs(c), c.value()]),
  op('EVAL', 1, (c) => [SET_BRIEFLY, '1', briefKey(c, 'string'), c.value(), briefMs(c)]),
  sequence('PEXPIRE', 2, (c) => {
    const key = briefKey(c, 'list');
    return [
      ['DEL', key],
      ['RPUSH', key, c.value(), c.value()],
      ['PEXPIRE', key, briefMs(c)],
    ];
  }),
  sequence('HPEXPIRE', 2, (c) => {
    const key = briefKey(c, 'hash');
    return [
      ['DEL', key],
      ['HSET', key, 'short', c.value(), 'long', '1'],
      ['HPEXPIRE', key, briefMs(c), 'FIELDS', '1', 'short'],
    ];
  }),
];
