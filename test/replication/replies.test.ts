/** What primaries of all ages answer, in their own words. */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import {
  judgePing,
  parsePsyncReply,
  parseTransferHeader,
  psyncRefusal,
  replicationDisabled,
} from '../../src/replication/replies.js';
import { faultOf } from '../support/rdb-error.js';

const replid = '0123456789abcdef0123456789abcdef01234567';

describe('answers to PSYNC that go on', () => {
  test('a full resync', () => {
    expect(parsePsyncReply(`+FULLRESYNC ${replid} 0`)).toEqual({ kind: 'full-resync', replid, offset: 0 });
    expect(parsePsyncReply(`+FULLRESYNC ${replid.toUpperCase()} 900719925474099`)).toEqual({
      kind: 'full-resync',
      replid,
      offset: 900_719_925_474_099,
    });
  });

  test('going on, with a replid since 4.0', () => {
    expect(parsePsyncReply('+CONTINUE')).toEqual({ kind: 'continue', replid: undefined });
    expect(parsePsyncReply(`+CONTINUE ${replid.toUpperCase()}`)).toEqual({ kind: 'continue', replid });
  });

  test('2.6 does not know it', () => {
    expect(parsePsyncReply("-ERR unknown command 'PSYNC'")).toEqual({ kind: 'unknown-command' });
    expect(parsePsyncReply('-ERR unknown command `PSYNC`, with args beginning with: `?`, `-1`, ')).toEqual({
      kind: 'unknown-command',
    });
  });
});

const REFUSED: readonly (readonly [line: string, code: ErrorCode, retry: boolean, hint: RegExp])[] = [
  ["-NOMASTERLINK Can't SYNC while not connected with my master", 'SOURCE_BUSY', true, /primary itself/],
  ["-ERR Can't SYNC while not connected with my master", 'SOURCE_BUSY', true, /primary itself/],
  ['-LOADING Redis is loading the dataset in memory', 'SOURCE_BUSY', true, /tried again/],
  [
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'SOURCE_BUSY',
    true,
    /tried again/,
  ],
  ['-BUSY Redis is busy running a script.', 'SOURCE_BUSY', true, /tried again/],
  ['-ERR SYNC and PSYNC are invalid with pending output', 'SOURCE_BUSY', true, /new connection/],
  ["-ERR BGSAVE failed, replication can't continue", 'SOURCE_BUSY', true, /log/],
  ['-ERR Unable to perform background save', 'SOURCE_BUSY', true, /log/],
  ['-NOAUTH Authentication required.', 'SOURCE_DENIED', false, /REPLICANT_SOURCE_PASSWORD/],
  [
    '-WRONGPASS invalid username-password pair or user is disabled.',
    'SOURCE_DENIED',
    false,
    /REPLICANT_SOURCE_PASSWORD/,
  ],
  ['-ERR invalid password', 'SOURCE_DENIED', false, /REPLICANT_SOURCE_PASSWORD/],
  ['-ERR operation not permitted', 'SOURCE_DENIED', false, /REPLICANT_SOURCE_PASSWORD/],
  [
    "-NOPERM this user has no permissions to run the 'psync' command or its subcommand",
    'SOURCE_DENIED',
    false,
    /\+psync/,
  ],
  ["-NOPERM User r3 has no permissions to run the 'psync' command", 'SOURCE_DENIED', false, /\+psync/],
  ['-ERR Filtered replica requires EOF capability', 'SOURCE_PROTOCOL', false, /report/],
  ['-ERR syntax error', 'SOURCE_PROTOCOL', false, /report/],
  [
    '-DENIED Redis is running in protected mode because protected mode is enabled',
    'SOURCE_DENIED',
    false,
    /protected mode/,
  ],
  ['-ERR max number of clients reached', 'SOURCE_BUSY', true, /tried again/],
];

describe('refusals', () => {
  test.each(REFUSED)('%s', (line, code, retry, hint) => {
    const error = psyncRefusal(line);
    expect({ code: error.code, retry: error.retry, hint: error.hint }).toEqual({
      code,
      retry,
      hint: expect.stringMatching(hint),
    });
    // The server's own words are kept.
    expect(error.message).toContain(line.slice(1));
    expect(parsePsyncReply(line)).toMatchObject({ kind: 'refused', error: { code } });
  });

  test('one we do not know keeps its words', () => {
    const reply = parsePsyncReply('-WEIRD never heard of');
    expect(reply).toMatchObject({
      kind: 'refused',
      error: { code: 'SOURCE_PROTOCOL', message: expect.stringContaining('WEIRD never heard of') },
    });
  });

  test.each([
    '+FULLRESYNC',
    '+FULLRESYNC abc 1',
    `+FULLRESYNC ${replid} -1`,
    `+FULLRESYNC ${replid} x`,
    `+FULLRESYNC ${replid} 99999999999999999999`,
    '+CONTINUE abc',
    '+OK',
    'HTTP/1.1 400 Bad Request',
    '',
  ])('no answer at all: %j', (line) => {
    expect(parsePsyncReply(line)).toMatchObject({ kind: 'refused', error: { code: 'SOURCE_PROTOCOL' } });
  });

  test('PSYNC and SYNC both unknown', () => {
    const { code, message, hint } = replicationDisabled('XPSYNC');
    expect(code).toBe('SOURCE_DENIED');
    expect(message).toContain('XPSYNC');
    expect(hint).toContain('--psync-command');
  });
});

describe('the answer to PING', () => {
  test.each([
    '+PONG',
    '-NOAUTH Authentication required.',
    "-NOPERM this user has no permissions to run the 'ping' command",
    '-ERR operation not permitted',
  ])('%s: alive', (line) => {
    expect(judgePing(line)).toBeUndefined();
  });

  test.each([
    ['-LOADING Redis is loading the dataset in memory', 'SOURCE_BUSY'],
    ['-BUSY Redis is busy running a script.', 'SOURCE_BUSY'],
    ['-MASTERDOWN Link with MASTER is down', 'SOURCE_BUSY'],
    ['-DENIED Redis is running in protected mode', 'SOURCE_DENIED'],
    ['-ERR something else', 'SOURCE_PROTOCOL'],
    ['HTTP/1.1 400 Bad Request', 'SOURCE_PROTOCOL'],
    ['\u0015\u0003\u0001', 'SOURCE_PROTOCOL'],
  ])('%j: %s', (line, code) => {
    expect(judgePing(line)?.code).toBe(code);
  });
});

describe('the header of a transfer', () => {
  test('a size', () => {
    expect(parseTransferHeader('$0')).toEqual({ kind: 'sized', bytes: 0 });
    expect(parseTransferHeader('$123456789012')).toEqual({ kind: 'sized', bytes: 123_456_789_012 });
  });

  test('a mark: any forty bytes', () => {
    expect(parseTransferHeader(`$EOF:${replid}`)).toEqual({ kind: 'marked', mark: replid });
    const odd = `\u00ff\u0000$EOF:${'x'.repeat(33)}`;
    expect(parseTransferHeader(`$EOF:${odd}`)).toEqual({ kind: 'marked', mark: odd });
  });

  test.each([
    ['$-1', 'SOURCE_PROTOCOL'],
    ['$', 'SOURCE_PROTOCOL'],
    ['$EOF:short', 'SOURCE_PROTOCOL'],
    [`$EOF:${replid}x`, 'SOURCE_PROTOCOL'],
    ['$99999999999999999999', 'SOURCE_PROTOCOL'],
    ['+OK', 'SOURCE_PROTOCOL'],
    ["-ERR BGSAVE failed, replication can't continue", 'SOURCE_BUSY'],
  ])('%j: %s', (line, code) => {
    expect(faultOf(() => parseTransferHeader(line))?.code).toBe(code);
  });
});
