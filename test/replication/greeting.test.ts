import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/net/endpoint.js';
import { greetingSteps } from '../../src/replication/greeting.js';

const bare: Endpoint = { address: { kind: 'tcp', host: 'source', port: 6379 } };
const sent = (endpoint: Endpoint): string[] => greetingSteps(endpoint).map(({ send }) => send.join(' '));

describe('what is said', () => {
  test('without a password', () => {
    expect(sent(bare)).toEqual(['PING', 'REPLCONF version 9.1.0', 'REPLCONF capa eof capa psync2']);
  });

  test('a password, and a user since 6.0', () => {
    expect(sent({ ...bare, password: 'p w' })[1]).toBe('AUTH p w');
    expect(sent({ ...bare, username: 'u', password: 'p' })[1]).toBe('AUTH u p');
  });

  test('never a port: Sentinel must not find us', () => {
    const words = sent({ ...bare, username: 'u', password: 'p' }).join(' ');
    expect(words).not.toMatch(/listening-port|ip-address/);
  });
});

describe('what is made of the answers', () => {
  const steps = greetingSteps({ ...bare, username: 'u', password: 'p' });
  const judge = (step: string, line: string): string | undefined =>
    steps.find(({ send }) => send.join(' ').startsWith(step))!.judge(line)?.code;

  test.each([
    ['PING', '-NOAUTH Authentication required.', undefined],
    ['PING', '-LOADING Redis is loading the dataset in memory', 'SOURCE_BUSY'],
    ['AUTH', '+OK', undefined],
    ['AUTH', '-ERR Client sent AUTH, but no password is set', undefined],
    [
      'AUTH',
      '-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
      undefined,
    ],
    ['AUTH', '-WRONGPASS invalid username-password pair or user is disabled.', 'SOURCE_DENIED'],
    ['AUTH', '-ERR invalid password', 'SOURCE_DENIED'],
    ['AUTH', 'what?', 'SOURCE_PROTOCOL'],
    ['REPLCONF version', '+OK', undefined],
    ['REPLCONF version', '-ERR Unrecognized REPLCONF option: version', undefined],
    ['REPLCONF capa', '+OK and more, as KeyDB has it', undefined],
    ['REPLCONF capa', '-ERR Unrecognized REPLCONF option: capa', undefined],
    ['REPLCONF capa', '-NOAUTH Authentication required.', 'SOURCE_DENIED'],
    ['REPLCONF capa', "-NOPERM this user has no permissions to run the 'replconf' command", 'SOURCE_DENIED'],
    ['REPLCONF capa', '-LOADING Redis is loading the dataset in memory', 'SOURCE_BUSY'],
    ['REPLCONF capa', '$12', 'SOURCE_PROTOCOL'],
  ])('%s: %s → %s', (step, line, code) => {
    expect(judge(step, line)).toBe(code);
  });
});
