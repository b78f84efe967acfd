/** Lua scripts and (Redis 7, Valkey) functions: one call, several writes, sometimes in several databases. */
import { createHash } from 'node:crypto';
import { acrossDatabases, op, since } from '../op.mjs';

/** @typedef {import('../context.mjs').Context} Context */

const SET_ALL = "for i=1,#KEYS do redis.call('SET',KEYS[i],ARGV[i]) end return #KEYS";
const MIXED =
  "redis.call('LPUSH',KEYS[1],ARGV[1]) redis.call('SADD',KEYS[2],ARGV[1]) redis.call('HSET',KEYS[3],ARGV[1],ARGV[2]) return redis.call('INCR',KEYS[4])";
const EXPIRING =
  "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2]) redis.call('PEXPIRE',KEYS[2],ARGV[2]) return redis.call('TTL',KEYS[1])";
const OTHER_DB =
  "redis.call('SET',KEYS[1],'here') redis.call('SELECT',ARGV[1]) redis.call('SET',KEYS[1],'there') return 1";
const COPY_BY_DUMP =
  "local d=redis.call('DUMP',KEYS[1]) if d then redis.call('RESTORE',KEYS[2],ARGV[1],d,'REPLACE') end return d and 1 or 0";
const FAILS_MIDWAY =
  "redis.call('SET',KEYS[1],'before') redis.pcall('LPUSH',KEYS[1],'x') redis.call('SET',KEYS[2],'after') return redis.call('LPUSH',KEYS[1],'x')";
const RANDOM = "local m=redis.call('SPOP',KEYS[1],3) redis.call('XADD',KEYS[2],'*','n',#m) return #m";
/** Known to the server by SCRIPT LOAD before the writers start. */
const COUNTER = "local n=redis.call('INCRBY',KEYS[1],ARGV[1]) redis.call('ZADD',KEYS[2],n,ARGV[2]) return n";

/** @param {string} body */
const sha1 = (body) => createHash('sha1').update(body).digest('hex');

export const LIBRARY = `#!lua name=workload
redis.register_function('wl_set_two', function(keys, args)
  redis.call('SET', keys[1], args[1])
  return redis.call('SET', keys[2], args[2])
end)
redis.register_function('wl_push_and_count', function(keys, args)
  redis.call('RPUSH', keys[1], args[1], args[1])
  redis.call('HINCRBY', keys[2], 'pushes', 2)
  return redis.call('LLEN', keys[1])
end)
redis.register_function{function_name='wl_len', callback=function(keys) return redis.call('LLEN', keys[1]) end, flags={'no-writes'}}
`;

/** @param {Context} c @returns {string} */
const libraryNamed = (c) => {
  const n = c.random.int(4);
  return `#!lua name=extra${n}\nredis.register_function('extra_${n}_${c.random.int(3)}', function() return 1 end)\n`;
};

/** @type {readonly import('../op.mjs').Op[]} */
export const SCRIPT_OPS = [
  op('EVAL', 3, (c) => [
    SET_ALL,
    '3',
    c.key('str'),
    c.key('str'),
    c.key('str'),
    c.value(),
    c.value(),
    c.value(),
  ]),
  op('EVAL', 3, (c) => [
    MIXED,
    '4',
    c.key('list'),
    c.key('set'),
    c.key('hash'),
    c.key('num'),
    c.member(),
    c.value(),
  ]),
  op('EVAL', 2, (c) => [EXPIRING, '2', c.key('str'), c.key(c.kind()), c.value(), c.soonMs()]),
  acrossDatabases(op('EVAL', 1, (c) => [OTHER_DB, '1', c.key('str'), String(c.otherDb())])),
  op('EVAL', 1, (c) => [
    COPY_BY_DUMP,
    '2',
    c.key('hash'),
    c.key('hash'),
    c.random.pick(['0', '3000000', c.soonMs()]),
  ]),
  op('EVAL', 1, (c) => [COPY_BY_DUMP, '2', c.key('zset'), c.key('zset'), '0']),
  op('EVAL', 1, (c) => [COPY_BY_DUMP, '2', c.key('xs'), c.key('xs'), '0']),
  op('EVAL', 1, (c) => [FAILS_MIDWAY, '2', c.key('str'), c.key('str')]),
  op('EVAL', 1, (c) => [RANDOM, '2', c.key('set'), c.key('xs')], since('5.0')),
  op('EVALSHA', 2, (c) => [
    sha1(COUNTER),
    '2',
    c.key('num'),
    c.key('zset'),
    String(c.random.int(50)),
    c.member(),
  ]),
  op('FCALL', 3, (c) => ['wl_set_two', '2', c.key('str'), c.key('str'), c.value(), c.value()]),
  op('FCALL', 2, (c) => ['wl_push_and_count', '2', c.key('list'), c.key('hash'), c.value()]),
  op('FUNCTION', 0.3, (c) => ['LOAD', 'REPLACE', libraryNamed(c)]),
  op('FUNCTION', 0.1, (c) => ['DELETE', `extra${c.random.int(4)}`]),
];

/** @param {import('../abilities.mjs').Abilities} abilities @returns {string[][]} what the scripts above need */
export function scriptSetup(abilities) {
  const load = [['SCRIPT', 'LOAD', COUNTER]];
  return abilities.has('FUNCTION') ? [...load, ['FUNCTION', 'LOAD', 'REPLACE', LIBRARY]] : load;
}
