/** Streams, keys with a time to live, functions and scripts, vector sets. */
import { times } from '../context.mjs';
import { LIBRARY } from '../ops/scripts.mjs';

/** @typedef {import('../abilities.mjs').Arg} Arg */
/** @typedef {import('../abilities.mjs').Abilities} Abilities */
/** @typedef {import('../random.mjs').Random} Random */

/** @param {Random} random @returns {Arg[][]} several nodes, runs of equal field names and changes between them */
function bigStream(random) {
  return Array.from({ length: 1000 }, (_, i) => {
    const fields =
      i % 50 === 49
        ? ['other', 'x', 'names', 'y', 'here', 'z']
        : ['sensor', String(random.int(100)), 'value', String(random.next())];
    return ['XADD', 'stream:nodes', id(i), ...fields];
  });
}

/** The id of the i-th entry of `stream:nodes`. @param {number} i @returns {string} */
const id = (i) => `${1000 + i}-${i % 3}`;

/** @param {string} key @param {Abilities} abilities @returns {Arg[][]} */
function groupCommands(key, abilities) {
  return [
    ['XGROUP', 'CREATE', key, 'workers', '0'],
    ['XGROUP', 'CREATE', key, 'late', '$'],
    ['XGROUP', 'CREATE', key, 'untouched', '0'],
    ['XREADGROUP', 'GROUP', 'workers', 'alice', 'COUNT', '300', 'STREAMS', key, '>'],
    ['XREADGROUP', 'GROUP', 'workers', 'bob', 'COUNT', '100', 'STREAMS', key, '>'],
    // There is nothing to read, and a primary does not propagate a consumer that was made by reading nothing.
    ...(abilities.since('6.2') ? [['XGROUP', 'CREATECONSUMER', key, 'late', 'waiting']] : []),
    ['XREADGROUP', 'GROUP', 'late', 'waiting', 'COUNT', '1', 'STREAMS', key, '>'],
    ['XACK', key, 'workers', ...times(50, () => '').map((_, i) => id(i * 2))],
    ['XCLAIM', key, 'workers', 'carol', '0', id(1), id(3), id(301)],
    ['XCLAIM', key, 'workers', 'carol', '0', id(5), 'RETRYCOUNT', '9', 'IDLE', '5000'],
    ...(abilities.since('6.2') ? [['XGROUP', 'CREATECONSUMER', key, 'workers', 'idle-one']] : []),
    // Entries deleted while still pending, whole nodes deleted, holes inside nodes.
    ['XDEL', key, id(1), id(7), id(350), id(999)],
    ['XDEL', key, ...times(150, () => '').map((_, i) => id(400 + i))],
  ];
}

/** @param {Random} random @param {Abilities} abilities @returns {Arg[][]} */
export function streamCommands(random, abilities) {
  return [
    ['XADD', 'stream:one', '1-1', 'f', 'v'],
    ['XADD', 'stream:auto', '*', 'all bytes', random.bytes(300), '', ''],
    ...bigStream(random),
    ...groupCommands('stream:nodes', abilities),
    ['XADD', 'stream:emptied', '5-5', 'a', '1'],
    ['XADD', 'stream:emptied', '6-0', 'a', '2'],
    ['XGROUP', 'CREATE', 'stream:emptied', 'g', '0'],
    ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'stream:emptied', '>'],
    ['XDEL', 'stream:emptied', '5-5', '6-0'],
    ['XGROUP', 'CREATE', 'stream:never-filled', 'g', '$', 'MKSTREAM'],
    ['XADD', 'stream:setid', '1-0', 'a', '1'],
    ['XSETID', 'stream:setid', '18446744073709551614-5'],
    ...(abilities.since('7.0')
      ? [['XSETID', 'stream:setid', '18446744073709551614-7', 'ENTRIESADDED', '1000', 'MAXDELETEDID', '9-9']]
      : []),
    ...times(300, () => ['XADD', 'stream:trimmed', 'MAXLEN', '~', '100', '*', 'n', String(random.int(1e9))]),
    ['XADD', 'stream:max-id', '18446744073709551615-18446744073709551615', 'last', 'possible'],
  ];
}

/** @returns {Arg[][]} */
export function expiringCommands() {
  return [
    ['SET', 'ttl:days', 'v', 'EX', '864000'],
    ['SET', 'ttl:ms', 'v', 'PX', '7200123'],
    ['SET', 'ttl:seconds', 'v', 'PX', '2500'],
    ['SET', 'ttl:soon', 'v', 'PX', '300'],
    ['SET', 'ttl:far', 'v', 'EX', '4000000000'],
    ['SET', 'ttl:persisted', 'v', 'EX', '100'],
    ['PERSIST', 'ttl:persisted'],
    ['RPUSH', 'ttl:list', 'a', 'b'],
    ['EXPIRE', 'ttl:list', '5000'],
    ['SADD', 'ttl:set', '1', '2'],
    ['EXPIRE', 'ttl:set', '5000'],
    ['ZADD', 'ttl:zset', '1', 'a'],
    ['PEXPIRE', 'ttl:zset', '1500'],
    ['HSET', 'ttl:hash', 'a', '1'],
    ['EXPIRE', 'ttl:hash', '5000'],
    ['XADD', 'ttl:stream', '1-1', 'a', '1'],
    ['EXPIRE', 'ttl:stream', '5000'],
  ];
}

/** @param {Abilities} abilities @returns {Arg[][]} */
export function scriptAndFunctionCommands(abilities) {
  const load = [
    ['SCRIPT', 'LOAD', 'return 1'],
    ['SCRIPT', 'LOAD', "return redis.call('GET',KEYS[1])"],
  ];
  if (!abilities.has('FUNCTION')) return load;
  const other =
    "#!lua name=fill\nredis.register_function{function_name='fill_echo', callback=function(_, args) return args[1] end, description='says it again'}\n";
  return [...load, ['FUNCTION', 'LOAD', 'REPLACE', LIBRARY], ['FUNCTION', 'LOAD', 'REPLACE', other]];
}

/** @param {Random} random @returns {Arg[][]} needs VADD */
export function vectorCommands(random) {
  /** @param {string} key @param {number} count @param {number} dimensions @param {string[]} rest */
  const fill = (key, count, dimensions, rest) =>
    Array.from({ length: count }, (_, i) => {
      const values = times(dimensions, () => (random.next() * 2 - 1).toFixed(5));
      return ['VADD', key, 'VALUES', String(dimensions), ...values, `element:${i}`, ...rest];
    });
  return [
    ...fill('vector:q8', 200, 8, ['Q8']),
    ...fill('vector:f32', 30, 5, ['NOQUANT', 'M', '8']),
    ...fill('vector:bin', 30, 64, ['BIN']),
    ...fill('vector:attributes', 20, 3, ['SETATTR', '{"year":1984,"name":"x"}']),
    [
      'VADD',
      'vector:reduced',
      'REDUCE',
      '4',
      'VALUES',
      '8',
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
      'reduced',
    ],
    ['VREM', 'vector:q8', 'element:7'],
  ];
}
