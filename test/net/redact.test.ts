import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { redact } from '../../src/net/redact.js';

test.each([
  ['redis://u:secret@h:1/2', 'redis://u:***@h:1/2'],
  ['redis://:secret@h', 'redis://:***@h'],
  ['redis://secret@h', 'redis://***@h'],
  ['redis://u:se@c:ret@h', 'redis://u:***@h'],
  ['u:secret@h:6379', 'u:***@h:6379'],
  ['from rediss://u:a@h1 to unix://:b@/run/x.sock', 'from rediss://u:***@h1 to unix://:***@/run/x.sock'],
  ['unix:///run/x.sock?password=secret&db=1', 'unix:///run/x.sock?password=***&db=1'],
  ['redis://h:6379/1', 'redis://h:6379/1'],
  ['write to someone@example.org', 'write to someone@example.org'],
  ['', ''],
])('%s', (text, expected) => {
  expect(redact(text)).toBe(expected);
});

test('a password without blanks never survives, and a second pass changes nothing', () => {
  const password = fc.stringMatching(/^[!-~]{0,8}QZ[!-~]{0,8}$/);
  fc.assert(
    fc.property(password, (secret) => {
      const hidden = redact(`cannot reach redis://user:${secret}@host:6379 now`);
      expect(hidden).toBe('cannot reach redis://user:***@host:6379 now');
      expect(redact(hidden)).toBe(hidden);
    }),
  );
});
