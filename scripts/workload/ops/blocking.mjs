/** Reads that wait until another connection writes: their pop is propagated together with the push that serves them. */
import { GROUPS } from './streams.mjs';

/** @typedef {import('../context.mjs').Context} Context */
/** @typedef {import('../abilities.mjs').Arg} Arg */

const WAIT_SECONDS = '0.05';

/** @type {readonly {name: string, make: (c: Context) => Arg[]}[]} */
const BLOCKING = [
  { name: 'BLPOP', make: (c) => ['BLPOP', c.key('list'), c.key('list'), WAIT_SECONDS] },
  { name: 'BRPOP', make: (c) => ['BRPOP', c.key('list'), c.key('list'), WAIT_SECONDS] },
  { name: 'BLMOVE', make: (c) => ['BLMOVE', c.key('list'), c.key('list'), 'LEFT', 'RIGHT', WAIT_SECONDS] },
  { name: 'BRPOPLPUSH', make: (c) => ['BRPOPLPUSH', c.key('list'), c.key('list'), WAIT_SECONDS] },
  {
    name: 'BLMPOP',
    make: (c) => ['BLMPOP', WAIT_SECONDS, '2', c.key('list'), c.key('list'), 'RIGHT', 'COUNT', '3'],
  },
  { name: 'BZPOPMIN', make: (c) => ['BZPOPMIN', c.key('zset'), c.key('zset'), WAIT_SECONDS] },
  { name: 'BZPOPMAX', make: (c) => ['BZPOPMAX', c.key('zset'), WAIT_SECONDS] },
  { name: 'BZMPOP', make: (c) => ['BZMPOP', WAIT_SECONDS, '1', c.key('zset'), 'MIN', 'COUNT', '2'] },
  {
    name: 'XREADGROUP',
    make: (c) => [
      'XREADGROUP',
      'GROUP',
      c.random.pick(GROUPS),
      'waiter',
      'COUNT',
      '2',
      'BLOCK',
      '50',
      'STREAMS',
      c.key('xs'),
      '>',
    ],
  },
];

/**
 * @param {import('../abilities.mjs').Abilities} abilities
 * @param {boolean} faithful without XREADGROUP: a wait for nothing leaves a consumer that is not propagated
 * @returns {readonly {name: string, make: (c: Context) => Arg[]}[]}
 */
export function blockingFor(abilities, faithful) {
  // Before 6.0 the timeout is whole seconds, too long to wait for here.
  return abilities.since('6.0')
    ? BLOCKING.filter(({ name }) => abilities.has(name) && !(faithful && name === 'XREADGROUP'))
    : [];
}
