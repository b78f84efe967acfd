/**
 * AOFs of real servers whose commands a scratch server carries out: what comes out is what a server holds
 * that has loaded the very same AOF.
 */
import { cpSync, existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import type { ServerBinary } from '../../scripts/servers.mjs';
import { fillEverything } from '../../scripts/workload/fill.mjs';
import { runWriters } from '../../scripts/workload/writers.mjs';
import { main } from '../../src/cli/program.js';
import { openInput } from '../../src/io/input.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { RdbFileWriter } from '../../src/rdb/encode/file-writer.js';
import { fakeEngine } from '../cli/fake-engine.js';
import { harness } from '../cli/harness.js';
import { restore } from '../restore/support.js';
import {
  BINARIES,
  binaryOf,
  CALM,
  differences,
  isAtLeast,
  NEWEST,
  Servers,
  waitFor,
} from '../support/live.js';
import { MemoryTarget } from '../support/text-export.js';
import { Listener, resp } from './support.js';

const servers = new Servers();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scratch-test-'));
  // Where scratch servers put their directories.
  process.env['TMPDIR'] = folder;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The server as one program: those that were fetched run through a loader of their own. */
async function programOf({ id, command }: ServerBinary): Promise<string> {
  const path = join(folder, id);
  await writeFile(path, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

interface Ended {
  readonly code: number;
  readonly data: Buffer;
  readonly log: string;
}

async function run(command: string, ...argv: readonly string[]): Promise<Ended> {
  const process = harness(fakeEngine());
  const target = new MemoryTarget(true);
  const nothing = (): Promise<void> => Promise.resolve();
  const destination = { target, label: 'stdout', folder: undefined, commit: nothing, discard: nothing };
  const code = await main([command, ...argv], { ...process.deps, openStdout: () => destination });
  const data = command === 'inspect' ? Buffer.from(process.stdout) : target.bytes;
  return { code, data, log: process.stderr };
}

let files = 0;

async function loaded(binary: ServerBinary, data: Buffer, format: 'rdb' | 'ndjson'): Promise<Client> {
  const path = join(folder, `${++files}.${format}`);
  await writeFile(path, data);
  const server = await servers.start(binary, format === 'rdb' ? { loadRdb: path } : {});
  if (format === 'ndjson') await restore(path, server);
  return servers.client(server);
}

describe.each(BINARIES.map((binary) => [binary.id, binary] as const))('%s', (_, binary) => {
  const multiPart = isAtLeast(binary, '7.0');
  const layouts = multiPart ? ['yes', 'no'] : ['yes', 'no', 'never'];

  test.each(layouts)('a workload, preamble: %s', async (preamble) => {
    const server = await servers.start(binary, {
      args: {
        appendonly: 'yes',
        appendfsync: 'always',
        'aof-use-rdb-preamble': preamble === 'yes' ? 'yes' : 'no',
        ...(multiPart ? { 'aof-timestamp-enabled': 'yes' } : {}),
      },
    });
    const client = await servers.client(server);
    expect(await fillEverything(client, { seed: 5 })).toMatchObject({ errors: [] });
    if (preamble !== 'never') await rewritten(client);
    const { failure } = await (
      await runWriters(server, {
        ...{ seed: 6, seconds: 1, writers: 2, ratePerSecond: 4000 },
        ...CALM,
      })
    ).done;
    expect(failure).toBeUndefined();
    const name = multiPart ? 'appendonlydir' : 'appendonly.aof';
    const dir = join(folder, `${binary.id}-${preamble}`);
    const path = join(dir, name);
    cpSync(join(server.dir, name), path, { recursive: true });
    await server.stop();
    // What is compared with: the same server, come up again with the same AOF.
    const again = join(folder, `${binary.id}-${preamble}-again`);
    cpSync(dir, again, { recursive: true });
    const truth = await servers.client(
      await servers.start(binary, { dir: again, args: { appendonly: 'yes' } }),
    );
    const program = await programOf(binary);
    for (const format of ['rdb', 'ndjson'] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one scratch server at a time
      const { code, data, log } = await run(
        'export',
        ...[path, '-f', format, '--scratch-server', program, ...(format === 'ndjson' ? ['--meta'] : [])],
      );
      expect([code, log]).toEqual([0, expect.stringContaining('carried out by a scratch server')]);
      // oxlint-disable-next-line no-await-in-loop
      const to = await loaded(binary, data, format);
      // oxlint-disable-next-line no-await-in-loop
      expect(await differences(truth, to, before7(binary))).toEqual([]);
    }
    expect(await leftOvers()).toEqual([]);
  });
});

/** A relative time (RESTORE) counts from when the file was written for us, for the server from its start. */
function before7(binary: ServerBinary): { readonly ttlToleranceMs?: number } {
  return isAtLeast(binary, '7.0') ? {} : { ttlToleranceMs: 30_000 };
}

async function leftOvers(): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => /^replicant-\w{6}$/.test(name));
}

async function rewritten(client: Client): Promise<void> {
  await client.call('BGREWRITEAOF');
  await waitFor('the rewrite', async () => {
    const info = await client.text('INFO', 'persistence');
    return /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(info);
  });
}

/** An RDB as it stands at the start of an AOF of 6.2, with one key. */
function preamble(
  { lfuFrequency = -1, idleSeconds = -1 } = {},
  more: (writer: RdbFileWriter) => void = () => {},
): Buffer {
  const parts: Buffer[] = [];
  const sink = (bytes: Uint8Array): void => void parts.push(Buffer.from(bytes));
  const writer = new RdbFileWriter(sink, { dialect: 'redis', version: 9 });
  writer.aux(bytesOf('redis-ver'), bytesOf('6.2.16'));
  writer.aux(bytesOf('aof-preamble'), bytesOf('1'));
  const key = { keyBytes: bytesOf('a'), keyStart: 0, keyEnd: 1, expiresAtMs: -1, lfuFrequency, idleSeconds };
  writer.entry(0, key, 0, new Uint8Array([1, 0x37]), 0, 2);
  more(writer);
  writer.end();
  return Buffer.concat(parts);
}

interface Line {
  readonly db: number;
  readonly key: string;
  readonly value: unknown;
  readonly expiresAt?: number;
}

function linesOf({ data }: Ended): readonly Line[] {
  return data
    .toString()
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .toSorted((a, b) => a.db - b.db || (a.key < b.key ? -1 : 1));
}

describe.each(['redis-7.0', 'valkey-9.1'].map((series) => [series, binaryOf(series)] as const))(
  'cut short: %s',
  (_, binary) => {
    test.skipIf(binary === undefined)('as far as the server itself would load it', async () => {
      const server = await servers.start(binary!, {
        args: { appendonly: 'yes', appendfsync: 'always', 'aof-timestamp-enabled': 'yes' },
      });
      await runWriters(server, { ...CALM, seed: 9, seconds: 3, writers: 2, ratePerSecond: 800 }).then(
        (writers) => writers.done,
      );
      const program = await programOf(binary!);
      const whole = join(folder, `${binary!.id}-whole`);
      cpSync(join(server.dir, 'appendonlydir'), join(whole, 'appendonlydir'), { recursive: true });
      await server.stop();
      const incr = 'appendonlydir/appendonly.aof.1.incr.aof';
      const bytes = await readFile(join(whole, incr));
      const text = bytes.toString('latin1');
      const stamps = [...text.matchAll(/#TS:(\d+)\r\n/g)];
      expect(stamps.length).toBeGreaterThan(2);
      const multi = text.lastIndexOf('MULTI\r\n') + 20;
      expect(multi).toBeGreaterThan(20);
      const cuts = [
        { at: stamps[1]!.index, argv: ['--to-time', stamps[0]![1]!] },
        { at: stamps[2]!.index, argv: ['--to-time', stamps[1]![1]!] },
        { at: multi, argv: ['--truncated-tail', 'keep'] },
        { at: bytes.length >> 1, argv: ['--truncated-tail', 'keep'] },
        { at: bytes.length - 1, argv: ['--truncated-tail', 'keep'] },
      ];
      for (const { at, argv } of cuts) {
        const dir = join(folder, `${binary!.id}-${at}`);
        cpSync(whole, dir, { recursive: true });
        /* oxlint-disable no-await-in-loop -- one after the other */
        await writeFile(join(dir, incr), bytes.subarray(0, at));
        const path = join(argv[0] === '--to-time' ? whole : dir, 'appendonlydir');
        // The server cuts its file off, so ours is read first.
        const ended = await run('export', path, '-f', 'rdb', '--scratch-server', program, ...argv);
        expect([ended.code, ended.log]).toEqual([
          0,
          expect.stringMatching(
            argv[0] === '--to-time' ? /stopped at --to-time/ : /ends inside a (?:command|transaction)/,
          ),
        ]);
        const truth = await servers.start(binary!, { dir, args: { appendonly: 'yes' } });
        const to = await loaded(binary!, ended.data, 'rdb');
        expect(await differences(await servers.client(truth), to)).toEqual([]);
        await truth.stop();
        /* oxlint-enable no-await-in-loop */
      }
    });
  },
);

describe.skipIf(NEWEST === undefined)('by hand', () => {
  let program = '';
  beforeAll(async () => void (program = await programOf(NEWEST!)));

  async function file(text: string | Buffer, name = `${++files}.aof`): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  }

  async function exported(text: string, ...argv: readonly string[]): Promise<Ended> {
    return run('export', await file(text), '-f', 'ndjson', '--scratch-server', program, ...argv);
  }

  const set = (key: string, value: string): string => resp('SET', key, value);

  test('keys whose time is over are still there, as they are in an RDB', async () => {
    const ended = await exported(
      set('a', '1') + resp('PEXPIREAT', 'a', '1000000') + resp('INCR', 'a') + resp('RENAME', 'a', 'b'),
    );
    expect(ended.code).toBe(0);
    expect(linesOf(ended)).toMatchObject([{ key: 'b', value: '2', expiresAt: 1_000_000 }]);
  });

  test.skipIf(!isAtLeast(NEWEST!, NEWEST!.family === 'valkey' ? '9.0' : '7.4'))(
    'and so are fields',
    async () => {
      const ended = await exported(
        resp('HSET', 'h', 'f', '1') + resp('HPEXPIREAT', 'h', '1000000', 'FIELDS', '1', 'f'),
      );
      expect(linesOf(ended)).toMatchObject([
        { key: 'h', value: [['f', '1']], fieldExpiresAt: [['f', 1_000_000]] },
      ]);
    },
  );

  test('databases, transactions, scripts', async () => {
    const script = "for i = 1, 3 do redis.call('RPUSH', KEYS[1], ARGV[i]) end return 0";
    const ended = await exported(
      resp('SELECT', '4000') +
        set('far', '1') +
        resp('MULTI') +
        resp('SELECT', '3') +
        set('x', '1') +
        resp('EXEC') +
        set('y', '2') +
        resp('MULTI') +
        set('z', '1') +
        resp('DISCARD') +
        resp('EVAL', script, '1', 'l', 'a', 'b', 'c') +
        resp('COPY', 'l', 'l', 'DB', '5') +
        resp('SELECT', '0') +
        set('swapped', '1') +
        resp('SWAPDB', '0', '1'),
    );
    expect(linesOf(ended).map(({ db, key, value }) => [db, key, value])).toEqual([
      [1, 'swapped', '1'],
      [3, 'l', ['a', 'b', 'c']],
      [3, 'x', '1'],
      [3, 'y', '2'],
      [5, 'l', ['a', 'b', 'c']],
      [4000, 'far', '1'],
    ]);
  });

  test('relative times of old files count from when they were written', async () => {
    const ended = await exported(
      `#TS:1700000000\r\n${resp('SET', 'a', '1', 'EX', '100')}${resp('SETEX', 'b', '50', '1')}`,
    );
    expect(linesOf(ended)).toMatchObject([
      { key: 'a', expiresAt: 1_700_000_100_000 },
      { key: 'b', expiresAt: 1_700_000_050_000 },
    ]);
  });

  test('compressed', async () => {
    const path = await file(gzipSync(set('a', '1') + resp('APPEND', 'a', '2')));
    expect(linesOf(await run('export', path, '-f', 'ndjson', '--scratch-server', program))).toMatchObject([
      { key: 'a', value: '12' },
    ]);
  });

  test('behind a preamble, whose hints stay', async () => {
    for (const [hint, told] of [
      [{ lfuFrequency: 200, idleSeconds: -1 }, { lfuFrequency: 200 }],
      [{ lfuFrequency: -1, idleSeconds: 5000 }, { idleSeconds: expect.closeTo(5000, -2) as number }],
    ] as const) {
      const text = Buffer.concat([preamble(hint), Buffer.from(set('b', '1'))]);
      // oxlint-disable-next-line no-await-in-loop
      const ended = await run('export', await file(text), '-f', 'ndjson', '--scratch-server', program);
      expect(linesOf(ended)).toMatchObject([{ key: 'a', value: '7', ...told }, { key: 'b' }]);
    }
  });

  test('from standard input, which can be read only once', async () => {
    const text = Buffer.concat([preamble(), Buffer.from(resp('INCR', 'a'))]);
    const stdin = Readable.from([text.subarray(0, 100), text.subarray(100)]);
    const notes: string[] = [];
    const scratch = { server: program, onNote: (note: string) => void notes.push(note) };
    const input = await openInput('-', { stdin, scratch });
    const listener = new Listener();
    expect(await input.snapshot(listener)).toMatchObject({ format: 'rdb', commandsFollow: false });
    await input.close();
    expect(listener.keys).toEqual(['0:a']);
    expect(notes).toEqual([expect.stringMatching(/REDIS0009, written by redis 6\.2\.16,? .*scratch server/)]);
  });

  test('filters, also for commands', async () => {
    const text = set('a', '1') + set('b', '1') + resp('INCR', 'b');
    const { code, data } = await run(
      'export',
      ...[await file(text), '-f', 'resp', '--include-key', 'b', '--scratch-server', program],
    );
    expect([code, data.toString()]).toEqual([0, expect.stringContaining(set('b', '2'))]);
    expect(data.toString()).not.toContain(set('a', '1'));
  });

  test('inspect', async () => {
    const path = await file(set('a:1', '1') + set('a:2', '1') + resp('DEL', 'a:1') + resp('RPUSH', 'l', 'x'));
    const { code, data } = await run('inspect', path, '--json', '--scratch-server', program);
    expect(code).toBe(0);
    expect(JSON.parse(data.toString())).toMatchObject({ totals: { keys: 2 } });
  });

  test('a command that fails is named with its place; or left out', async () => {
    const good = resp('SELECT', '2') + set('a', '1');
    for (const [bad, message] of [
      [resp('NOSUCH', 'a'), 'NOSUCH of the AOF failed'],
      [resp('LPUSH', 'a', 'x'), 'LPUSH of the AOF failed: WRONGTYPE'],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const stopped = await exported(good + bad + set('b', '1'));
      expect([stopped.code, stopped.log]).toEqual([6, expect.stringContaining(message)]);
      expect(stopped.log).toContain(`byte offset ${good.length}, db 2`);
      // oxlint-disable-next-line no-await-in-loop
      const skipped = await exported(good + bad + set('b', '1'), '--on-error', 'skip');
      expect([skipped.code, linesOf(skipped).map(({ key }) => key)]).toEqual([3, ['a', 'b']]);
    }
    expect(await leftOvers()).toEqual([]);
  });

  test('what the server would refuse the whole snapshot for is salvaged, or told in its words', async () => {
    const one = { keyBytes: bytesOf('x'), keyStart: 0, keyEnd: 1, expiresAtMs: -1, lfuFrequency: -1 };
    const entry = (type: number, ...value: readonly number[]): Buffer =>
      preamble({}, (writer) =>
        writer.entry(0, { ...one, idleSeconds: -1 }, type, new Uint8Array(value), 0, value.length),
      );
    const intset = await file(
      Buffer.concat([entry(11, 9, 3, 0, 0, 0, 1, 0, 0, 0, 1), Buffer.from(set('b', '1'))]),
    );
    const argv = [intset, '-f', 'ndjson', '--scratch-server', program];
    const skipped = await run('export', ...argv, '--on-error', 'skip');
    expect([skipped.code, linesOf(skipped).map(({ key }) => key)]).toEqual([3, ['a', 'b']]);
    const refused = await run('export', ...argv);
    expect([refused.code, refused.log]).toEqual([6, expect.stringMatching(/intset integrity/i)]);
    const module = entry(7, 0x81, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0x01, 2, 5, 0);
    const unknown = await file(Buffer.concat([module, Buffer.from(set('b', '1'))]));
    const ended = await run('export', unknown, '-f', 'keys', '--scratch-server', program);
    expect([ended.code, ended.log]).toEqual([6, expect.stringContaining('no matching module')]);
    expect(await leftOvers()).toEqual([]);
  });

  test('a tail that is cut off, or damaged', async () => {
    const text = set('a', '1') + resp('MULTI') + set('a', '2');
    const cut = await exported(text);
    expect([cut.code, cut.log]).toEqual([6, expect.stringContaining('--truncated-tail keep')]);
    expect(linesOf(await exported(text, '--truncated-tail', 'keep'))).toMatchObject([{ value: '1' }]);
    const damaged = await exported(`${set('a', '1')}garbage`);
    expect([damaged.code, damaged.log]).toEqual([6, expect.stringContaining('byte offset 27')]);
    expect(await leftOvers()).toEqual([]);
  });

  test('a server that ends, never comes, or is none', async () => {
    const text = await file(set('a', '1'));
    const with_ = (path: string): Promise<Ended> =>
      run('export', text, '-f', 'keys', '--scratch-server', path);
    const ending = join(folder, 'ending');
    await writeFile(
      ending,
      `#!/bin/sh\n[ "$1" = --version ] && exec ${program} --version\necho "# can't do it" >&2\nexit 1\n`,
    );
    await chmod(ending, 0o755);
    const ended = await with_(ending);
    expect([ended.code, ended.log]).toEqual([6, expect.stringContaining("can't do it")]);
    const none = await with_('/bin/true');
    expect([none.code, none.log]).toEqual([2, expect.stringContaining('names no version')]);
    expect((await with_('/nonexistent')).code).toBe(2);
    expect(await leftOvers()).toEqual([]);
  });

  test('no server at all, which matters only when there are commands', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      const ended = await run('export', await file(set('a', '1')), '-f', 'keys');
      expect([ended.code, ended.log]).toEqual([6, expect.stringContaining('--scratch-server')]);
      expect((await run('export', await file(preamble()), '-f', 'keys')).code).toBe(0);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test('an interruption leaves nothing behind', async () => {
    const slow = join(folder, 'slow');
    await writeFile(
      slow,
      `#!/bin/sh\n[ "$1" = --version ] && exec ${program} --version\necho $$ > ${folder}/slow.pid\nexec sleep 30\n`,
    );
    await chmod(slow, 0o755);
    const proc = harness(fakeEngine());
    const text = await file(set('a', '1'));
    const ending = main(['inspect', text, '--scratch-server', slow], proc.deps);
    const pid = await waitFor('the server', () => existsSync(join(folder, 'slow.pid')));
    expect(pid).toBe(true);
    proc.signal('SIGINT');
    expect(await ending).toBe(130);
    expect(await leftOvers()).toEqual([]);
  });
});
