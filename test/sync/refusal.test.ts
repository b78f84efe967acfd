import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { judgeRefusal, noSuchDatabase } from '../../src/sync/refusal.js';
import { bytes } from '../target/support.js';

const failed = (error: string) => ({
  error,
  name: 'SET',
  args: ['SET', 'some key', 'v'].map(bytes),
  offset: 77,
  number: 3,
  copied: true,
  executed: false,
});

describe('errors that are the target’s, not the command’s', () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", /out of memory/],
    ["READONLY You can't write against a read only replica.", /read-only/],
    [
      'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
      /save to disk/,
    ],
    ['NOREPLICAS Not enough good replicas to write.', /too few replicas/],
    ['NOAUTH Authentication required.', /password/],
    ["NOPERM User x has no permissions to run the 'set' command", /may not/],
    ['MASTERDOWN Link with MASTER is down', /not able/],
    ['CLUSTERDOWN The cluster is down', /not able/],
    ['LOADING Redis is loading the dataset in memory', /loading/],
    [
      "ERR Error running script (call to f_3929132d61218e085af903a143d919176441a57d): @user_script:16: @user_script: 16: -OOM command not allowed when used memory > 'maxmemory'.",
      /out of memory/,
    ],
    ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', /script/],
  ])('%s', (text, says) => {
    const { error, skippable } = judgeRefusal(failed(text), 'host:1', 'stream');
    expect(skippable).toBe(false);
    expect(error.message).toMatch(says);
    expect(error.hint).toBeDefined();
    expect(formatError(error)).toContain(text);
  });
});

test('a script that the target does not have: the source’s, or a lane’s', () => {
  const error = 'NOSCRIPT No matching script. Please use EVAL.';
  expect(judgeRefusal(failed(error), 'host:1', 'stream').skippable).toBe(true);
  const own = judgeRefusal({ ...failed(error), offset: -1 }, 'host:1', 'stream');
  expect([own.skippable, own.error.code]).toEqual([false, 'TARGET_BUSY']);
});

describe('errors of one command', () => {
  test.each([
    'ERR Bad data format',
    'BUSYKEY Target key name already exists.',
    'BUSYGROUP Consumer Group name already exists',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'ERR unknown command `HPEXPIREAT`, with args beginning with: ',
    'EXECABORT Transaction discarded because of previous errors.',
  ])('%s: may be left out', (text) => {
    expect(judgeRefusal(failed(text), 'host:1', 'stream').skippable).toBe(true);
  });
});

test('one line that says what, where and why', () => {
  const { error } = judgeRefusal(failed('ERR Bad data format'), 'host:1', 'snapshot');
  expect(formatError(error)).toBe(
    'the target refused a command: SET of the snapshot was answered with "ERR Bad data format" ' +
      '(host:1, byte offset 77, key "some key") — --on-error skip leaves such commands out and lists them',
  );
});

test('… also when nothing is known of the command', () => {
  const { error } = judgeRefusal(
    { error: 'ERR no', name: '', args: [], offset: -1, copied: false, number: 9, executed: false },
    'host:1',
    'stream',
  );
  expect(formatError(error)).toMatch(
    /^the target refused a command: a command of the stream was answered with "ERR no" \(host:1\) — /,
  );
});

test('a database the target does not have', () => {
  const { code, place, hint } = noSuchDatabase(16, 20, 3, { offset: 55 });
  expect([code, place]).toEqual(['TARGET_REFUSED', { db: 3, offset: 55 }]);
  expect(hint).toContain('--map-db 3=N');
  expect(noSuchDatabase(16, 20, 3).place).toEqual({ db: 3 });
  const one = noSuchDatabase(1, 3, 3, { all: [3, 5] });
  expect(one.message).toBe('the target has one database only, so there is no db 3');
  expect(one.hint).toMatch(/^--map-db 3=0:db3: --map-db 5=0:db5: .*; --exclude-db 3 --exclude-db 5 /u);
});
