/** Append-only files: commands, annotations, a snapshot before them, several files, and damaged ends. */
import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../src/io/aof-manifest.js';
import { openInput } from '../../src/io/input.js';
import { refuseCommands } from '../../src/io/refuse-commands.js';
import { readSnapshotBytes } from '../support/rdb-corpus.js';
import { CommandListener, concat, failureOf, inputOf, Listener, resp, temporaryFolder } from './support.js';

const preamble = readSnapshotBytes('redis-6.0.16');
const select = resp('SELECT', '2');
const set = resp('SET', 'after', '1');
const transaction = [resp('MULTI'), resp('INCR', 'a'), resp('INCR', 'b'), resp('EXEC')];

async function commandsOf(
  bytes: Uint8Array | string,
  options: Parameters<Awaited<ReturnType<typeof inputOf>>['commands']>[1] & {
    atOnce?: number;
    handed?: number;
  } = {},
): Promise<{
  heard: readonly string[];
  end: Awaited<ReturnType<Awaited<ReturnType<typeof inputOf>>['commands']>>;
}> {
  const input = await inputOf(concat(bytes), { atOnce: options.atOnce ?? Infinity });
  expect(await input.snapshot(new Listener())).toMatchObject({ format: 'none', commandsFollow: true });
  const listener = new CommandListener(options.handed);
  const end = await input.commands(listener, options);
  return { heard: listener.heard, end };
}

describe('commands', () => {
  const text = select + set + transaction.join('');

  test.each([
    [Infinity, Infinity],
    [1, Infinity],
    [13, 1],
    [Infinity, 1],
  ])('that come %d bytes at a time and are taken %d at a time', async (atOnce, handed) => {
    const { heard, end } = await commandsOf(text, { atOnce, handed });
    const commands = heard.filter((line) => /^\d/.test(line)).map((line) => line.replace(/^\d+ /, ''));
    expect(commands).toEqual(['SELECT 2', 'SET after 1', 'MULTI', 'INCR a', 'INCR b', 'EXEC']);
    expect(end).toEqual({
      commands: 6,
      truncated: undefined,
      stoppedAtTime: false,
      firstTime: undefined,
      lastTime: undefined,
    });
  });

  test('with their offsets', async () => {
    const { heard } = await commandsOf(`#note\r\n${select}${set}`);
    expect(heard).toEqual(['file memory', 'db 2 at 7', '7 SELECT 2', `${7 + select.length} SET after 1`]);
  });

  test('behind a snapshot', async () => {
    const input = await inputOf(concat(preamble, select, set), { atOnce: 1000 });
    expect(input.hasCommands).toBeUndefined();
    const end = await input.snapshot(new Listener());
    expect(end).toMatchObject({ format: 'rdb', commandsFollow: true, bytes: preamble.length });
    expect(input.hasCommands).toBe(true);
    const listener = new CommandListener();
    await input.commands(listener);
    expect(listener.heard).toContain(`${preamble.length} SELECT 2`);
  });

  test('are refused where only values can be carried', async () => {
    const input = await inputOf(concat(select));
    expect(() => refuseCommands(input, '-f json')).toThrow(/-f json/);
    const without = await inputOf(preamble);
    await without.snapshot(new Listener());
    expect(() => refuseCommands(without, '-f json')).not.toThrow();
  });
});

describe('a damaged end', () => {
  const whole = select + set;

  test('inside a command, at every byte', async () => {
    for (let end = 1; end < set.length; end++) {
      const cut = whole + set.slice(0, end);
      const error = await failureOf(() => commandsOf(cut));
      expect(error).toMatchObject({ code: 'RDB_TRUNCATED', place: { at: 'memory', offset: whole.length } });
      expect(error.hint).toContain('--truncated-tail keep');
      const kept = await commandsOf(cut, { truncatedTail: 'keep' });
      expect(kept.end).toMatchObject({ commands: 2, truncated: { place: { offset: whole.length } } });
    }
  });

  test('inside a transaction, which is taken back', async () => {
    const cut = whole + transaction.slice(0, 3).join('');
    const error = await failureOf(() => commandsOf(cut));
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', place: { offset: whole.length } });
    const { heard, end } = await commandsOf(cut, { truncatedTail: 'keep', atOnce: 5 });
    expect(heard.at(-1)).toMatch(/DISCARD$/);
    expect(end.truncated?.message).toContain('transaction');
  });

  test('by other bytes is never accepted', async () => {
    const error = await failureOf(() => commandsOf(`${whole}garbage${set}`, { truncatedTail: 'keep' }));
    expect(error).toMatchObject({ code: 'RDB_CORRUPT', place: { at: 'memory', offset: whole.length } });
  });

  test('of a file that is not the last is never accepted', async () => {
    const input = await inputOf(concat(whole, '*2\r\n$3'), { more: [concat(set)] });
    await input.snapshot(new Listener());
    const error = await failureOf(() => input.commands(new CommandListener(), { truncatedTail: 'keep' }));
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', place: { at: 'memory', offset: whole.length } });
  });
});

describe('annotations of time', () => {
  const dated = `#TS:100\r\n${select}${set}#TS:200\r\n${resp('SET', 'b', '2')}#TS:300\r\n${resp('SET', 'c', '3')}`;

  test('are told and left out', async () => {
    const { heard, end } = await commandsOf(dated);
    expect(heard.filter((line) => line.startsWith('time'))).toEqual(['time 100', 'time 200', 'time 300']);
    expect(end).toMatchObject({ commands: 4, firstTime: 100, lastTime: 300, stoppedAtTime: false });
  });

  test.each([
    [299, 3, true],
    [200, 3, true],
    [150, 2, true],
    [300, 4, false],
  ])('up to %d', async (toTime, commands, stoppedAtTime) => {
    for (const atOnce of [1, Infinity]) {
      const { end } = await commandsOf(dated, { toTime, atOnce });
      expect(end).toMatchObject({ commands, stoppedAtTime, truncated: undefined });
    }
  });

  test('what is behind the time asked for may be damaged', async () => {
    const { end } = await commandsOf(`${dated}*3\r\n`, { toTime: 250 });
    expect(end.truncated).toBeUndefined();
  });

  test('asked for a time before the first', async () => {
    expect(await failureOf(() => commandsOf(dated, { toTime: 99 }))).toMatchObject({ code: 'USAGE' });
  });

  test('asked for a time of a file without any', async () => {
    const error = await failureOf(() => commandsOf(select + set, { toTime: 150 }));
    expect(error).toMatchObject({ code: 'USAGE' });
    expect(error.hint).toContain('aof-timestamp-enabled');
  });
});

describe('a manifest', () => {
  test('names base and increments in order, and leaves out what is history', () => {
    const text =
      '# a comment\nfile a.1.incr.aof seq 1 type h\nfile a.2.base.rdb seq 2 type b\n' +
      'file "a \\x41\\"b.incr" seq 2 type i startoffset 0\nfile a.3.incr.aof seq 3 type i\n';
    expect(parseManifest(text).map(({ name }) => name)).toEqual([
      'a.2.base.rdb',
      'a A"b.incr',
      'a.3.incr.aof',
    ]);
  });

  test.each([
    ['', 'names no file'],
    ['file a seq 1', 'line 1 is not made of pairs'],
    ['file ../a seq 1 type b', 'no plain file name'],
    ['file a seq 1 type x', 'the type "x"'],
    ['file a seq 1 type b\nfile b seq 2 type b', 'more than one base'],
    ['file a seq 2 type i\nfile b seq 2 type i', 'not in the order'],
    ['file "a seq 1 type b', 'a quote without its end'],
    ['file a seq x type b', 'has no seq'],
  ])('%j', (text, problem) => {
    expect(() => parseManifest(text)).toThrow(problem);
  });
});

describe('a folder of files', async () => {
  const file = await temporaryFolder();

  test('with a manifest', async () => {
    await file('appendonly.aof.1.base.rdb', preamble);
    await file('appendonly.aof.1.incr.aof', select + set);
    await file('appendonly.aof.2.incr.aof', '');
    const manifest = await file(
      'appendonly.aof.manifest',
      'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
    );
    for (const path of [manifest, manifest.replace(/\/[^/]*$/, '')]) {
      const input = await openInput(path);
      expect(input.hasCommands).toBe(true);
      expect(input.totalBytes).toBe(preamble.length + select.length + set.length);
      const listener = new Listener();
      await input.snapshot(listener);
      const commands = new CommandListener();
      expect(await input.commands(commands)).toMatchObject({ commands: 2 });
      expect(input.bytesRead).toBe(input.totalBytes);
      await input.close();
    }
  });

  test('of which one is missing', async () => {
    const manifest = await file('b.manifest', 'file missing.rdb seq 1 type b\n');
    const error = await failureOf(() => openInput(manifest));
    expect(error).toMatchObject({ code: 'RDB_TRUNCATED', message: expect.stringContaining('missing.rdb') });
  });
});
