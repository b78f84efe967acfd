import { describe, expect, test } from 'vitest';
import { DEADLINE_COMMANDS } from '../../src/convert/held-deadline.js';
import { type ClassifierOptions, createClassifier } from '../../src/sync/stream-classes.js';
import { bytes } from '../target/support.js';

const classOf = (name: string, options: Partial<ClassifierOptions> = {}, argc = 3): string => {
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

describe('names that are added', () => {
  test.each(['SWAPDB', 'hpexpireat', 'MSETEX'])('%s is looked at only then, in any case', (name) => {
    const names = [name.toUpperCase()];
    expect(classOf(name)).toBe('plain');
    expect(classOf(name, { names })).toBe('look');
    expect(classOf(name.toLowerCase(), { names })).toBe('look');
    expect(classOf(`${name}X`, { names })).toBe('plain');
    expect(classOf(name.slice(1), { names })).toBe('plain');
  });

  test('leave every other command in its class', () => {
    const names = [...DEADLINE_COMMANDS, 'SWAPDB'];
    for (const ttls of [false, true]) {
      for (const name of ['PING', 'REPLCONF', 'SELECT', 'MULTI', 'EXEC', 'PUBLISH']) {
        expect(classOf(name, { names, ttls })).toBe(name.toLowerCase());
      }
      for (const name of ['LPUSH', 'GET', 'HSET', 'SADD', 'SPOP', 'PERSIST', 'SETNX', 'HEXPIRE']) {
        expect(classOf(name, { names, ttls })).toBe('plain');
      }
    }
  });

  test('all that carry deadlines are looked at, a SET only with options', () => {
    const names = [...DEADLINE_COMMANDS];
    expect(names).toContain('SET');
    for (const name of names) expect(classOf(name, { names }, 5)).toBe('look');
    for (const ttls of [false, true]) {
      expect(classOf('SET', { names, ttls }, 3)).toBe('plain');
      expect(classOf('set', { names, ttls }, 4)).toBe('look');
    }
    // Both: a command of either kind.
    expect(classOf('RESTORE', { names, ttls: true })).toBe('look');
    expect(classOf('SETEX', { names, ttls: true })).toBe('look');
  });

  test('change nothing where everything is looked at', () => {
    expect(classOf('SET', { all: true, names: [...DEADLINE_COMMANDS] }, 3)).toBe('look');
    expect(classOf('MULTI', { all: true, names: ['SWAPDB'] })).toBe('multi');
  });
});

test.each([
  ['XADD', 'XTRIM'],
  ['xadd', 'xtrim'],
])('%s and %s are looked at where LIMIT may stand', (add, trim) => {
  expect(classOf(add, {}, 5)).toBe('plain');
  expect(classOf(add, {}, 9)).toBe('look');
  expect(classOf(trim, {}, 4)).toBe('plain');
  expect(classOf(trim, {}, 6)).toBe('look');
});
