import { describe, expect, test } from 'vitest';
import { parseInfo, parseVersion, readServerInfo } from '../../src/sync/server-info.js';
import { INFO_TEXTS } from './info-texts.js';

const infoOf = (name: string, more: readonly string[] = []): string =>
  [...INFO_TEXTS[name]!, ...more, ''].join('\r\n');

describe.each(Object.keys(INFO_TEXTS))('%s', (name) => {
  const info = readServerInfo(infoOf(name));

  test('says who it is', () => {
    const { family, version } = info.identity!;
    expect(`${family} ${version.join('.')}`).toBe(name);
    expect(info.runId).toMatch(/^[0-9a-f]{40}$/);
    expect(info.replid).toMatch(/^[0-9a-f]{40}$/);
  });

  test('is a primary of its own that is ready', () => {
    expect(info).toMatchObject({ mode: 'standalone', role: 'primary', loading: false, replOffset: 0 });
  });

  test('has two keys in db 0, one in db 3', () => {
    expect([...info.keys]).toEqual([
      [0, 2],
      [3, 1],
    ]);
  });
});

describe('what else may be said', () => {
  const [redis, valkey] = ['redis 7.0.15', 'valkey 9.1.2'];

  test.each([
    [redis, 'redis_mode:cluster', { mode: 'cluster' }],
    [redis, 'redis_mode:sentinel', { mode: 'sentinel' }],
    [valkey, 'server_mode:cluster', { mode: 'cluster' }],
    [valkey, 'server_mode:sentinel', { mode: 'sentinel' }],
    [redis, 'cluster_enabled:1', { mode: 'cluster' }],
    [redis, 'role:slave', { role: 'replica' }],
    [redis, 'loading:1', { loading: true }],
    [redis, 'master_repl_offset:123456789012', { replOffset: 123_456_789_012 }],
  ])('%s with %s', (name, line, expected) => {
    expect(readServerInfo(infoOf(name, [line]))).toMatchObject(expected);
  });

  test('nothing', () => {
    const info = readServerInfo('');
    expect(info).toEqual({
      ...{ identity: undefined, mode: 'standalone', role: 'primary', loading: false },
      ...{ runId: '', replOffset: -1, replid: '', keys: new Map(), timedHashes: 0 },
    });
  });
});

test('values may hold colons, titles are no fields', () => {
  expect([...parseInfo('# Server:x\r\na:b:c\nd:\r\nnothing\r\n')]).toEqual([
    ['a', 'b:c'],
    ['d', ''],
  ]);
});

test('versions with suffixes', () => {
  expect([
    parseVersion('8.0-rc2'),
    parseVersion('7.2.5-dev'),
    parseVersion('255.255.255'),
    parseVersion(''),
  ]).toEqual([
    [8, 0, 0],
    [7, 2, 5],
    [255, 255, 255],
    [0, 0, 0],
  ]);
});
