import { createServer } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { ReplicantError } from '../../src/errors.js';
import { fakeEngine } from './fake-engine.js';
import { harness } from './harness.js';

const URLS = ['redis://:hush@a:1', 'redis://b:2'] as const;

describe('help and version', () => {
  test('--help lists the commands that exist, on stdout', async () => {
    const process = harness(fakeEngine());
    expect(await main(['--help'], process.deps)).toBe(0);
    expect(process.stdout).toContain('replicant sync [source] [target]');
    expect(process.stdout).toContain('replicant export [source..]');
    expect(process.stdout).not.toContain('replicant backup');
    expect(process.stderr).toBe('');
  });

  test('sync --help shows every option but no secret one, with examples', async () => {
    const process = harness(fakeEngine(), { columns: 100 });
    expect(await main(['sync', '--help'], process.deps)).toBe(0);
    for (const flag of [
      '--until',
      '--include-key',
      '--map-db',
      '--target-tls-sni',
      '--http',
      '--no-progress',
    ]) {
      expect(process.stdout).toContain(flag);
    }
    expect(process.stdout).not.toMatch(/--source-password\s/);
    expect(process.stdout).toContain('Examples:');
    expect(Math.max(...process.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test('help sync is the same', async () => {
    const [asked, guessed] = [harness(fakeEngine()), harness(fakeEngine())];
    await main(['sync', '--help'], asked.deps);
    await main(['help', 'sync'], guessed.deps);
    expect(guessed.stdout).toBe(asked.stdout);
  });

  test('--version is that of the package', async () => {
    const process = harness(fakeEngine());
    expect(await main(['--version'], process.deps)).toBe(0);
    expect(process.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('wrong usage is exit 2, one line on stderr, and nothing started', () => {
  test.each([
    [[], /name a command/],
    [['sink'], /there is no command 'sink'.*sync/],
    [[...URLS], /there is no command 'redis:\/\/:\*\*\*@a:1'/],
    [['sync'], /there is no source/],
    [['sync', 'redis://a'], /there is no target/],
    [['sync', ...URLS, 'redis://:third@c'], /argument: redis:\/\/:\*\*\*@c/],
    [['sync', ...URLS, '--nope'], /nope/],
    [['sync', ...URLS, '--include-keys', 'x'], /did you mean --include-key\?/],
    [['sync', ...URLS, '--until'], /--until: a value must follow/],
    [['sync', ...URLS, '--until', '--quiet'], /--until: a value must follow/],
    [['sync', ...URLS, '--until', ''], /--until: expected caught-up or stopped, got ''/],
    [['sync', ...URLS, '--include-db', 'abc'], /--include-db: expected a number, got 'abc'/],
    [['sync', ...URLS, '--quiet=maybe'], /--quiet: takes no value/],
    [['sync', ...URLS, '--', 'more'], /no such argument: more/],
    [['sync', '-', 'redis://b'], /- \(standard input or output\) is not supported yet/],
    [['sync', '--source', 'redis://a', 'redis://b'], /--source is not an option/],
    [['sync', ...URLS, '--source-password', 'x'], /source-password/],
    [['sync', ...URLS, '--http', '9121'], /--http: expected HOST:PORT/],
    [['sync', 'redis://:hush@', 'redis://b'], /the source has no host/],
    [['sync', 'dump.rdb', 'redis://b'], /is a file or directory, which sync does not support yet/],
  ])('%j', async (argv, message) => {
    const engine = fakeEngine();
    const process = harness(engine);
    expect(await main(argv, process.deps)).toBe(2);
    expect(process.stderr).toMatch(message);
    expect(process.stderr).toMatch(/^replicant: [^\n]+\n$/);
    expect(process.stderr + process.stdout).not.toMatch(/hush|third/);
    expect(process.stdout).toBe('');
    expect(engine.started).toEqual([]);
  });

  test('with --json the error is the last line on stdout', async () => {
    const process = harness(fakeEngine());
    expect(await main(['sync', ...URLS, '--until', 'x', '--json'], process.deps)).toBe(2);
    expect(JSON.parse(process.stdout)).toEqual({
      ok: false,
      reason: 'failed',
      error: { code: 'USAGE', message: "--until: expected caught-up or stopped, got 'x'", exitCode: 2 },
    });
  });

  test('--log-level debug adds the stack', async () => {
    const process = harness(fakeEngine());
    await main(['sync', '--log-level', 'debug'], process.deps);
    expect(process.stderr).toMatch(/\n {4}at /);
  });

  test('a port in use is found before the engine starts', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const bound = blocker.address();
    const port = typeof bound === 'object' ? bound?.port : undefined;
    const engine = fakeEngine();
    const process = harness(engine);
    expect(await main(['sync', ...URLS, '--http', `127.0.0.1:${port}`], process.deps)).toBe(2);
    expect(process.stderr).toContain(`cannot listen on 127.0.0.1:${port}: the port is in use already`);
    expect(engine.started).toEqual([]);
    await new Promise((resolve) => blocker.close(resolve));
  });
});

describe('a run', () => {
  test('hands the validated options to the engine, logs its events, exits 0', async () => {
    const engine = fakeEngine();
    const process = harness(engine);
    const code = main(['sync', ...URLS, '--map-db', '3=0', '--until', 'caught-up'], process.deps);
    engine.emit({
      level: 'info',
      event: 'note',
      message: 'linked to redis://u:hush@a:1',
      details: { url: 'redis://u:hush@a', replid: 'abc' },
    });
    engine.finish({ reason: 'caught-up' });
    expect(await code).toBe(0);
    expect(engine.started).toMatchObject([
      { until: 'caught-up', dbMap: new Map([[3, 0]]), source: { password: 'hush' } },
    ]);
    expect(process.stdout).toBe('');
    const lines = jsonLines(process.stderr);
    expect(lines[0]).toMatchObject({
      level: 'info',
      msg: 'linked to redis://u:***@a:1',
      url: 'redis://u:***@a',
    });
    expect(lines.at(-1)?.msg).toMatch(/^caught-up: 25 keys and 7 commands applied/);
    expect(process.listening()).toBe(0);
  });

  test('--json ends with the summary as the only line on stdout', async () => {
    const engine = fakeEngine();
    const process = harness(engine);
    const code = main(['sync', ...URLS, '--json'], process.deps);
    engine.finish();
    expect(await code).toBe(0);
    expect(JSON.parse(process.stdout)).toMatchObject({ ok: true, reason: 'stopped', appliedOffset: 1400 });
    expect(process.stdout.endsWith('}\n')).toBe(true);
  });

  test('skipped entries are named and make exit 3', async () => {
    const engine = fakeEngine();
    const process = harness(engine);
    const code = main(['sync', ...URLS], process.deps);
    engine.finish({
      totals: { keys: 1, commands: 0, bytes: 1, skipped: 1, errors: 0 },
      skipped: [{ what: 'key', name: 'bloom:1', db: 2, offset: 9, why: 'module type' }],
    });
    expect(await code).toBe(3);
    expect(process.stderr).toContain('skipped key bloom:1 in database 2: module type');
  });

  test.each([
    [new ReplicantError('SOURCE_DENIED', 'wrong password', { place: { at: 'a:1' } }), 4, 'SOURCE_DENIED'],
    [new ReplicantError('TARGET_NOT_EMPTY', 'holds keys'), 5, 'TARGET_NOT_EMPTY'],
    [new TypeError('x is not\na function'), 1, 'UNKNOWN'],
  ])('a failed run: %s', async (error, exitCode, code) => {
    const engine = fakeEngine();
    const process = harness(engine);
    const ended = main(['sync', ...URLS, '--json'], process.deps);
    engine.fail(error);
    expect(await ended).toBe(exitCode);
    const summary: unknown = JSON.parse(process.stdout);
    expect(summary).toMatchObject({ ok: false, reason: 'failed', name: 'job', error: { code, exitCode } });
    expect(jsonLines(process.stderr).filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(process.stderr).not.toContain('    at ');
    expect(process.listening()).toBe(0);
  });

  test('an engine that does not even start is a failure like any other', async () => {
    const process = harness({
      startSync: () => {
        throw new ReplicantError('INTERNAL', 'impossible');
      },
    });
    expect(await main(['sync', ...URLS, '--http', '127.0.0.1:0'], process.deps)).toBe(70);
    expect(process.stderr).toContain('replicant: impossible');
  });

  test('--status-file holds the last status', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'replicant-'));
    const path = join(folder, 'status.json');
    const engine = fakeEngine();
    const code = main(['sync', ...URLS, '--status-file', path], harness(engine).deps);
    engine.status = { ...engine.status, phase: 'stopped' };
    engine.finish();
    await code;
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(engine.status);
    await rm(folder, { recursive: true });
  });

  test('--quiet leaves nothing but warnings', async () => {
    const engine = fakeEngine();
    const process = harness(engine, { isTty: true });
    const code = main(['sync', ...URLS, '--quiet'], process.deps);
    engine.emit({ level: 'info', event: 'note', message: 'chatter' });
    engine.emit({ level: 'warn', event: 'note', message: 'trouble' });
    engine.finish();
    await code;
    expect(process.stderr).toContain('trouble');
    expect(process.stderr).not.toContain('chatter');
    expect(process.stderr.split('\n')).toHaveLength(2);
  });
});

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('the first %s stops gracefully, exit 0', async (name) => {
    const engine = fakeEngine((self) => self.finish());
    const process = harness(engine);
    const code = main(['sync', ...URLS], process.deps);
    process.signal(name);
    expect(await code).toBe(0);
    expect(engine.stops).toBe(1);
    expect(process.stderr).toContain(`${name}: stopping`);
    expect(process.exits).toEqual([]);
  });

  test.each([
    ['SIGINT', 'SIGINT', 130],
    ['SIGINT', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)('%s, then %s exits at once with %i', async (first, second, exitCode) => {
    const engine = fakeEngine();
    const process = harness(engine);
    const code = main(['sync', ...URLS, '--json'], process.deps);
    process.signal(first);
    process.signal(second);
    expect(process.exits).toEqual([exitCode]);
    expect(engine.stops).toBe(1);
    expect(JSON.parse(process.stdout)).toMatchObject({ ok: false, error: { code: 'INTERRUPTED', exitCode } });
    engine.finish();
    await code;
  });
});

describe('on a terminal', () => {
  test('the progress line is taken away before a log line and at the end', async () => {
    const engine = fakeEngine();
    const process = harness(engine, { isTty: true, env: { NO_COLOR: '1' } });
    const code = main(['sync', ...URLS], process.deps);
    expect(process.stderr).toBe('\r\u001B[2Kstreaming · lag 200 B, 1.5s · 7 commands');
    engine.emit({ level: 'info', event: 'note', message: 'hello' });
    expect(visible(process.stderr)).toMatch(/<ERASE>\[[\d:]+\] INFO: hello\nstreaming[^\n]+$/);
    engine.finish();
    await code;
    expect(visible(process.stderr)).toMatch(/<ERASE>\[[\d:]+\] INFO: stopped: [^<\n]+\n$/);
  });

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', { NO_COLOR: '' }, true],
    ['a dumb terminal', { TERM: 'dumb' }, false],
  ])('colours with %s', async (_name, env, colored) => {
    const engine = fakeEngine();
    const process = harness(engine, { isTty: true, env });
    const code = main(['sync', ...URLS, '--no-progress'], process.deps);
    engine.finish();
    await code;
    expect(process.stderr.includes('\u001B[3')).toBe(colored);
    expect(process.stderr).toContain('stopped: 25 keys');
  });
});

function visible(text: string): string {
  return text.replaceAll('\r\u001B[2K', '<ERASE>');
}

interface LogLine {
  readonly level: string;
  readonly msg: string;
}

function jsonLines(text: string): readonly LogLine[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line): LogLine => JSON.parse(line));
}
