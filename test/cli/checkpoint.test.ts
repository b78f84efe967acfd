/** `replicant checkpoint` as a command: usage, what it shows and removes, exit codes. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import type { RunningServer } from '../../scripts/servers.mjs';
import { connectionName } from '../../src/checkpoint/connections.js';
import { type Checkpoint, checkpointKey, formatCheckpoint } from '../../src/checkpoint/record.js';
import { main } from '../../src/cli/program.js';
import { checkpoint, owner } from '../checkpoint/support.js';
import { NEWEST, Servers } from '../support/live.js';
import { harness, type Harness, type HarnessOptions } from './harness.js';

const noEngine = {
  startSync: () => {
    throw new Error('nothing is synced here');
  },
};
const TARGET = 'redis://127.0.0.1:1';

async function run(argv: readonly string[], options?: HarnessOptions): Promise<Harness & { code: number }> {
  const process = harness(noEngine, options);
  const code = await main(['checkpoint', ...argv], process.deps);
  expect(process.listening()).toBe(0);
  return Object.assign(process, { code });
}

describe('wrong usage touches nothing', () => {
  test.each([
    [[], 'there is nothing to do'],
    [['show'], 'there is no target'],
    [['delete', TARGET], 'action: expected show or clear'],
    [['clear', TARGET], 'which job?'],
    [['clear', TARGET, '--name', 'a', '--all'], 'exclude each other'],
    [['show', TARGET, '--force'], '--force is for'],
    [['show', TARGET, '--name', 'a b'], '--name: expected'],
    [['show', 'dump.rdb'], 'target'],
    [['show', TARGET, 'more'], 'no such option or argument'],
    [['show', TARGET, '--target-tls-insecure'], 'not reached over TLS'],
  ])('%j', async (argv, message) => {
    const { code, stdout, stderr } = await run(argv);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

test('help has examples and exit codes', async () => {
  const { code, stdout } = await run(['--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('replicant checkpoint <show|clear> <target>');
  expect(stdout).toContain('replicant checkpoint clear redis://new:6379 --all');
  expect(stdout).toContain('Exit codes');
});

test('a target that is not there', async () => {
  const { code, stdout } = await run(['show', TARGET, '--json']);
  expect(code).toBe(5);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    reason: 'failed',
    error: { code: 'TARGET_UNREACHABLE', exitCode: 5 },
  });
});

describe.skipIf(NEWEST === undefined)('with a server', () => {
  const servers = new Servers();
  let server: RunningServer;
  let client: Client;

  beforeAll(async () => {
    server = await servers.start(NEWEST!, { password: 'secret' });
    client = await servers.client(server);
  });

  afterEach(async () => {
    await client.call('FLUSHALL');
    await client.call('CLIENT', 'SETNAME', '');
  });

  async function put(parts: Partial<Checkpoint> = {}): Promise<void> {
    const given = checkpoint(parts);
    await client.call('SET', checkpointKey(given.job), formatCheckpoint(given));
  }

  const on = async (action: string, ...more: string[]): Promise<Harness & { code: number }> =>
    await run([action, server.url, ...more], { env: { REPLICANT_TARGET_PASSWORD: 'secret' } });

  test('the password is asked for', async () => {
    const { code, stderr } = await run(['show', server.url]);
    expect(code).toBe(5);
    expect(stderr).toContain('REPLICANT_TARGET_PASSWORD');
  });

  test('nothing there', async () => {
    const shown = await on('show', '--json');
    expect([shown.code, JSON.parse(shown.stdout)]).toEqual([0, { ok: true, checkpoints: [] }]);
    const said = await on('show');
    expect([said.code, said.stdout]).toEqual([0, '']);
    expect(said.stderr).toContain('there is no checkpoint');
    const cleared = await on('clear', '--all', '--json');
    expect([cleared.code, JSON.parse(cleared.stdout)]).toEqual([0, { ok: true, cleared: [] }]);
    for (const action of ['show', 'clear']) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const missing = await on(action, '--name', 'orders');
      expect(missing.code).toBe(5);
      expect(missing.stderr).toContain('there is no checkpoint of job orders');
    }
  });

  test('all jobs, as a table and as JSON', async () => {
    await put();
    await put({ job: 'a.b', owner: undefined, offset: 2 ** 53 - 1, timeMs: Date.now() - 3000 });
    await client.call('CLIENT', 'SETNAME', connectionName('orders', owner('a').id));
    const { code, stdout } = await on('show');
    expect(code).toBe(0);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^job +source +state +offset +db +written +owner$/u);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/^a\.b +10\.0\.0\.7:6379 +streaming +9007199254740991 +3 +[\d.]+s ago +none$/u);
    expect(rows[1]).toMatch(/^orders .* 1407 .* pid 71 on box, alive, last sign of life \d+ s ago$/u);
    const json = await on('show', '--json');
    expect(json.code).toBe(0);
    expect(json.stdout.endsWith('}\n')).toBe(true);
    expect(json.stdout.trimEnd()).not.toContain('\n');
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: true,
      checkpoints: [
        {
          ...checkpoint({ job: 'a.b' }),
          owner: null,
          offset: 2 ** 53 - 1,
          timeMs: expect.any(Number),
          refused: null,
        },
        {
          ...checkpoint(),
          refused: null,
          position: '8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb:1407',
          owner: { ...owner('a'), state: 'alive', idleSeconds: expect.any(Number) },
          ageSeconds: expect.any(Number),
        },
      ],
    });
  });

  test('one job in full, in plain words', async () => {
    await put({
      state: 'loading',
      loaded: 12_300_000,
      mirror: true,
      inMulti: true,
      refused: { command: 'SET', offset: 99, error: 'ERR \u001b[2Jno' },
    });
    const { code, stdout } = await on('show', '--name', 'orders');
    expect(code).toBe(0);
    expect(stdout).toContain(
      'loading, 12.3 MB of the snapshot are on the target, the rest of its keys will be removed\n',
    );
    expect(stdout).toContain('position  8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb:1407\n');
    expect(stdout).toContain('database  3, inside a transaction of the source\n');
    expect(stdout).toContain('written   2026-01-01 00:00:01 UTC (');
    expect(stdout).toContain('owner     pid 71 on host box since 2026-01-01 00:00:00 UTC: gone\n');
    expect(stdout).toContain('expiry    deadlines of the next minutes are held back\n');
    expect(stdout).toContain(String.raw`refused   SET at offset 99: ERR \x1b[2Jno`);
  });

  test('a time of another world does no harm', async () => {
    await put({ timeMs: 2 ** 53 - 1, owner: { ...owner('a'), sinceMs: 2 ** 53 - 1 } });
    const { code, stdout } = await on('show', '--name', 'orders');
    expect(code).toBe(0);
    expect(stdout).toContain('an unknown time');
  });

  test('one that cannot be read is shown, named, and can be cleared', async () => {
    await client.call('SET', checkpointKey('broken'), 'hello');
    const table = await on('show');
    expect(table.code).toBe(5);
    expect(table.stdout).toMatch(/broken .*unreadable/u);
    expect(table.stderr).toContain('damaged');
    const json = await on('show', '--name', 'broken', '--json');
    expect(json.code).toBe(5);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      checkpoints: [{ job: 'broken', error: { code: 'CHECKPOINT' } }],
    });
    expect((await on('show', '--name', 'broken')).stdout).toContain('problem   the checkpoint');
    expect((await on('clear', '--name', 'broken')).code).toBe(0);
    expect(await client.call('DBSIZE')).toBe(0);
  });

  test('clear removes that key and nothing else', async () => {
    await put({ job: 'a', owner: undefined, expiry: { ...checkpoint().expiry, state: 'released' } });
    await put({ job: 'b', owner: undefined });
    await client.call('SET', 'user:1', 'x');
    const { code, stdout, stderr } = await on('clear', '--name', 'a', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, { ok: true, cleared: ['a'] }]);
    expect(stderr).not.toContain('held back');
    expect((await client.text('KEYS', '*')).toSorted()).toEqual([checkpointKey('b'), 'user:1']);
    const all = await on('clear', '--all', '--json');
    expect(JSON.parse(all.stdout)).toEqual({ ok: true, cleared: ['b'] });
    expect(all.stderr).toContain('deadlines');
    expect(all.stderr).toContain('sync');
    expect(await client.text('KEYS', '*')).toEqual(['user:1']);
  });

  test('what is left behind is said', async () => {
    const expiry = { ...checkpoint().expiry, mode: 'import-mode' as const };
    await put({ owner: undefined, state: 'loading', mirror: true, expiry });
    const { stderr } = await on('clear', '--all');
    expect(stderr).toContain('the copy was not complete');
    expect(stderr).toContain('import mode');
  });

  test('a job that is held is not cleared, and with --all no other either', async () => {
    await put({ job: 'a', owner: undefined });
    await put();
    await client.call('CLIENT', 'SETNAME', connectionName('orders', owner('a').id));
    for (const which of [['--name', 'orders'], ['--all']]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const { code, stdout } = await on('clear', ...which, '--json');
      expect([code, JSON.parse(stdout)]).toMatchObject([
        5,
        {
          ok: false,
          error: { code: 'TARGET_HELD', message: expect.stringMatching(/pid 71 on host box.*--force/u) },
        },
      ]);
    }
    expect(await client.call('DBSIZE')).toBe(2);
    expect((await on('clear', '--name', 'orders', '--force')).code).toBe(0);
    expect(await client.text('KEYS', '*')).toEqual([checkpointKey('a')]);
  });
});
