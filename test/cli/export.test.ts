import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/program.js';
import { ReaderGone } from '../../src/export/fd-target.js';
import { MemoryTarget } from '../support/text-export.js';
import { fakeEngine } from './fake-engine.js';
import { harness, type Harness } from './harness.js';

const SNAPSHOT = fileURLToPath(new URL('../../fixtures/corpus/redis-7.4.1.rdb', import.meta.url));

let folder = '';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'replicant-export-'))));
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly data: string;
  readonly process: Harness;
}

async function run(argv: readonly string[], target: MemoryTarget = new MemoryTarget(true)): Promise<Ended> {
  const process = harness(fakeEngine());
  const nothing = (): Promise<void> => Promise.resolve();
  const destination = { target, label: 'stdout', folder: undefined, commit: nothing, discard: nothing };
  const code = await main(['export', ...argv], { ...process.deps, openStdout: () => destination });
  return { code, data: target.bytes.toString(), process };
}

describe('to standard output', () => {
  test.each(['ndjson', 'json', 'csv', 'keys', 'resp'])('%s, and nothing else there', async (format) => {
    const { code, data, process } = await run([SNAPSHOT, '-f', format]);
    expect([code, process.stdout]).toEqual([0, '']);
    expect(data.length).toBeGreaterThan(1000);
    expect(process.stderr).toMatch(/^\{[^\n]+"msg":"138 keys as \w+ to stdout, [^\n]+\n$/);
  });

  test('rdb', async () => {
    const { code, data } = await run([SNAPSHOT, '-f', 'rdb']);
    expect([code, data.slice(0, 9)]).toEqual([0, 'REDIS0012']);
  });

  test('several sources, filtered and mapped', async () => {
    const argv = [SNAPSHOT, SNAPSHOT, '-f', 'ndjson', '--include-key', '*str:short', '--map-db', '3=1'];
    const { code, data } = await run(argv);
    const lines = data
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines).toMatchObject(
      [0, 1, 0, 1].map((db) => ({ db, key: db === 0 ? 'str:short' : 'db3:str:short', value: 'hello' })),
    );
  });

  test('whose reader goes away is no failure', async () => {
    class Gone extends MemoryTarget {
      override write(): Promise<void> {
        return Promise.reject(new ReaderGone('gone'));
      }
    }
    const { code, process } = await run([SNAPSHOT, '-f', 'json'], new Gone(true));
    expect(code).toBe(0);
    expect(process.stderr).toContain('until its reader went away');
  });

  test('--quiet says nothing', async () => {
    const { process } = await run([SNAPSHOT, '-f', 'keys', '--quiet']);
    expect(process.stderr).toBe('');
  });
});

describe('into a file', () => {
  test('the format by its name, a summary with --json', async () => {
    const out = join(folder, 'memory.csv');
    const { code, process } = await run([SNAPSHOT, '-o', out, '--json']);
    expect(code).toBe(0);
    const text = await readFile(out, 'utf8');
    expect(text).toMatch(/^database,type,key,/);
    expect(JSON.parse(process.stdout)).toMatchObject({
      ...{ ok: true, format: 'csv', output: out, keys: 138, lost: 0 },
      bytesWritten: text.length,
    });
  });

  test('one that is there is not touched, unless --force says so', async () => {
    const out = join(folder, 'there.json');
    await writeFile(out, 'mine');
    const refused = await run([SNAPSHOT, '-o', out]);
    expect([refused.code, await readFile(out, 'utf8')]).toEqual([2, 'mine']);
    expect(refused.process.stderr).toContain('there already');
    const link = join(folder, 'link.json');
    await symlink(out, link);
    expect((await run([SNAPSHOT, '-o', link, '--force'])).code).toBe(0);
    expect(await readFile(out, 'utf8')).toMatch(/^\[\{\n"/);
    const rdb = join(folder, 'there.rdb');
    await writeFile(rdb, 'mine');
    expect((await run([SNAPSHOT, '-o', rdb])).code).toBe(2);
    expect(await readFile(rdb, 'utf8')).toBe('mine');
  });

  test('a damaged input leaves no file, nor a half one, and exit 6', async () => {
    const place = join(folder, 'damaged');
    await mkdir(place);
    const snapshot = await readFile(SNAPSHOT);
    const cut = join(place, 'cut.rdb');
    await writeFile(cut, snapshot.subarray(0, 60_000));
    const { code, process } = await run([cut, '-o', join(place, 'out.json'), '--json']);
    expect(code).toBe(6);
    expect(JSON.parse(process.stdout)).toMatchObject({
      ok: false,
      error: {
        code: 'RDB_TRUNCATED',
        exitCode: 6,
        message: expect.stringMatching(/cut\.rdb, byte offset \d+/),
      },
    });
    expect(await readdir(place)).toEqual(['cut.rdb']);
    const skipped = await run([cut, '-o', join(place, 'out.json'), '--on-error', 'skip']);
    expect(skipped.code).toBe(3);
    expect(skipped.process.stderr).toContain('left out: the RDB ends in the middle');
    const [first] = JSON.parse(await readFile(join(place, 'out.json'), 'utf8')) as [object];
    expect(Object.keys(first).length).toBeGreaterThan(10);
  });

  test('a wrong checksum is told when everything is out', async () => {
    const snapshot = await readFile(SNAPSHOT);
    snapshot[snapshot.length - 1]! ^= 1;
    const wrong = join(folder, 'wrong.rdb');
    await writeFile(wrong, snapshot);
    const argv = [wrong, '-f', 'keys', '--escape', '-o', join(folder, 'wrong.keys')];
    const { code, process } = await run(argv);
    expect(code).toBe(6);
    expect(process.stderr).toContain('the checksum is wrong');
    expect((await readFile(join(folder, 'wrong.keys'), 'utf8')).trimEnd().split('\n')).toHaveLength(138);
    expect((await run([...argv, '--force', '--no-checksum'])).code).toBe(0);
    expect((await run([...argv, '--force', '--on-error', 'skip'])).code).toBe(3);
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk is a clear error', async () => {
    const { code, process } = await run([SNAPSHOT, '-f', 'json', '-o', '/dev/full']);
    expect(code).toBe(5);
    expect(process.stderr).toContain('there is no space left on the device');
  });

  test('a signal stops it and leaves nothing', async () => {
    const place = join(folder, 'stopped');
    await mkdir(place);
    const process = harness(fakeEngine());
    const ended = main(['export', SNAPSHOT, '-o', join(place, 'out.json')], process.deps);
    process.signal('SIGTERM');
    expect(await ended).toBe(143);
    expect(await readdir(place)).toEqual([]);
    expect(process.listening()).toBe(0);
  });
});

describe('an AOF', () => {
  const command = (...words: string[]): string =>
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
  const first = `#TS:1700000000\r\n${command('SELECT', '3')}${command('SET', 'a', '1')}`;
  const file = `${first}#TS:1700000100\r\n${command('SET', 'b', '2')}`;
  const carried = [command('SELECT', '0'), command('SELECT', '3'), command('SET', 'a', '1')];

  const written = async (text: string): Promise<string> => {
    const path = join(folder, 'some.aof');
    await writeFile(path, text);
    return path;
  };

  test('goes as commands, up to a time if need be', async () => {
    const all = await run([await written(file), '-f', 'resp']);
    expect([all.code, all.data]).toEqual([0, [...carried, command('SET', 'b', '2')].join('')]);
    const some = await run([await written(file), '-f', 'resp', '--to-time', '1700000050']);
    expect([some.code, some.data]).toEqual([0, carried.join('')]);
    expect(some.process.stderr).toContain('stopped at --to-time');
  });

  test('that ends inside a command is refused, or kept up to there', async () => {
    const cut = await written(file.slice(0, -3));
    expect((await run([cut, '-f', 'resp'])).code).toBe(6);
    const kept = await run([cut, '-f', 'resp', '--truncated-tail', 'keep']);
    expect([kept.code, kept.data]).toEqual([0, carried.join('')]);
    expect(kept.process.stderr).toMatch(/ends inside a command at byte offset \d+/);
  });

  test.each([[['-f', 'ndjson']], [['-f', 'rdb']], [['-f', 'resp', '--include-key', 'a']]])(
    'is refused where its commands have no place, and no server is there to carry them out: %j',
    async (argv) => {
      const path = globalThis.process.env['PATH'];
      globalThis.process.env['PATH'] = folder;
      const { code, process } = await run([await written(file), ...argv]);
      globalThis.process.env['PATH'] = path;
      expect(code).toBe(6);
      expect(process.stderr).toMatch(
        /no redis-server or valkey-server was found.+some\.aof.+--scratch-server/,
      );
    },
  );
});

describe('wrong usage is exit 2 and touches nothing', () => {
  test.each([
    [[], /there is nothing to export/],
    [[SNAPSHOT], /no format is named/],
    [[SNAPSHOT, '-o', 'out.xml'], /no format is named/],
    [[SNAPSHOT, '-f', 'xml'], /--format: expected one of ndjson, json/],
    [[SNAPSHOT, '-f', 'json', '--json'], /--json needs -o: standard output carries the data/],
    [[SNAPSHOT, '-f', 'json', '-o', '-', '--json'], /--json needs -o/],
    [[SNAPSHOT, '-f', 'json', '--meta'], /--meta means nothing to -f json/],
    [[SNAPSHOT, '-f', 'csv', '--restore'], /--restore means nothing to -f csv/],
    [[SNAPSHOT, '-f', 'resp', '--for', 'mysql'], /--for: expected a server such as/],
    [[SNAPSHOT, '-f', 'keys', '--ttl', '5'], /--ttl: expected with, without, or a time/],
    [[SNAPSHOT, '-f', 'keys', '--min-size', 'big'], /--min-size: expected a number of bytes/],
    [[SNAPSHOT, '-f', 'keys', '--include-regex', '('], /--include-regex: expected a regular expression/],
    [[SNAPSHOT, '-f', 'keys', '--to-time', 'noon'], /--to-time: expected a time such as/],
    [['-', '-', '-f', 'keys'], /- \(standard input\) is named more than once/],
    [['redis://a/1', 'redis://b/2', '-f', 'keys'], /only when that is the one source/],
    [['/nonexistent.rdb', '-f', 'keys'], /there is no such file \(\/nonexistent\.rdb\)/],
    [[SNAPSHOT, '-f', 'keys', '-o', '/nonexistent/out'], /there is no such folder/],
    [[SNAPSHOT, '-f', 'keys', '-o', '/'], /the output is a directory/],
  ])('%j', async (argv, message) => {
    const { code, process, data } = await run(argv);
    expect(process.stderr).toMatch(message);
    expect([code, data]).toEqual([2, '']);
    expect(existsSync('out.xml')).toBe(false);
  });
});

test('options may come from the environment and from a file that serves other commands, too', async () => {
  const process = harness(fakeEngine(), {
    env: { REPLICANT_FORMAT: 'keys', REPLICANT_CONFIG: 'r.toml' },
    files: { 'r.toml': 'until = "caught-up"\nescape = true\ninclude-type = ["stream"]\nexclude-db = [3]' },
  });
  const out = join(folder, 'streams.txt');
  expect(await main(['export', SNAPSHOT, '-o', out], process.deps)).toBe(0);
  const keys = (await readFile(out, 'utf8')).trimEnd().split('\n');
  expect(keys.length).toBeGreaterThan(3);
  expect(keys.every((key) => key.startsWith('stream:'))).toBe(true);
});
