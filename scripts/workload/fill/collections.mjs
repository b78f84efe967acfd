/** Lists, sets, sorted sets, geo indexes and hashes, each small (packed), large, and around the limits between. */
import { times } from '../context.mjs';

/** @typedef {import('../abilities.mjs').Arg} Arg */
/** @typedef {import('../random.mjs').Random} Random */

/** Elements on both sides of every length and integer width a listpack or ziplist distinguishes. @returns {Arg[]} */
function widthElements() {
  const integers = [
    '0',
    '1',
    '12',
    '13',
    '127',
    '128',
    '-1',
    '-128',
    '-129',
    '4095',
    '4096',
    '-4096',
    '-4097',
    '32767',
    '-32769',
  ];
  const wide = [
    '8388607',
    '-8388609',
    '2147483647',
    '-2147483649',
    '9223372036854775807',
    '-9223372036854775808',
  ];
  const strings = [0, 1, 62, 63, 64, 250, 254, 255, 4094, 4095, 4096].map((n) => 'e'.repeat(n));
  return [...integers, ...wide, ...strings, '00', '1 ', '+1', Buffer.from([0xff, 0x00, 0x80])];
}

/**
 * One write command repeated over slices, so that no single request is huge.
 * @param {Arg[]} head
 * @param {Arg[]} items
 * @param {number} [slice]
 * @returns {Arg[][]}
 */
function inSlices(head, items, slice = 500) {
  /** @type {Arg[][]} */
  const commands = [];
  for (let i = 0; i < items.length; i += slice) commands.push([...head, ...items.slice(i, i + slice)]);
  return commands;
}

/** @param {Random} random @returns {Arg[][]} */
export function listCommands(random) {
  return [
    ['RPUSH', 'list:one', 'only'],
    ['RPUSH', 'list:widths', ...widthElements()],
    ...inSlices(
      ['RPUSH', 'list:nodes'],
      times(5000, () => `element-${random.int(1e6)}`),
    ),
    ...inSlices(
      ['LPUSH', 'list:integers'],
      times(3000, () => String(random.between(-1e6, 1e6))),
    ),
    [
      'RPUSH',
      'list:plain',
      random.bytes(10_000),
      'small',
      'z'.repeat(20_000),
      'small',
      random.bytes(100_000),
    ],
    ['RPUSH', 'list:plain:only', random.bytes(70_000)],
    ...inSlices(
      ['RPUSH', 'list:compressible'],
      times(2000, () => 'same words again and again '.repeat(4)),
    ),
  ];
}

/** @param {Random} random @returns {Arg[][]} */
export function setCommands(random) {
  return [
    ['SADD', 'set:int16', '1', '-32768', '32767', '0'],
    ['SADD', 'set:int32', '1', '-2147483648', '2147483647'],
    ['SADD', 'set:int64', '1', '-9223372036854775808', '9223372036854775807'],
    ...inSlices(
      ['SADD', 'set:int16:many'],
      times(500, () => String(random.between(-30_000, 30_000))),
    ),
    ...inSlices(
      ['SADD', 'set:int:hashtable'],
      times(2000, () => String(random.between(-1e9, 1e9))),
    ),
    ['SADD', 'set:packed', 'a', 'b', '3', '', Buffer.from([0, 255])],
    ['SADD', 'set:widths', ...widthElements()],
    ...inSlices(
      ['SADD', 'set:hashtable'],
      times(3000, () => `member:${random.uint32()}`),
    ),
  ];
}

const SCORES = [
  'inf',
  '-inf',
  '-0',
  '0',
  '1',
  '-1',
  '0.1',
  '3.0000000000000004',
  '1e-320',
  '1.7976931348623157e308',
  '-2.5',
  '9007199254740993',
  '12345678901234567890',
];

/** @param {Random} random @returns {Arg[][]} */
export function zsetCommands(random) {
  const scored = () => [String(random.next() * 2e6 - 1e6), `member:${random.uint32()}`];
  return [
    ['ZADD', 'zset:scores', ...SCORES.flatMap((score) => [score, `at ${score}`])],
    ['ZADD', 'zset:same', ...['b', 'a', 'c', '10', '9'].flatMap((member) => ['1', member])],
    ['ZADD', 'zset:widths', ...widthElements().flatMap((member, i) => [String(i / 3), member])],
    ...inSlices(['ZADD', 'zset:skiplist'], times(3000, scored).flat()),
    ['ZADD', 'zset:skiplist', ...SCORES.flatMap((score) => [score, `at ${score}`])],
    ['ZADD', 'zset:skiplist:long', '1.5', 'm'.repeat(300), '2', 'n'],
    [
      'GEOADD',
      'geo:cities',
      '13.361389',
      '38.115556',
      'Palermo',
      '15.087269',
      '37.502669',
      'Catania',
      '-0.1278',
      '51.5074',
      'London',
    ],
  ];
}

/** @param {Random} random @returns {Arg[][]} */
export function hashCommands(random) {
  const pair = () => [`field:${random.uint32()}`, `value:${random.uint32()}`];
  return [
    ['HSET', 'hash:one', 'f', 'v'],
    ['HSET', 'hash:widths', ...widthElements().flatMap((field) => [field, field])],
    ['HSET', 'hash:packed', ...times(100, pair).flat()],
    ['HSET', 'hash:empty-names', '', 'empty field', 'empty value', ''],
    ...inSlices(['HSET', 'hash:hashtable'], times(3000, pair).flat()),
    ['HSET', 'hash:big-value', 'f', random.bytes(50_000)],
    ['HINCRBYFLOAT', 'hash:numbers', 'f', '1.25'],
    ['HINCRBY', 'hash:numbers', 'n', '-9'],
  ];
}

/** @param {Random} random @returns {Arg[][]} needs HPEXPIRE */
export function fieldTtlCommands(random) {
  const names = times(1200, () => `field:${random.uint32()}`);
  return [
    ['HSET', 'hash:ttl:packed', 'never', '1', 'long', '2', 'longer', '3', 'short', '4', '', '5'],
    ['HPEXPIRE', 'hash:ttl:packed', '90000000', 'FIELDS', '2', 'long', ''],
    ['HPEXPIRE', 'hash:ttl:packed', '99000000000', 'FIELDS', '1', 'longer'],
    ['HPEXPIRE', 'hash:ttl:packed', '4000', 'FIELDS', '1', 'short'],
    ...inSlices(
      ['HSET', 'hash:ttl:hashtable'],
      names.flatMap((name) => [name, 'v']),
      1000,
    ),
    ['HPEXPIRE', 'hash:ttl:hashtable', '80000000', 'FIELDS', '300', ...names.slice(0, 300)],
    ['HPEXPIRE', 'hash:ttl:hashtable', '3000', 'FIELDS', '100', ...names.slice(300, 400)],
    ['HSET', 'hash:ttl:with-key-ttl', 'a', '1', 'b', '2'],
    ['HPEXPIRE', 'hash:ttl:with-key-ttl', '70000000', 'FIELDS', '1', 'a'],
    ['PEXPIRE', 'hash:ttl:with-key-ttl', '80000000'],
    ['HSET', 'hash:ttl:persisted', 'a', '1'],
    ['HPEXPIRE', 'hash:ttl:persisted', '70000000', 'FIELDS', '1', 'a'],
    ['HPERSIST', 'hash:ttl:persisted', 'FIELDS', '1', 'a'],
    ['HSET', 'hash:ttl:all', 'a', '1'],
    ['HPEXPIRE', 'hash:ttl:all', '70000000', 'FIELDS', '1', 'a'],
  ];
}
