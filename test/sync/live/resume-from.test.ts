/**
 * `--resume-from REPLID:OFFSET[:DB]`, for those who have brought the data to the target by other means: the
 * stream is followed from there, without a snapshot, if the source still has it; a new full copy is taken, and
 * said, when it has not. It counts once, at the start; from then on the checkpoint does.
 */
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import type { RunningServer } from '../../../scripts/servers.mjs';
import {
  awaitCaughtUp,
  equalOrExplain,
  startCounting,
  startTool,
  temporaryDirectory,
  type Tool,
} from '../../support/kill-loop.js';
import { program } from '../../support/live-program.js';
import { NEWEST, offsetOf, Servers, startRun, waitFor } from '../../support/live.js';
import { REPLID, startScriptedPrimary } from '../../support/scripted-primary.js';
import { command } from '../../support/scripted-primary-rdb.js';

const servers = new Servers();
const JOB = 'seeded';

interface Stage {
  readonly source: RunningServer;
  readonly target: RunningServer;
  readonly stateDir: string;
  readonly from: Client;
  readonly to: Client;
  /** Where the source stood when its file was copied to the target. */
  readonly replid: string;
  readonly offset: number;
  readonly start: (...args: string[]) => Tool;
}

// Takes seconds.
beforeAll(() => void program(), 60_000);

/** A source with history, and a target that was started from a file of it. */
async function stage(): Promise<Stage> {
  const source = await servers.start(NEWEST!);
  const from = await servers.client(source);
  // A replica that has been there makes the source count its stream.
  const replica = await servers.start(NEWEST!, { replicaOf: { port: source.port } });
  const counting = await startCounting(source, 3);
  await from.pipeline([
    ['SET', 'session', 'a', 'PX', 3_600_000],
    ['SET', 'short', 'b', 'PX', 30_000],
    ['SADD', 'set', 1, 2, 3],
  ]);
  await counting.stop();
  await replica.stop();
  await from.call('SAVE');
  const info: string = await from.text('INFO', 'replication');
  const replid = /master_replid:(\w+)/u.exec(info)![1]!;
  const offset = await offsetOf(from);
  const file = join(temporaryDirectory(), 'copied.rdb');
  copyFileSync(join(source.dir, 'dump.rdb'), file);
  const target = await servers.start(NEWEST!, { loadRdb: file });
  const to = await servers.client(target);
  const stateDir = temporaryDirectory();
  const options = { source: source.url, target: target.url, stateDir };
  return {
    ...{ source, target, stateDir, from, to, replid, offset },
    start: (...args) => startTool({ ...options, program: program(), args: ['--name', JOB, ...args] }),
  };
}

async function stop(tool: Tool): Promise<void> {
  expect((await tool.kill('SIGTERM')).code).toBe(0);
}

const isSnapshot = (line: string): boolean => /full sync started|full copy is taken/u.test(line);

describe.skipIf(NEWEST === undefined)('--resume-from', () => {
  test('goes on from there, without a snapshot; and then from the checkpoint', async () => {
    const { source, from, to, replid, offset, start } = await stage();
    const counting = await startCounting(source, 3);
    const first = start('--resume-from', `${replid}:${offset}`);
    await first.says(/caught up/u);
    await first.kill();
    const second = start();
    await counting.stop();
    await awaitCaughtUp(second, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    await stop(second);
    expect([...first.log, ...second.log].filter(isSnapshot)).toEqual([]);
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test('in the database it names', async () => {
    const server = await servers.start(NEWEST!);
    const to = await servers.client(server);
    await to.call('SET', 'brought', 1);
    const stream = command('SET', 'no-select', 'before');
    const asked: string[] = [];
    const primary = await startScriptedPrimary({
      offset: () => 500 + stream.length,
      replid: () => REPLID,
      links: [
        async (link) => {
          asked.push(link.asked);
          await link.send(`+CONTINUE ${REPLID}\r\n`, stream);
        },
      ],
    });
    try {
      const run = startRun(primary, server, { resumeFrom: { replid: REPLID, offset: 500, db: 3 } });
      await run.event('caught-up');
      await run.stop();
      expect(asked).toEqual([`PSYNC ${REPLID} 501`]);
      await to.call('SELECT', 3);
      expect(await to.text('GET', 'no-select')).toBe('before');
    } finally {
      await primary.close();
    }
  });

  test('a history that the source does not know: said, and copied anew', async () => {
    const { source, from, to, offset, start } = await stage();
    await to.call('SET', 'ghost', 1);
    const counting = await startCounting(source, 3);
    const first = start('--resume-from', `${'f'.repeat(40)}:${offset}`);
    await first.says(/the source starts over: a new full copy is taken/u);
    await counting.stop();
    await awaitCaughtUp(first, from);
    expect(await equalOrExplain(from, to)).toEqual([]);
    await stop(first);
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
  });

  test('with a checkpoint that counts: the same command line again applies nothing twice', async () => {
    const { source, from, to, replid, offset, start } = await stage();
    const args = ['--resume-from', `${replid}:${offset}`];
    const first = start(...args);
    await first.says(/caught up/u);
    const counting = await startCounting(source, 3);
    await from.call('INCR', 'counted');
    await awaitCaughtUp(first, from, 1).catch(() => undefined);
    await waitFor('the count', async () => (await to.text('GET', 'counted')) === '1');
    await first.kill();
    const second = start(...args);
    await second.says(/--resume-from is not needed: the target carries a checkpoint/u);
    await counting.stop();
    await awaitCaughtUp(second, from);
    await stop(second);
    expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    expect([...first.log, ...second.log].filter(isSnapshot)).toEqual([]);
  });

  test(
    'killed in the full copy that was needed after all: it is not asked for a second time',
    { timeout: 60_000 },
    async () => {
      const { target, stateDir, from, to, offset, start } = await stage();
      for (let part = 0; part < 60; part++) {
        await from.pipeline(
          Array.from({ length: 1000 }, (_, at) => ['RPUSH', `l:${part}:${at}`, 'x'.repeat(300)]),
        );
      }
      const args = ['--resume-from', `${'f'.repeat(40)}:${offset}`];
      const first = start(...args);
      await first.says(/the snapshot has been received/u);
      await waitFor('part of it on the target', async () => Number(await to.call('DBSIZE')) > 1000);
      // The target stands still, until all of the snapshot is on disk.
      target.pause();
      const file = join(stateDir, 'spool', 'snapshot-000001.seg');
      const sizes: number[] = [];
      await waitFor('the spool is written', () => {
        sizes.push(statSync(file).size);
        return sizes.length > 100 && new Set(sizes.slice(-100)).size === 1;
      });
      await first.kill();
      target.resume();
      const second = start(...args);
      await second.says(/caught up/u);
      expect(second.log.filter(isSnapshot)).toEqual([]);
      await awaitCaughtUp(second, from);
      await stop(second);
      expect(await equalOrExplain(from, to, { held: false })).toEqual([]);
    },
  );
});
