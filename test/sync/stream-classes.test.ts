import { describe, expect, test } from 'vitest';
import { createClassifier } from '../../src/sync/stream-classes.js';
import { bytes } from '../target/support.js';

const classOf = (name: string, options: { all?: boolean; ttls?: boolean } = {}, argc = 3): string => {
  const classify = createClassifier({ all: false, ttls: false, ...options });
  const line = bytes(`####${name}SELECT`);
  return classify(line, 4, name.length, argc);
};

describe('in any case', () => {
  test.each(['PING', 'REPLCONF', 'SELECT', 'MULTI', 'EXEC', 'PUBLISH'])(
    '%s has a class of its own',
    (name) => {
      for (const options of [{}, { all: true }, { ttls: true }]) {
        expect(classOf(name, options)).toBe(name.toLowerCase());
        expect(classOf(name.toLowerCase(), options)).toBe(name.toLowerCase());
      }
    },
  );
});

test.each(['SETEX', 'psetex', 'EXPIRE', 'pexpire', 'RESTORE', 'RESTORE-ASKING', 'getex'])(
  '%s may carry a time',
  (name) => {
    expect(classOf(name)).toBe('plain');
    expect(classOf(name, { ttls: true })).toBe('look');
  },
);

test('SET carries a time only with options', () => {
  expect(classOf('SET', { ttls: true }, 3)).toBe('plain');
  expect(classOf('set', { ttls: true }, 5)).toBe('look');
  expect(classOf('SET', {}, 5)).toBe('plain');
});

test.each([
  '',
  'GET',
  'PIN',
  'PINGS',
  'XEXEC',
  'SELECTED',
  'EXPIREAT',
  'PEXPIREAT',
  'SPUBLISH',
  'x'.repeat(600),
  '\0ING',
  'JSON.SET',
])('%j is plain, or looked at when everything is', (name) => {
  expect(classOf(name, { ttls: true })).toBe('plain');
  expect(classOf(name, { all: true })).toBe('look');
});
