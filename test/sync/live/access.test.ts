/** Getting in: passwords, users with few rights, TLS, unix sockets; and being turned away with clear words. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import type { Endpoint, TlsOptions } from '../../../src/net/endpoint.js';
import { differences, NEWEST, Servers, startRun } from '../../support/live.js';
import { runProgram } from '../../support/live-program.js';
import {
  type Certificates,
  freePort,
  HAS_OPENSSL,
  makeCertificates,
  readPem,
} from '../../support/live-tls.js';

const at = (port: number, more: Partial<Endpoint> = {}): Endpoint => ({
  address: { kind: 'tcp', host: '127.0.0.1', port },
  ...more,
});

describe.skipIf(NEWEST === undefined)('passwords and users', () => {
  const servers = new Servers();
  let source: RunningServer;
  let target: RunningServer;
  let from: Client;
  let to: Client;

  beforeAll(async () => {
    source = await servers.start(NEWEST!, { password: 'source pass/word?#' });
    target = await servers.start(NEWEST!, { password: 'target-secret' });
    from = await servers.client(source);
    to = await servers.client(target);
    await from.pipeline([
      ['SET', 'k', 'v'],
      ['ACL', 'SETUSER', 'minimal', 'on', '>rights', '-@all', '+psync', '+replconf', '+ping'],
      ['ACL', 'SETUSER', 'reader', 'on', '>rights', '~*', '+@all', '-psync', '-sync'],
      ['ACL', 'SETUSER', 'mute', 'on', '>rights', '~*', '+@all', '-replconf'],
    ]);
    await to.call('ACL', 'SETUSER', 'readonly', 'on', '>rights', '~*', '+@all', '-@write');
  });

  const whole: Partial<Endpoint> = { password: 'source pass/word?#' };
  const targetAccess: Partial<Endpoint> = { password: 'target-secret' };

  test('requirepass on both sides', async () => {
    await to.call('FLUSHALL');
    const run = startRun(at(source.port, whole), at(target.port, targetAccess), { until: 'caught-up' });
    expect(await run.end()).toMatchObject({ ok: true, reason: 'caught-up' });
    expect(await differences(from, to)).toEqual([]);
    expect(run.log).not.toMatch(/pass\/word|secret/u);
  });

  test('the program takes passwords from the environment, and prints none', async () => {
    await to.call('FLUSHALL');
    const run = runProgram(source.url, target.url, {
      args: ['--until', 'caught-up'],
      env: { REPLICANT_SOURCE_PASSWORD: 'source pass/word?#', REPLICANT_TARGET_PASSWORD: 'target-secret' },
    });
    const exit = await run.exited;
    expect(exit.stderr).toMatch(/caught up/u);
    expect(exit).toMatchObject({ code: 0, summary: { ok: true, reason: 'caught-up', totals: { keys: 1 } } });
    expect(exit.stderr + exit.stdout).not.toMatch(/pass\/word|target-secret/u);
  });

  test('a user who may only replicate: INFO, TIME and CONFIG are not needed', async () => {
    await to.call('FLUSHALL');
    const run = startRun(
      at(source.port, { username: 'minimal', password: 'rights' }),
      at(target.port, targetAccess),
    );
    await run.event('caught-up');
    await from.call('SET', 'later', '1');
    await run.until('it is there', async () => (await to.text('GET', 'later')) === '1');
    expect(await run.stop()).toMatchObject({ ok: true });
    await to.call('FLUSHALL');
    const short = startRun(
      at(source.port, { username: 'minimal', password: 'rights' }),
      at(target.port, targetAccess),
      { until: 'caught-up' },
    );
    expect(await short.end()).toMatchObject({ reason: 'caught-up' });
    expect(await differences(from, to)).toEqual([]);
  });

  test.each([
    [
      'without psync',
      { username: 'reader', password: 'rights' },
      /may not replicate.*\+psync \+replconf \+ping/u,
    ],
    [
      'without replconf',
      { username: 'mute', password: 'rights' },
      /may not replicate.*\+psync \+replconf \+ping/u,
    ],
    ['with a wrong password', { password: 'wrong' }, /refused AUTH: WRONGPASS.*REPLICANT_SOURCE_PASSWORD/u],
    ['with no password', {}, /NOAUTH.*REPLICANT_SOURCE_PASSWORD/u],
    ['that nobody knows', { username: 'nobody', password: 'x' }, /WRONGPASS/u],
  ])('a source user %s: exit code 4', async (_, access, words) => {
    await to.call('FLUSHALL');
    const failed = await startRun(at(source.port, access), at(target.port, targetAccess)).failure();
    expect(failed).toMatchObject({ exitCode: 4, code: 'SOURCE_DENIED' });
    expect(failed.message).toMatch(words);
    expect(await to.call('DBSIZE')).toBe(0);
  });

  test.each([
    ['with a wrong password', { password: 'wrong' }, /refused AUTH: WRONGPASS.*REPLICANT_TARGET_PASSWORD/u],
    ['with no password', {}, /NOAUTH.*REPLICANT_TARGET_PASSWORD/u],
    ['that may not write', { username: 'readonly', password: 'rights' }, /NOPERM.*give it the permission/u],
  ])('a target user %s: exit code 5', async (_, access, words) => {
    await to.call('FLUSHALL');
    const failed = await startRun(at(source.port, whole), at(target.port, access)).failure();
    expect(failed.exitCode).toBe(5);
    expect(failed.message).toMatch(words);
  });

  test('a target user without CONFIG and INFO', async () => {
    await to.pipeline([
      ['FLUSHALL'],
      ['ACL', 'SETUSER', 'blind', 'on', '>rights', '~*', '&*', '+@all', '-config', '-info'],
    ]);
    const run = startRun(at(source.port, whole), at(target.port, { username: 'blind', password: 'rights' }), {
      until: 'caught-up',
    });
    expect(await run.end()).toMatchObject({ ok: true });
    expect(await differences(from, to)).toEqual([]);
  });

  test('a password changed while it runs: the link is torn, and then it is over', async () => {
    await to.call('FLUSHALL');
    const run = startRun(at(source.port, whole), at(target.port, targetAccess));
    await run.event('caught-up');
    await from.call('CONFIG', 'SET', 'requirepass', 'another');
    await from.call('CLIENT', 'KILL', 'TYPE', 'replica');
    expect(await run.failure()).toMatchObject({ exitCode: 4, message: expect.stringMatching(/WRONGPASS/u) });
    await from.call('CONFIG', 'SET', 'requirepass', 'source pass/word?#');
  });
});

describe.skipIf(NEWEST === undefined)('unix sockets', () => {
  const servers = new Servers();

  test('on both sides, with nothing but the socket on one', async () => {
    const source = await servers.start(NEWEST!, { unixsocket: true, args: { port: 0 }, port: 0 });
    const target = await servers.start(NEWEST!, { unixsocket: true });
    const from = await servers.client(source);
    await from.call('SET', 'k', 'v');
    const run = startRun(`unix://${source.unixsocket!}`, `unix://${target.unixsocket!}`, {
      until: 'caught-up',
    });
    expect(await run.end()).toMatchObject({ reason: 'caught-up' });
    expect(run.log).toContain(source.unixsocket!);
    expect(await differences(from, await servers.client(target))).toEqual([]);
  });

  test('that are not there', async () => {
    const target = await servers.start(NEWEST!);
    const failed = await startRun('unix:///nowhere/server.sock', target).failure();
    expect(failed).toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/ENOENT.*nowhere\/server\.sock/u),
    });
  });
});

describe.skipIf(NEWEST === undefined || !HAS_OPENSSL)('TLS', () => {
  const servers = new Servers();
  let certificates: Certificates;
  let source: RunningServer;
  let target: RunningServer;
  let tlsSource = 0;
  let tlsTarget = 0;

  beforeAll(async () => {
    certificates = makeCertificates();
    [tlsSource, tlsTarget] = [await freePort(), await freePort()];
    source = await servers.start(NEWEST!, { args: certificates.args(tlsSource) });
    target = await servers.start(NEWEST!, { args: certificates.args(tlsTarget, 'yes') });
  });

  afterAll(() => certificates.remove());

  const tls = (more: Partial<TlsOptions> = {}): Partial<Endpoint> => ({ tls: { insecure: false, ...more } });
  const own = (): Partial<TlsOptions> => ({
    ca: readPem(certificates.ca),
    cert: readPem(certificates.cert),
    key: readPem(certificates.key),
  });

  test('on both sides with the CA, and a client certificate where one is wanted', async () => {
    const from = await servers.client(source);
    const to = await servers.client(target);
    await from.pipeline([
      ['SET', 'k', 'v'.repeat(300_000)],
      ['FLUSHDB'],
      ['SET', 'k', 'v'.repeat(3_000_000)],
    ]);
    const run = startRun(at(tlsSource, tls({ ca: readPem(certificates.ca) })), at(tlsTarget, tls(own())));
    await run.event('caught-up');
    await from.pipeline([
      ['APPEND', 'k', 'w'.repeat(2_000_000)],
      ['SET', 'later', '1'],
    ]);
    await run.caughtUpWith(from);
    expect(await differences(from, to)).toEqual([]);
    await run.stop();
    await to.call('FLUSHALL');
  });

  test('through the program, with files', async () => {
    const { ca, cert, key } = certificates;
    const run = runProgram(`rediss://localhost:${tlsSource}`, `rediss://127.0.0.1:${tlsTarget}`, {
      args: [
        ...['--until', 'caught-up', '--source-tls-insecure'],
        ...['--target-tls-ca', ca, '--target-tls-cert', cert, '--target-tls-key', key],
      ],
    });
    const exit = await run.exited;
    expect(exit.stderr).toMatch(/caught up/u);
    expect(exit.code).toBe(0);
    const to = await servers.client(target);
    await to.call('FLUSHALL');
  });

  test.each([
    ['a CA of another', () => tls({ ca: readPem(certificates.otherCa) }), /tls-ca.*tls-insecure/u],
    ['no CA at all', () => tls(), /tls-ca.*tls-insecure/u],
    ['another name', () => tls({ ca: readPem(certificates.ca), serverName: 'example.org' }), /example\.org/u],
  ])('%s: exit code 4', async (_, access, words) => {
    const failed = await startRun(at(tlsSource, access()), target).failure();
    expect(failed).toMatchObject({ exitCode: 4 });
    expect(failed.message).toMatch(words);
  });

  test('any certificate when told so', async () => {
    const run = startRun(at(tlsSource, tls({ insecure: true })), target, { until: 'caught-up' });
    expect(await run.end()).toMatchObject({ ok: true });
    const to = await servers.client(target);
    await to.call('FLUSHALL');
  });

  test('no client certificate where one is wanted: exit code 5', async () => {
    const failed = await startRun(source, at(tlsTarget, tls({ insecure: true }))).failure();
    expect(failed).toMatchObject({ exitCode: 5 });
  });

  test('TLS to a plain port, and plain to a TLS port', async () => {
    const toPlain = await startRun(at(source.port, tls({ insecure: true })), target).failure();
    expect(toPlain).toMatchObject({ exitCode: 4, message: expect.stringMatching(/redis:\/\//u) });
    const toTls = await startRun(at(tlsSource), target).failure();
    expect(toTls).toMatchObject({ exitCode: 4, message: expect.stringMatching(/rediss:\/\//u) });
  });
});
