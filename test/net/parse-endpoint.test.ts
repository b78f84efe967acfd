import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReplicantError, formatError } from '../../src/errors.js';
import type { Endpoint } from '../../src/net/endpoint.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';

const tcp = (host: string, port = 6379) => ({ kind: 'tcp', host, port }) as const;
const unix = (path: string) => ({ kind: 'unix', path }) as const;

const sentinel = (master: string) => ({ kind: 'sentinel', master }) as const;

const good: readonly (readonly [text: string, endpoint: Endpoint])[] = [
  ['redis://h', { address: tcp('h') }],
  ['redis://h/', { address: tcp('h') }],
  ['redis://h:7000', { address: tcp('h', 7000) }],
  ['redis://h:', { address: tcp('h') }],
  [' redis://h:7000\n', { address: tcp('h', 7000) }],
  ['REDIS://h', { address: tcp('h') }],
  ['valkey://h:1/3', { address: tcp('h', 1), db: 3 }],
  ['redis://h?db=4', { address: tcp('h'), db: 4 }],
  ['redis://h/4?db=4', { address: tcp('h'), db: 4 }],
  ['rediss://h:65535', { address: tcp('h', 65_535), tls: { insecure: false } }],
  ['valkeys://h/0', { address: tcp('h'), db: 0, tls: { insecure: false } }],
  ['redis://u:p@h', { address: tcp('h'), username: 'u', password: 'p' }],
  ['redis://:p@h', { address: tcp('h'), password: 'p' }],
  ['redis://u@h', { address: tcp('h'), username: 'u' }],
  ['redis://u:@h', { address: tcp('h'), username: 'u', password: '' }],
  ['redis://:@h', { address: tcp('h') }],
  ['redis://@h', { address: tcp('h') }],
  ['redis://u%40x:p%3A%2F%25@h', { address: tcp('h'), username: 'u@x', password: 'p:/%' }],
  [
    'redis://u:a@b/c#d?e,f:g@h:7000/2',
    { address: tcp('h', 7000), username: 'u', password: 'a@b/c#d?e,f:g', db: 2 },
  ],
  ['redis://[::1]', { address: tcp('::1') }],
  [
    'redis://u:p@[2001:db8::7]:7000/1',
    { address: tcp('2001:db8::7', 7000), username: 'u', password: 'p', db: 1 },
  ],
  ['redis://[fe80::1%25eth0]:1', { address: tcp('fe80::1%eth0', 1) }],
  ['h', { address: tcp('h') }],
  ['10.0.0.7:7000', { address: tcp('10.0.0.7', 7000) }],
  ['h:7000/3', { address: tcp('h', 7000), db: 3 }],
  ['u:p@h:7000', { address: tcp('h', 7000), username: 'u', password: 'p' }],
  ['[::1]:7000', { address: tcp('::1', 7000) }],
  ['redis://a:1,b', { address: tcp('a', 1), seeds: [tcp('b')] }],
  [
    'rediss://u:p@a, [::1]:2,c/1',
    {
      ...{ address: tcp('a'), seeds: [tcp('::1', 2), tcp('c')], username: 'u', password: 'p', db: 1 },
      tls: { insecure: false },
    },
  ],
  ['a:1,b:2', { address: tcp('a', 1), seeds: [tcp('b', 2)] }],
  ['redis://h?master=mymaster', { address: tcp('h', 26_379), find: sentinel('mymaster') }],
  [
    'redis://:p@a:1,b?master=m&db=3',
    {
      ...{ address: tcp('a', 1), seeds: [tcp('b', 26_379)], find: sentinel('m'), password: 'p', db: 3 },
    },
  ],
  ['a,b?master=a%2Db', { address: tcp('a', 26_379), seeds: [tcp('b', 26_379)], find: sentinel('a-b') }],
  ['redis://h/2?master=m', { address: tcp('h', 26_379), find: sentinel('m'), db: 2 }],
  ['unix:///run/r.sock', { address: unix('/run/r.sock') }],
  ['unix:///run/r%20x.sock?db=2', { address: unix('/run/r x.sock'), db: 2 }],
  ['unix://u:p/q@/run/r.sock', { address: unix('/run/r.sock'), username: 'u', password: 'p/q' }],
  ['unix:///run/a@b.sock', { address: unix('/run/a@b.sock') }],
];

const bad: readonly (readonly [text: string, why: RegExp])[] = [
  ['', /is empty/],
  ['http://h', /scheme http:\/\//],
  ['__proto__://h', /./],
  ['redis://', /no host/],
  ['redis://:6379', /no host/],
  ['redis://u:p@', /no host/],
  ['redis://h:x', /port/],
  ['redis://h:0', /port/],
  ['redis://h:65536', /port/],
  ['redis://h:6379x', /port/],
  ['redis://::1', /brackets/],
  ['redis://[::1', /brackets/],
  ['redis://[host]', /host/],
  ['redis://a b', /host/],
  ['redis://h/abc', /database/],
  ['redis://h/-1', /database/],
  ['redis://h/1/2', /database/],
  ['redis://h/1?db=2', /two different/],
  ['redis://h?db=', /database/],
  ['redis://h?db=1&db=1', /more than once/],
  ['redis://h?timeout=1', /parameter/],
  ['redis://h#x', /#/],
  ['redis://u:50%off@h', /%25/],
  ['redis://a:1,redis://b:2', /scheme behind a comma/],
  ['redis://a:1,', /no host/],
  ['redis://,a', /no host/],
  ['redis://a:1,b:x', /port/],
  ['redis://a:1/0,b:2', /database/],
  ['redis://h?master=', /name behind \?master=/],
  ['redis://h?master=a%20b', /name behind \?master=/],
  ['redis://h?master=a&master=b', /more than once/],
  ['redis://h?master=a&timeout=1', /parameter/],
  ['unix:///run/r.sock?master=m', /socket path/],
  ['unix://run/r.sock', /absolute socket path/],
  ['unix:///', /absolute socket path/],
  ['dump.rdb', /file or directory.*not support yet/],
  ['./dump', /file/],
  ['/var/lib/redis/dump.rdb', /file/],
  ['backups/today', /file/],
  ['appendonlydir', /file/],
  ['-', /standard input/],
];

describe('parseEndpoint', () => {
  test.each(good)('%s', (text, endpoint) => {
    expect(parseEndpoint(text, 'source')).toEqual(endpoint);
  });

  test.each(bad)('refuses %s', (text, why) => {
    expect(() => parseEndpoint(text, 'target')).toThrow(ReplicantError);
    const message = errorOf(text);
    expect(message).toMatch(why);
    expect(message).toMatch(/^the target /);
    expect(message).not.toContain('\n');
  });

  test('any user and password survive percent-encoding', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (user, password) => {
          const text = `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:7000`;
          const endpoint = parseEndpoint(text, 'source');
          expect([endpoint.username ?? '', endpoint.password]).toEqual([user, password]);
          expect(endpoint.address).toEqual(tcp('h', 7000));
        },
      ),
    );
  });

  test('no error repeats the password, wherever the mistake is', () => {
    const frames = [
      (p: string) => `redis://user:${p}@`,
      (p: string) => `redis://user:${p}@h:bad`,
      (p: string) => `redis://user:${p}@h/x`,
      (p: string) => `redis://user:${p}%@h`,
      (p: string) => `redis://user:${p}@h?master=m`,
      (p: string) => `http://user:${p}@h`,
      (p: string) => `redis://:${p}`,
      (p: string) => `redis://user:${p}`,
      (p: string) => `redis://h:99999/${p}`,
      (p: string) => `unix://:${p}@run`,
    ];
    const secret = fc.stringMatching(/^[A-Z0-9@:/#?,]{0,6}QZ[A-Z0-9@:/#?,]{0,6}$/);
    fc.assert(
      fc.property(fc.constantFrom(...frames), secret, (frame, password) => {
        expect(errorOf(frame(password))).not.toContain('QZ');
      }),
    );
  });
});

function errorOf(text: string): string {
  try {
    parseEndpoint(text, 'target');
  } catch (error) {
    return formatError(error);
  }
  return '';
}
