/**
 * Streams. `xs:` keys are shared between writers and take `*` ids; `own:` keys belong to one generator,
 * which therefore can name entries that exist.
 */
import { loose, op, sequence, since } from '../op.mjs';
import { times } from '../context.mjs';

/** @typedef {import('../context.mjs').Context} Context */
/** @typedef {import('../abilities.mjs').Arg} Arg */

export const GROUPS = ['g1', 'g2'];
const CONSUMERS = ['alice', 'bob', 'carol'];

/** @param {Context} c */
const group = (c) => c.random.pick(GROUPS);
/** @param {Context} c */
const consumer = (c) => c.random.pick(CONSUMERS);
/** @param {Context} c @returns {Arg[]} */
const fields = (c) => times(c.few(3), () => [`f${c.random.int(4)}`, c.value()]).flat();
/** @param {{last: number}} stream @param {Context} c */
const someId = (stream, c) => `${Math.max(1, stream.last - c.random.int(15))}-0`;

/** @param {Context} c @returns {Arg[]} */
function ownAdd(c) {
  const stream = c.own.pick();
  stream.last += c.random.between(1, 3);
  const trim = c.random.chance(0.2) ? ['MAXLEN', c.random.pick(['=', '~']), '60'] : [];
  return [stream.key, ...trim, `${stream.last}-0`, ...fields(c)];
}

/** @param {Context} c @param {(stream: {key: Arg, last: number}) => Arg[]} rest @returns {Arg[]} */
function own(c, rest) {
  const stream = c.own.pick();
  return [stream.key, ...rest(stream)];
}

/** @type {readonly import('../op.mjs').Op[]} */
const ENTRIES = [
  op('XADD', 6, (c) => [c.anyKey('xs'), '*', ...fields(c)]),
  op('XADD', 3, (c) => [c.key('xs'), 'MAXLEN', '~', '100', '*', ...fields(c)]),
  op('XADD', 1, (c) => [c.key('xs'), 'MAXLEN', '~', '90', 'LIMIT', '30', '*', ...fields(c)], since('6.2')),
  op(
    'XADD',
    1,
    (c) => [c.key('xs'), 'MINID', '=', String(c.nowMs + c.random.int(2000)), '*', ...fields(c)],
    since('6.2'),
  ),
  op('XADD', 1, (c) => [c.key('xs'), 'NOMKSTREAM', '*', ...fields(c)], since('6.2')),
  op('XADD', 8, ownAdd),
  op('XADD', 1, (c) => own(c, (s) => [`${(s.last += 2)}-*`, ...fields(c)]), since('7.0')),
  op('XDEL', 3, (c) => own(c, (s) => [someId(s, c), someId(s, c)])),
  op('XDELEX', 1, (c) => own(c, (s) => ['DELREF', 'IDS', '1', someId(s, c)])),
  op('XTRIM', 2, (c) => [c.key('xs'), 'MAXLEN', c.random.pick(['=', '~']), String(c.random.int(100))]),
  op('XTRIM', 1, (c) => own(c, (s) => ['MINID', '=', String(Math.max(0, s.last - 40))]), since('6.2')),
  op('XTRIM', 1, (c) => [c.key('xs'), 'MAXLEN', '~', '10', 'LIMIT', '20'], since('6.2')),
  op('XSETID', 1, (c) => own(c, (s) => [`${(s.last += 5)}-1`])),
  op(
    'XSETID',
    1,
    (c) => own(c, (s) => [`${(s.last += 5)}-1`, 'ENTRIESADDED', String(s.last), 'MAXDELETEDID', '1-0']),
    since('7.0'),
  ),
];

/** @param {Context} c @returns {Arg} */
const streamKey = (c) => (c.faithful || c.random.chance(0.6) ? c.own.pick().key : c.key('xs'));

/**
 * A command in the name of a consumer. Reading or claiming nothing creates a consumer that the primary does
 * not propagate; a faithful workload creates it first, by the command that is propagated.
 * @param {Context} c
 * @param {Arg} key
 * @param {(group: string, consumer: string) => Arg[]} make
 * @returns {Arg[][]}
 */
function asConsumer(c, key, make) {
  const [name, who] = [group(c), consumer(c)];
  const create = ['XGROUP', 'CREATECONSUMER', key, name, who];
  const command = make(name, who);
  return c.faithful && c.abilities.since('6.2') ? [create, command] : [command];
}

/** @param {number} weight @param {(c: Context) => Arg[]} options @param {string} [from] */
function readGroup(weight, options, from = '>') {
  return sequence('XREADGROUP', weight, (c) => {
    const key = streamKey(c);
    const what = [...options(c), 'STREAMS', key, from];
    return asConsumer(c, key, (name, who) => ['XREADGROUP', 'GROUP', name, who, ...what]);
  });
}

/** @param {number} weight @param {(id: () => string) => Arg[]} rest what follows the minimal idle time */
function claim(weight, rest) {
  return sequence('XCLAIM', weight, (c) => {
    const stream = c.own.pick();
    const id = () => someId(stream, c);
    return asConsumer(c, stream.key, (name, who) => ['XCLAIM', stream.key, name, who, '0', ...rest(id)]);
  });
}

/** @param {number} weight @param {Arg[]} rest */
function autoClaim(weight, rest) {
  return sequence('XAUTOCLAIM', weight, (c) => {
    const key = streamKey(c);
    return asConsumer(c, key, (name, who) => ['XAUTOCLAIM', key, name, who, '0', '0', 'COUNT', '5', ...rest]);
  });
}

/** @type {readonly import('../op.mjs').Op[]} */
const GROUP_OPS = [
  op('XGROUP', 7, (c) => ['CREATE', streamKey(c), group(c), c.random.pick(['0', '$']), 'MKSTREAM']),
  op('XGROUP', 1, (c) => ['CREATE', streamKey(c), group(c), '0', 'ENTRIESREAD', '3'], since('7.0')),
  op('XGROUP', 1, (c) => ['SETID', streamKey(c), group(c), c.random.pick(['0', '$', '5-0'])]),
  op('XGROUP', 0.3, (c) => ['DESTROY', streamKey(c), group(c)]),
  op('XGROUP', 1, (c) => ['CREATECONSUMER', streamKey(c), group(c), consumer(c)], since('6.2')),
  op('XGROUP', 0.5, (c) => ['DELCONSUMER', streamKey(c), group(c), consumer(c)]),
  readGroup(6, (c) => ['COUNT', String(c.few(6))]),
  readGroup(2, () => ['COUNT', '3', 'NOACK']),
  // What a consumer reads again counts as delivered again, which the primary keeps to itself.
  loose(readGroup(1, () => ['COUNT', '3'], '0')),
  op('XACK', 4, (c) => own(c, (s) => [group(c), ...times(c.few(6), () => someId(s, c))])),
  op('XACKDEL', 1, (c) =>
    own(c, (s) => [group(c), c.random.pick(['KEEPREF', 'DELREF', 'ACKED']), 'IDS', '1', someId(s, c)]),
  ),
  claim(2, (id) => [id(), id()]),
  claim(1, (id) => [id(), 'FORCE', 'JUSTID']),
  claim(1, (id) => [id(), 'RETRYCOUNT', '7', 'IDLE', '1000']),
  autoClaim(2, []),
  autoClaim(1, ['JUSTID']),
];

/** An entry read, acknowledged by one consumer and claimed by another: all three leave something to replicate. */
const STORY = sequence('XREADGROUP', 1, (c) => {
  const stream = c.own.pick();
  const first = (stream.last += 1);
  const second = (stream.last += 1);
  const name = group(c);
  const create = (/** @type {string} */ who) => ['XGROUP', 'CREATECONSUMER', stream.key, name, who];
  return [
    ['XGROUP', 'CREATE', stream.key, name, '0', 'MKSTREAM'],
    ...(c.faithful && c.abilities.since('6.2') ? [create('alice'), create('bob')] : []),
    ['XADD', stream.key, `${first}-0`, 'a', '1'],
    ['XADD', stream.key, `${second}-0`, 'a', '2'],
    ['XREADGROUP', 'GROUP', name, 'alice', 'COUNT', '100', 'STREAMS', stream.key, '>'],
    ['XACK', stream.key, name, `${first}-0`],
    ['XCLAIM', stream.key, name, 'bob', '0', `${second}-0`],
  ];
});

/** @type {readonly import('../op.mjs').Op[]} */
export const STREAM_OPS = [...ENTRIES, ...GROUP_OPS, STORY];
