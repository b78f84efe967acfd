/**
 * The servers that every live test builds on: found, started, answering, stopped without a trace.
 * A series that cannot be had is a skipped test with the reason in its title.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { findLocalServers } from '../../scripts/lib/local-servers.mjs';
import { ReplyError } from '../../scripts/lib/client.mjs';
import { compareVersions, findServers, startServer, surveyServers } from '../../scripts/servers.mjs';

const { servers, missing } = await surveyServers();
const newest = servers.at(-1);
const scratch = mkdtempSync(join(tmpdir(), 'servers-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

for (const { series, why } of missing) {
  test.skipIf(why !== '')(`${series} cannot be had: ${why}`, () => {
    expect(servers.map((server) => server.series)).toContain(series);
  });
}

test('the survey names each server once, and is the same when asked again', async () => {
  const ids = servers.map((server) => server.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect((await findServers()).map((server) => server.id)).toEqual(ids);
  for (const { id, family, series, version } of servers) {
    expect(id).toBe(`${family}-${version}`);
    expect(version.startsWith(`${series.slice(family.length + 1)}.`)).toBe(true);
  }
});

describe.each(servers)('$id ($origin)', (binary) => {
  test('starts, says its version, stops, and leaves nothing', async () => {
    const server = await startServer(binary);
    const client = await server.client();
    const info = await client.text('INFO', 'server');
    expect(info).toContain(`${binary.family}_version:${binary.version}`);
    expect(await client.text('DEBUG', 'DIGEST')).toMatch(/^0{40}$/);
    await client.close();
    const { pid = 0, dir } = server;
    expect(existsSync(dir)).toBe(true);
    await server.stop();
    await server.stop();
    expect(existsSync(dir)).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(server.logText()).toMatch(/ready to accept connections/i);
  });

  test('keeps its data over kill and restart when they were saved', async () => {
    const server = await startServer(binary, { password: 'a "quoted" one', unixsocket: true });
    const before = await server.client();
    await before.call('SET', 'saved', 'yes');
    await before.call('SAVE');
    await before.call('SET', 'unsaved', 'gone');
    await server.kill();
    await expect(before.call('PING')).rejects.toThrow('connection lost');
    await server.restart();
    const after = await server.client({ path: server.unixsocket });
    expect(await after.text('MGET', 'saved', 'unsaved')).toEqual(['yes', null]);
    await after.close();

    const copy = await startServer(binary, { loadRdb: join(server.dir, 'dump.rdb') });
    const client = await copy.client();
    expect(await client.text('GET', 'saved')).toBe('yes');
    await client.close();
    await copy.stop();
    await server.stop();
  });
});

describe.skipIf(newest === undefined)('a running server', () => {
  const binary = newest!;

  test('a paused server does not answer until it is resumed; stop works on a paused one', async () => {
    const server = await startServer(binary);
    const client = await server.client();
    server.pause();
    let isAnswered = false;
    const reply = client.call('PING').finally(() => (isAnswered = true));
    await expect(server.client({ timeoutMs: 200 }).then((other) => other.call('PING'))).rejects.toThrow(
      'no reply',
    );
    expect(isAnswered).toBe(false);
    server.resume();
    expect(await reply).toBe('PONG');
    server.pause();
    await server.stop();
    expect(existsSync(server.dir)).toBe(false);
  });

  test('a directory that was given stays, and a port that is taken is an error that names it', async () => {
    const dir = join(scratch, 'own');
    mkdirSync(dir);
    const server = await startServer(binary, { dir });
    await expect(startServer(binary, { port: server.port })).rejects.toThrow(/in use/);
    await server.stop();
    expect(existsSync(dir)).toBe(true);
  });

  test('directives reach the server, one line per element of an array', async () => {
    const args = { databases: 3, 'client-output-buffer-limit': ['normal 0 0 0', 'replica 7mb 6mb 5'] };
    const server = await startServer(binary, { args });
    const client = await server.client();
    expect(await client.text('CONFIG', 'GET', 'databases')).toEqual(['databases', '3']);
    const limits = await client.text('CONFIG', 'GET', 'client-output-buffer-limit');
    expect(limits[1]).toContain('7340032 6291456 5');
    await client.close();
    await server.stop();
  });

  test('a configuration that the server refuses is an error with its log', async () => {
    await expect(startServer(binary, { args: { 'no-such-directive': 1 } })).rejects.toThrow(
      /ended at start.*/s,
    );
  });

  test.skipIf(process.platform !== 'linux')('a server dies with a program that is killed', async () => {
    const script = join(scratch, 'holder.mjs');
    const module = new URL('../../scripts/servers.mjs', import.meta.url).href;
    writeFileSync(
      script,
      `import { startServer } from ${JSON.stringify(module)};
       const server = await startServer(${JSON.stringify(binary)}, { dir: ${JSON.stringify(scratch)} });
       console.log(server.pid);
       setInterval(() => {}, 1000);`,
    );
    const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) => {
      holder.stdout.once('data', (text: Buffer) => resolve(Number(text.toString())));
    });
    expect(process.kill(pid, 0)).toBe(true);
    holder.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});

describe.skipIf(newest === undefined)('the client', () => {
  const binary = newest!;

  test('replies of every kind, errors as values in pipelines, bytes unchanged', async () => {
    const server = await startServer(binary);
    const client = await server.client();
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 256);
    expect(await client.call('SET', bytes.subarray(0, 256), bytes)).toBe('OK');
    expect(Buffer.compare(await client.call('GET', bytes.subarray(0, 256)), bytes)).toBe(0);
    expect(await client.call('GET', 'nothing')).toBeNull();
    await client.call('SET', 'n', Number.MAX_SAFE_INTEGER);
    expect(await client.call('INCR', 'n')).toBe(9007199254740992n);
    await client.call('RPUSH', 'l', 1, '', 'é');
    const [error, list, empty] = await client.pipeline([
      ['GET', 'l'],
      ['LRANGE', 'l', 0, -1],
      ['LRANGE', 'none', 0, -1],
    ]);
    expect(error).toBeInstanceOf(ReplyError);
    expect(error).toHaveProperty('code', 'WRONGTYPE');
    expect(list).toEqual(['1', '', 'é'].map((text) => Buffer.from(text)));
    expect(empty).toEqual([]);
    await expect(client.call('GET', 'l')).rejects.toThrow('WRONGTYPE');
    expect(await client.text('EVAL', 'return {1, {"a", {}}, false}', 0)).toEqual([1, ['a', []], null]);
    await client.close();
    await client.close();
    await expect(client.call('PING')).rejects.toThrow('closed');
    await server.stop();
  });

  test('a closed port is an error that names it', async () => {
    const server = await startServer(binary);
    await server.stop();
    await expect(server.client()).rejects.toThrow(`cannot connect to 127.0.0.1:${server.port}`);
  });
});

describe("servers of one's own", () => {
  test.skipIf(newest === undefined)('REPLICANT_SERVERS: programs in directories by version', async () => {
    const dir = join(scratch, 'servers');
    mkdirSync(join(dir, 'some', 'bin'), { recursive: true });
    const quoted = newest!.command.map((word) => `'${word}'`).join(' ');
    const path = join(dir, 'some', 'bin', `${newest!.family}-server`);
    writeFileSync(path, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
    const { servers: found, problems } = await findLocalServers({ env: { REPLICANT_SERVERS: dir } });
    expect(problems).toEqual([]);
    expect(found.map((server) => [server.id, server.command])).toEqual([[newest!.id, [path]]]);
  });

  test('a directory without servers, and a program that does not run, are told', async () => {
    const dir = join(scratch, 'broken');
    mkdirSync(dir);
    const empty = await findLocalServers({ env: { REPLICANT_SERVERS: dir } });
    expect(empty).toEqual({ servers: [], problems: [expect.stringContaining('holds no redis-server')] });
    writeFileSync(join(dir, 'redis-server'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    const broken = await findLocalServers({ env: { REPLICANT_SERVERS: dir } });
    expect(broken.problems[0]).toContain('does not run');
  });
});

test('versions are ordered by number', () => {
  expect(['8.0.6', '10.0.0', '8.0.10', '6.0.16'].toSorted(compareVersions)).toEqual([
    '6.0.16',
    '8.0.6',
    '8.0.10',
    '10.0.0',
  ]);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
