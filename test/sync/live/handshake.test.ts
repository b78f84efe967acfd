/** What is said before the snapshot, and what becomes of every way in which a source can refuse. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningServer } from '../../../scripts/servers.mjs';
import { NEWEST, Servers, startRun, type Run, type RunOptions } from '../../support/live.js';
import { command, handMadeRdb } from '../../support/scripted-primary-rdb.js';
import {
  type Answer,
  CLOSE,
  fullResync,
  hold,
  type Link,
  type LinkScript,
  type PrimaryScript,
  REPLID,
  type ScriptedPrimary,
  startScriptedPrimary,
} from '../../support/scripted-primary.js';

const RDB = handMadeRdb({ databases: { 0: { greeting: 'hello' } } });

describe.skipIf(NEWEST === undefined).concurrent('the handshake', () => {
  const servers = new Servers();
  let target: RunningServer;
  const opened: { primary: ScriptedPrimary; run: Run }[] = [];

  beforeAll(async () => {
    target = await servers.start(NEWEST!);
  });

  afterAll(async () => {
    for (const { primary, run } of opened.splice(0)) {
      run.handle.stop();
      await run.handle.done.catch(() => {});
      await primary.close();
    }
  });

  /** All of them write to one target, side by side. */
  async function attach(
    script: PrimaryScript,
    options: RunOptions = {},
    credentials: { username?: string; password?: string } = {},
  ): Promise<{ primary: ScriptedPrimary; run: Run }> {
    const primary = await startScriptedPrimary(script);
    const run = startRun({ ...primary.endpoint, ...credentials }, target, {
      targetNotEmpty: 'merge',
      ...options,
    });
    opened.push({ primary, run });
    return { primary, run };
  }

  const works: LinkScript = (link) => fullResync(link, RDB);

  test('is PING, AUTH, version, capa, PSYNC, in this order, each after the answer to the one before', async () => {
    const { primary, run } = await attach({ links: [works] }, {}, { username: 'u', password: 'p' });
    await run.event('full-sync-done');
    const [link] = primary.links as readonly [Link];
    expect([...link.greeting, link.asked]).toEqual([
      'PING',
      'AUTH u p',
      expect.stringMatching(/^REPLCONF version \d+\.\d+\.\d+$/u),
      'REPLCONF capa eof capa psync2',
      'PSYNC ? -1',
    ]);
  });

  test('never announces a port, on any connection', async () => {
    const { primary, run } = await attach({ links: [works] });
    await run.event('full-sync-done');
    const said = [...primary.links.flatMap(({ greeting }) => greeting), ...primary.others.flat()];
    expect(said.length).toBeGreaterThan(5);
    expect(said.filter((line) => /listening-port|ip-address/iu.test(line))).toEqual([]);
  });

  test('newlines before +FULLRESYNC and before the header keep it patient and count for nothing', async () => {
    const { run } = await attach({
      links: [
        async (link) => {
          await link.send('\n', '\n', '\n\n');
          await link.send(`+FULLRESYNC ${REPLID} 77\r\n`, '\n', '\n\n', '\n');
          await link.send(`$${RDB.length}\r\n`, RDB);
          await link.ack((ack) => ack.offset === 77);
          await link.send(command('SET', 'a', '1'));
        },
      ],
    });
    const end = 77 + command('SET', 'a', '1').length;
    await run.until('the stream is applied', () => run.shard.appliedOffset >= end);
    expect(run.shard.appliedOffset).toBe(end);
  });

  test('a reply in single bytes', async () => {
    const { run } = await attach({
      links: [
        async (link) => {
          await link.trickle(Buffer.from(`+FULLRESYNC ${REPLID} 5\r\n\n\n$${RDB.length}\r\n`), 1);
          await link.send(RDB);
        },
      ],
    });
    await run.event('full-sync-done');
    expect(run.shard).toMatchObject({ replid: REPLID, appliedOffset: 5 });
  });

  test('a name given to PSYNC is used', async () => {
    const asked: string[] = [];
    const answer: Answer = (args) => {
      asked.push(args[0] ?? '');
      return args[0] === 'XPSYNC' ? '-NOPERM this user has no permissions' : undefined;
    };
    const { run } = await attach({ links: [hold], answer }, { psyncCommand: 'XPSYNC' });
    expect(await run.failure()).toMatchObject({ exitCode: 4 });
    expect(asked).toContain('XPSYNC');
    expect(asked).not.toContain('PSYNC');
  });

  const answered =
    (name: string, line: string): Answer =>
    ([first]) =>
      first === name ? line : undefined;

  describe('refusals that pass: tried again, with the reason in the log', () => {
    test.each([
      ["-NOMASTERLINK Can't SYNC while not connected with my master", /without a link to its primary/u],
      ["-ERR Can't SYNC while not connected with my master", /without a link to its primary/u],
      ['-LOADING Redis is loading the dataset in memory', /is loading its data/u],
      ['-MASTERDOWN Link with MASTER is down', /is busy/u],
      ['-BUSY Redis is busy running a script', /is busy/u],
      ['-ERR SYNC and PSYNC are invalid with pending output', /replies to send/u],
      ['-ERR Unable to perform background save', /could not save a snapshot/u],
    ])('%s', async (line, words) => {
      let refused = 0;
      const answer: Answer = ([first]) => (first === 'PSYNC' && refused++ === 0 ? line : undefined);
      const { run } = await attach({ links: [works], answer });
      await run.event('full-sync-done');
      const waited = run.events.filter(({ event }) => event === 'waiting');
      expect(waited).toHaveLength(1);
      expect(waited[0]!.message).toMatch(words);
      expect(waited[0]!.message).toContain(line.slice(1));
    });

    test('BGSAVE failed in the place of the header', async () => {
      const { run } = await attach({
        links: [
          (link) =>
            link.send(`+FULLRESYNC ${REPLID} 0\r\n`, "\n-ERR BGSAVE failed, replication can't continue\r\n"),
          works,
        ],
      });
      await run.event('full-sync-done');
      expect(run.log).toMatch(/waiting .*could not save a snapshot.*BGSAVE failed/u);
    });

    test('INFO answered with LOADING before anything else', async () => {
      let asked = 0;
      const answer: Answer = ([first]) =>
        first === 'INFO' && asked++ === 0 ? '-LOADING Redis is loading the dataset in memory' : undefined;
      const { run } = await attach({ links: [works], answer });
      await run.event('full-sync-done');
      expect(run.log).toMatch(/waiting the source is not ready: LOADING/u);
    });
  });

  describe('refusals that stay: exit code 4, one line, nothing written', () => {
    test.each([
      ['PSYNC', '-NOAUTH Authentication required.', /another user or password.*NOAUTH/u],
      [
        'PSYNC',
        "-NOPERM User r3 has no permissions to run the 'psync' command",
        /may not replicate.*\+psync/u,
      ],
      [
        'REPLCONF',
        "-NOPERM User r3 has no permissions to run the 'replconf' command",
        /may not replicate.*\+replconf/u,
      ],
      [
        'AUTH',
        '-WRONGPASS invalid username-password pair or user is disabled.',
        /refused AUTH: WRONGPASS.*REPLICANT_SOURCE_PASSWORD/u,
      ],
      ['AUTH', '-ERR invalid password', /refused AUTH: ERR invalid password/u],
      ['PSYNC', '-ERR Filtered replica requires EOF capability', /did not take the replication options/u],
      ['PSYNC', '-ERR syntax error', /did not take the replication options/u],
      ['PSYNC', '-ERR something nobody has heard of', /refused to replicate: ERR something nobody/u],
      ['PSYNC', '+WHATEVER', /WHATEVER/u],
    ])('%s %s', async (name, line, words) => {
      const { run } = await attach({ links: [hold], answer: answered(name, line) }, {}, { password: 'x' });
      const failed = await run.failure();
      expect(failed.exitCode).toBe(4);
      expect(failed.message).toMatch(words);
      expect(failed.message).toMatch(/127\.0\.0\.1:\d+/u);
    });

    test('NOAUTH for PING, without a password', async () => {
      const { run } = await attach({
        links: [hold],
        answer: answered('PING', '-NOAUTH Authentication required.'),
      });
      expect(await run.failure()).toMatchObject({ exitCode: 4, message: expect.stringMatching(/password/u) });
    });
  });

  describe('a source that only knows SYNC (2.6)', () => {
    const unknownPsync = answered('PSYNC', "-ERR unknown command 'PSYNC'");

    test('is copied and followed; there is no offset to go on from, so a break means a new copy', async () => {
      const old = handMadeRdb({ version: 6, serverVersion: '2.6.17', databases: { 0: { a: '1' } } });
      const { primary, run } = await attach({
        answer: unknownPsync,
        links: [
          async (link) => {
            await link.send('\n\n', `$${old.length}\r\n`, old, command('INCR', 'a'));
            await link.ack((ack) => ack.offset > 0);
            await link.cut();
          },
          (link) => link.send(`$${old.length}\r\n`, Buffer.concat([old, command('INCRBY', 'a', '10')])),
        ],
      });
      await run.event('full-resync');
      const client = await servers.client(target);
      await run.until('both streams are applied', async () => (await client.text('GET', 'a')) === '11');
      expect(primary.links.map(({ asked }) => asked)).toEqual(['SYNC', 'SYNC']);
    });

    test('and not even that: the message names --psync-command', async () => {
      const answer: Answer = ([first]) =>
        first === 'PSYNC' || first === 'SYNC' ? `-ERR unknown command '${first}'` : undefined;
      const { run } = await attach({ links: [hold], answer });
      const failed = await run.failure();
      expect(failed).toMatchObject({ exitCode: 4, code: 'SOURCE_DENIED' });
      expect(failed.message).toMatch(/neither PSYNC nor SYNC.*--psync-command/u);
    });

    test('a given name that is unknown is not replaced by SYNC', async () => {
      const { run } = await attach(
        { links: [hold], answer: answered('XPSYNC', "-ERR unknown command 'XPSYNC'") },
        { psyncCommand: 'XPSYNC' },
      );
      const failed = await run.failure();
      expect(failed).toMatchObject({ exitCode: 4 });
      expect(failed.message).toMatch(/XPSYNC.*--psync-command/u);
    });
  });

  describe('not a Redis: exit code 4', () => {
    test.each<[string, PrimaryScript['raw'], RegExp]>([
      [
        'an HTTP server',
        (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
        /Redis or Valkey at this address.*rediss:\/\//u,
      ],
      [
        'random bytes',
        (socket) => socket.write(Buffer.from([0, 1, 2, 0xff, 0xfe, 13, 10, 9])),
        /Redis or Valkey at this address.*rediss:\/\//u,
      ],
      [
        'a TLS alert',
        (socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46])),
        /Redis or Valkey at this address.*rediss:\/\//u,
      ],
      [
        'a door that is closed at once',
        (socket) => socket.end(),
        /connection was closed.*Redis or Valkey at this address/u,
      ],
    ])('%s', async (_, raw, words) => {
      const { run } = await attach({ links: [hold], raw: raw! });
      const failed = await run.failure();
      expect(failed.exitCode).toBe(4);
      expect(failed.message).toMatch(words);
      expect(failed.message).toMatch(/127\.0\.0\.1:\d+/u);
    });

    test('a server that says nothing: given up within bounds', async () => {
      const { run } = await attach({ links: [hold], raw: () => {} });
      const failed = await run.failure();
      expect(failed).toMatchObject({
        exitCode: 4,
        message: expect.stringMatching(/no answer to PING within 10 s/u),
      });
    });

    test('a server that turns into something else behind the first questions', async () => {
      const { run } = await attach({
        links: [hold],
        answer: answered('REPLCONF', 'HTTP/1.1 400 Bad Request'),
      });
      expect(await run.failure()).toMatchObject({
        exitCode: 4,
        message: expect.stringMatching(/does not answer like a Redis/u),
      });
    });

    test('nobody there', async () => {
      const { primary } = await attach({ links: [hold] });
      await primary.close();
      const run = startRun(primary.endpoint, target);
      expect(await run.failure()).toMatchObject({
        exitCode: 4,
        message: expect.stringMatching(/ECONNREFUSED.*is the server running/u),
      });
    });
  });

  test('a Sentinel is refused: exit code 2', async () => {
    const info = 'redis_version:7.2.0\r\nredis_mode:sentinel\r\n';
    const answer: Answer = ([first]) => (first === 'INFO' ? `$${info.length}\r\n${info}` : undefined);
    const { run, primary } = await attach({ links: [hold], answer });
    expect(await run.failure()).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/source is a Sentinel, which sync can't use yet/u),
    });
    expect(primary.links).toEqual([]);
  });

  test('a link that is cut in the middle of the handshake is tried again', async () => {
    let cut = 0;
    const answer: Answer = ([first, second]) =>
      first === 'REPLCONF' && second === 'capa' && cut++ < 2 ? CLOSE : undefined;
    const { primary, run } = await attach({ links: [works], answer });
    await run.event('full-sync-done');
    expect(run.events.filter(({ event }) => event === 'link-lost')).toHaveLength(2);
    expect(primary.links).toHaveLength(1);
  });
});
