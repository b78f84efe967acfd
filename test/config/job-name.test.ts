import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultJobName } from '../../src/config/job-name.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';

const nameOf = (source: string, target: string): string =>
  defaultJobName(parseEndpoint(source, 'source'), parseEndpoint(target, 'target'));

const unix = (path: string) => ({ address: { kind: 'unix', path } as const });

test.each([
  ['redis://10.0.0.7', 'valkey://Cache.Example:7000', '10.0.0.7-6379-to-cache.example-7000'],
  ['rediss://u:p@a/3', 'redis://b/0', 'a-6379-db3-to-b-6379-db0'],
])('%s, %s', (source, target, name) => {
  expect(nameOf(source, target)).toBe(name);
});

test('a password or a user changes nothing', () => {
  expect(nameOf('redis://u:p@a', 'b')).toBe(nameOf('a', 'redis://:q@b'));
});

test('where characters are replaced, different addresses stay different', () => {
  expect(nameOf('unix:///run/a-b.sock', 'h')).not.toBe(nameOf('unix:///run/a/b.sock', 'h'));
  expect(nameOf('redis://[::1]', 'h')).toMatch(/^1-6379-to-h-6379-[\da-f]{8}$/);
});

test('letters that only pass for ASCII ones are replaced', () => {
  expect(defaultJobName(unix('/ſ'), unix('/K'))).toMatch(/^[a-z\d][a-z\d._-]{0,99}$/i);
});

test('always fit for --name and for a file name', () => {
  const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).map((text) => `/x${text}`);
  fc.assert(
    fc.property(path, path, (a, b) => {
      expect(defaultJobName(unix(a), unix(b))).toMatch(/^[a-z\d][a-z\d._-]{0,99}$/i);
    }),
  );
});

test('Sentinels give the name of their primary; their order means nothing, and who they are does', () => {
  const name = nameOf('redis://s1,s2:5000/2?master=orders', 'h');
  expect(name).toMatch(/^orders-db2-to-h-6379-[\da-f]{8}$/);
  expect(nameOf('redis://S2:5000,s1:26379/2?master=orders', 'h')).toBe(name);
  expect(nameOf('redis://s1,s3:5000/2?master=orders', 'h')).not.toBe(name);
  expect(nameOf('redis://s1,s2:5000/2?master=others', 'h')).not.toBe(name);
});

test('of several nodes the first in the alphabet is named', () => {
  const name = nameOf('redis://b:7001,a:7002', 'redis://c,d');
  expect(name).toMatch(/^a-7002-to-c-6379-[\da-f]{8}$/);
  expect(nameOf('redis://a:7002,b:7001', 'redis://d,c')).toBe(name);
});
