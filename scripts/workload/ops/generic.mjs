/** Commands on any key: expiry, rename, copy, move, delete, SORT STORE, RESTORE; and on whole databases. */
import { acrossDatabases, op, sequence, since } from '../op.mjs';
import { stringPayload } from '../crc64.mjs';

/** @typedef {import('../context.mjs').Context} Context */

/** Source and destination of one kind, so that a rename does not turn every key into another type. @param {Context} c */
function twoKeys(c) {
  const kind = c.kind();
  return [c.key(kind), c.key(kind)];
}

/** @type {readonly import('../op.mjs').Op[]} */
export const KEY_OPS = [
  op('DEL', 4, (c) => [c.key(c.kind()), c.key(c.kind())]),
  op('UNLINK', 3, (c) => [c.key(c.kind())]),
  op('UNLINK', 1, (c) => [c.key(c.kind()), c.key(c.kind()), c.key(c.kind())]),
  op('EXPIRE', 3, (c) => [c.key(c.kind()), String(c.lifeSeconds(50_000))]),
  op('EXPIRE', 1, (c) => [c.key(c.kind()), '5000', c.random.pick(['NX', 'XX', 'GT', 'LT'])], since('7.0')),
  op('EXPIRE', 0.5, (c) => [c.key(c.kind()), '-1']),
  op('PEXPIRE', 4, (c) => [c.key(c.kind()), c.soonMs()]),
  op('EXPIREAT', 1, (c) => [c.key(c.kind()), String(Math.floor(c.nowMs / 1000) + c.lifeSeconds(9000))]),
  op('PEXPIREAT', 1, (c) => [
    c.key(c.kind()),
    String(c.nowMs + c.lifeSeconds(9000) * 1000 - c.random.int(1000)),
  ]),
  op('PERSIST', 3, (c) => [c.key(c.kind())]),
  op('RENAME', 2, (c) => twoKeys(c)),
  op('RENAMENX', 1, (c) => twoKeys(c)),
  op('COPY', 2, (c) => [...twoKeys(c), 'REPLACE']),
  acrossDatabases(op('COPY', 2, (c) => [...twoKeys(c), 'DB', String(c.otherDb()), 'REPLACE'])),
  acrossDatabases(op('MOVE', 2, (c) => [c.key(c.kind()), String(c.otherDb())])),
  op('TOUCH', 1, (c) => [c.key(c.kind())]),
  op('SORT', 2, (c) => [c.key('iset'), 'DESC', 'LIMIT', '0', '40', 'STORE', c.key('list')]),
  op('SORT', 1, (c) => [c.key('set'), 'ALPHA', 'STORE', c.key('list')]),
  op('RESTORE', 2, (c) => [c.key('str'), '0', stringPayload(c.random.bytes(c.random.int(60))), 'REPLACE']),
  op('RESTORE', 1, (c) => [c.key('str'), c.soonMs(), stringPayload(Buffer.from('7')), 'REPLACE']),
  op('RESTORE', 1, (c) => [
    c.key('str'),
    String(c.nowMs + 2_000_000),
    stringPayload(Buffer.from('at')),
    'ABSTTL',
    'REPLACE',
  ]),
  op('PUBLISH', 2, (c) => [`channel:${c.random.int(5)}`, c.value()]),
  op('SPUBLISH', 1, (c) => [c.named(`shard:${c.random.int(5)}`), c.value()]),
  // Short-lived, touched again near its end, sometimes saved at the last moment.
  sequence('PERSIST', 2, (c) => {
    const key = c.key('num');
    return [
      ['SET', key, '1', 'PX', c.soonMs()],
      ['INCR', key],
      ...(c.random.chance(0.3) ? [['PERSIST', key]] : []),
    ];
  }),
];

/** The only database there is becomes empty, about once in ten thousand commands. @type {import('../op.mjs').Op} */
export const FLUSH_OP = op('FLUSHDB', 0.05, (c) => c.random.pick([[], ['ASYNC']]));

/**
 * Rare operations on whole databases. FLUSHDB only ever happens in the database set apart for it.
 * @param {number} flushDb
 * @returns {readonly import('../op.mjs').Op[]}
 */
export function databaseOps(flushDb) {
  return [
    op('SWAPDB', 0.1, (c) => [String(c.otherDb()), String(c.otherDb())]),
    sequence(
      'FLUSHDB',
      0.3,
      (c) => [
        ['SELECT', String(flushDb)],
        ['SET', c.key('str'), c.value()],
        ['RPUSH', c.key('list'), 'a', 'b'],
        ['FLUSHDB', c.random.pick(['ASYNC', 'SYNC'])],
        ['SET', c.key('str'), 'after the flush'],
        ['SELECT', String(c.db)],
      ],
      since('6.2'),
    ),
  ];
}
