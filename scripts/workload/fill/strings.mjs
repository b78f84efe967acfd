/** Strings in each encoding, keys with awkward names, HyperLogLogs, bitmaps. */
import { times } from '../context.mjs';

/** @typedef {import('../abilities.mjs').Arg} Arg */
/** @typedef {import('../random.mjs').Random} Random */

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const INTEGERS = [
  '0',
  '-1',
  '127',
  '-128',
  '128',
  '32767',
  '-32768',
  '32768',
  '2147483647',
  '-2147483648',
  '2147483648',
  '9223372036854775807',
  '-9223372036854775808',
];
/** Look like numbers and are not stored as such. */
const ALMOST_INTEGERS = ['007', '+5', '-0', '1.0', '9223372036854775808', ' 1', '12345678901234567890123'];

/** @param {Random} random @returns {Arg[][]} */
export function stringCommands(random) {
  return [
    ['SET', 'string:empty', ''],
    ...INTEGERS.map((n) => ['SET', `string:int:${n}`, n]),
    ...ALMOST_INTEGERS.map((n) => ['SET', `string:almost:${n}`, n]),
    ['SET', 'string:embstr', 'x'.repeat(44)],
    ['SET', 'string:raw', 'abcdefghijklmno'.repeat(3)],
    ['SET', 'string:all-bytes', ALL_BYTES],
    ['SET', 'string:compressible', 'aaaaaaaaab'.repeat(500)],
    [
      'SET',
      'string:compressible:words',
      times(400, () => random.pick(['lorem ', 'ipsum ', 'dolor '])).join(''),
    ],
    ['SET', 'string:noise', random.bytes(5000)],
    ['SET', 'string:1mb', random.bytes(1024 * 1024)],
    ['SET', 'string:1mb:zeros', Buffer.alloc(1024 * 1024)],
    ...[62, 63, 64, 65, 16383, 16384].map((n) => ['SET', `string:length:${n}`, random.bytes(n)]),
    ['APPEND', 'string:appended', 'one'],
    ['APPEND', 'string:appended', 'two'],
    ['SETRANGE', 'string:holes', '1000', 'end'],
    ['INCRBYFLOAT', 'string:float', '3.14159'],
  ];
}

/** @returns {Arg[][]} */
export function awkwardKeyCommands() {
  return [
    ['SET', '', 'the empty key'],
    ['SET', '12345', 'a key that looks like a number'],
    ['SET', '-7', 'so does this'],
    ['SET', '9223372036854775807', 'and this'],
    ['SET', ALL_BYTES, 'every byte in the key'],
    ['SET', Buffer.from([0xc3, 0x28]), 'no UTF-8'],
    ['SET', Buffer.from([0]), 'NUL'],
    ['SET', 'line\r\nbreak $5', 'protocol bytes'],
    ['SET', 'ключ-鍵-🔑', 'UTF-8'],
    ['SET', 'k'.repeat(100), 'long and compressible'],
    ['SET', 'prefix:'.repeat(2000), 'very long'],
    ['RPUSH', Buffer.from([0xff, 0xfe, 0xfd]), Buffer.from([0xff]), ''],
    ['HSET', '{tag}:with "quotes" and spaces', '', ''],
  ];
}

/** @param {Random} random @returns {Arg[][]} */
export function bitAndCardinalityCommands(random) {
  return [
    ['SETBIT', 'bitmap:sparse', '100000', '1'],
    ...times(50, () => ['SETBIT', 'bitmap:dense', String(random.int(4000)), '1']),
    ['BITFIELD', 'bitmap:field', 'SET', 'u16', '#3', '4660', 'SET', 'i64', '#4', '-5'],
    ['PFADD', 'hll:empty'],
    ['PFADD', 'hll:sparse', 'a', 'b', 'c'],
    ...times(20, () => ['PFADD', 'hll:dense', ...times(300, () => `x${random.uint32()}`)]),
    ['PFMERGE', 'hll:merged', 'hll:sparse', 'hll:dense'],
    ['PFCOUNT', 'hll:dense'],
  ];
}
