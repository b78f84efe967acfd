import { describe, expect, test } from 'vitest';
import { libraryName } from '../../src/keyspace/library-name.js';
import { bytesOf } from '../../src/keyspace/words.js';

describe('libraryName', () => {
  test.each<[source: string, name: string | undefined]>([
    ['#!lua name=counters\nredis.register_function("f", function() end)', 'counters'],
    ['#!lua   name=a_1  \r\n', 'a_1'],
    ['#!LUA NAME=Upper\n', 'Upper'],
    ['#!lua "name=quoted"\n', 'quoted'],
    ["#!lua 'name=quoted'\n", 'quoted'],
    ['#!lua name="quoted"\n', 'quoted'],
    ['#!js name=other_engine\n', 'other_engine'],
    ['#!lua name=no_newline', 'no_newline'],
    ['#!lua name=name\n-- name=comment', 'name'],
    ['', undefined],
    ['\n#!lua name=late\n', undefined],
    ['#!lua\nname=below\n', undefined],
    ['#! name=no_engine\n', undefined],
    ['lua name=no_shebang\n', undefined],
    ['#!lua name=\n', undefined],
    ['#!lua name=a-b\n', undefined],
    ['#!lua name=a name=b\n', undefined],
    ['#!lua name="open\n', undefined],
  ])('%j', (source, name) => {
    expect(libraryName(bytesOf(source))).toBe(name);
  });
});
