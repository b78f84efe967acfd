/**
 * Links that break while the stream runs. What counts is the target: counters and appended letters show
 * every command that was lost or applied twice.
 */
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import { NEWEST, Pool, type Run, type RunOptions, Servers, startRun } from '../../support/live.js';
import { command, commands, handMadeRdb } from '../../support/scripted-primary-rdb.js';
import {
  fullResync,
  type Link,
  type LinkScript,
  OTHER_REPLID,
  REPLID,
  type ScriptedPrimary,
  startScriptedPrimary,
} from '../../support/scripted-primary.js';

const BASE = 1000;
const RDB = handMadeRdb({ databases: { 0: { n: '0' } } });
const GETACK = command('REPLCONF', 'GETACK', '*');

interface Stage {
  readonly primary: ScriptedPrimary;
  readonly run: Run;
  readonly client: Client;
}

/** The offset a link asks to go on from: of the first byte it wants, from 0. */
function wanted(link: Link): number {
  const [, , offset] = link.asked.split(' ');
  return Number(offset) - 1;
}

/** Goes on where the link asks, up to `upTo` of the whole stream (which starts at BASE). */
async function goOn(link: Link, stream: Buffer, upTo: number, replid?: string): Promise<void> {
  await link.send(`+CONTINUE${replid === undefined ? '' : ` ${replid}`}\r\n`);
  await link.send(stream.subarray(wanted(link) - BASE, upTo));
}

describe.skipIf(NEWEST === undefined).concurrent('a stream', () => {
  const pool = new Pool(new Servers(), NEWEST);

  async function stage<T>(
    links: readonly LinkScript[],
    action: (stage: Stage) => Promise<T>,
    options: RunOptions = {},
  ): Promise<T> {
    return await pool.use(async (target, client) => {
      const primary = await startScriptedPrimary({ links });
      const run = startRun(primary.endpoint, target, options);
      try {
        const result = await action({ primary, run, client });
        expect(primary.failures).toEqual([]);
        return result;
      } finally {
        run.handle.stop();
        await run.handle.done.catch(() => {});
        await primary.close();
      }
    });
  }

  const applied = (run: Run, offset: number): Promise<void> =>
    run.until(`offset ${offset} is applied`, () => run.shard.appliedOffset === offset);

  test('every byte of it counts, and GETACK is answered with its own included', async () => {
    const parts = [
      command('PING'),
      command('SELECT', 0),
      command('INCR', 'n'),
      command('MULTI'),
      command('INCR', 'n'),
      command('EXEC'),
      command('REPLCONF', 'TIMESTAMP', '1'),
      GETACK,
    ];
    const stream = Buffer.concat(parts);
    const script: LinkScript = async (link) => {
      await fullResync(link, RDB, BASE);
      await link.send(stream);
      const ack = await link.ack(({ offset }) => offset === BASE + stream.length);
      await link.send(GETACK);
      const second = await link.ack(({ offset }) => offset === BASE + stream.length + GETACK.length);
      expect(second.atMs - ack.atMs).toBeLessThan(900);
    };
    await stage([script], async ({ run, client }) => {
      await applied(run, BASE + stream.length + GETACK.length);
      expect(await client.text('GET', 'n')).toBe('2');
    });
  });

  test('of a 2.8 source starts at offset 1', async () => {
    const stream = command('INCR', 'n');
    const script: LinkScript = async (link) => {
      await fullResync(
        link,
        handMadeRdb({ version: 6, serverVersion: '2.8.24', databases: { 0: { n: '0' } } }),
        1,
      );
      await link.send(stream);
      await link.ack(({ offset }) => offset === 1 + stream.length);
      await link.cut();
    };
    const again: LinkScript = async (link) => {
      expect(link.asked).toBe(`PSYNC ${REPLID} ${2 + stream.length}`);
      await link.send('+CONTINUE\r\n', stream);
    };
    await stage([script, again], async ({ run, client }) => {
      await applied(run, 1 + 2 * stream.length);
      expect(await client.text('GET', 'n')).toBe('2');
    });
  });

  // A transaction, plain commands, one of each kind that is looked at.
  const STREAM = Buffer.concat([
    commands(`SELECT 0
      INCR n
      APPEND log a
      MULTI
      INCR n
      APPEND log b
      EXEC
      PING
      APPEND log c`),
    command('APPEND', 'log', 'd\r\n*1\r\n'),
    commands(`SELECT 4
      INCR n`),
  ]);

  test.each([0, 1, 2, 3])(
    'cut at any byte goes on with the exact next one: nothing is lost, nothing comes twice (%i of 4)',
    { timeout: 60_000 },
    async (lane) => {
      const cuts = Array.from({ length: STREAM.length }, (_, at) => at).filter((at) => at % 4 === lane);
      const first: LinkScript = async (link) => {
        await fullResync(link, RDB, BASE);
        await link.cut();
      };
      const asked: number[] = [];
      const upTo = (end: number) => async (link: Link) => {
        asked.push(wanted(link) - BASE);
        await goOn(link, STREAM, end);
        await link.ack();
        if (end < STREAM.length) await link.cut();
      };
      await stage([first, ...cuts.map(upTo), upTo(STREAM.length)], async ({ run, client, primary }) => {
        await run.until('the end is applied', () => run.shard.appliedOffset === BASE + STREAM.length, 50_000);
        expect(await client.text('GET', 'n')).toBe('2');
        expect(await client.text('GET', 'log')).toBe('abcd\r\n*1\r\n');
        await client.call('SELECT', 4);
        expect(await client.text('GET', 'n')).toBe('1');
        expect(run.handle.summary()).toMatchObject({ fullSyncs: 1, partialResyncs: cuts.length + 1 });
        expect(primary.links.slice(1).every(({ asked: words }) => words.startsWith(`PSYNC ${REPLID} `))).toBe(
          true,
        );
        // It asks for what it has not got: part of a command is not asked for again.
        expect(asked).toEqual([0, ...cuts]);
      });
    },
  );

  test('a command of megabytes cut in the middle, several times', async () => {
    const value = 'v'.repeat(3_000_000);
    const stream = Buffer.concat([
      command('INCR', 'n'),
      command('APPEND', 'big', value),
      command('INCR', 'n'),
    ]);
    const first: LinkScript = async (link) => {
      await fullResync(link, RDB, BASE);
      await link.send(stream.subarray(0, 700_000));
      await link.cut();
    };
    const next = (end: number) => async (link: Link) => {
      await goOn(link, stream, end);
      if (end < stream.length) await link.cut();
    };
    await stage([first, next(700_001), next(2_000_000), next(stream.length)], async ({ run, client }) => {
      await applied(run, BASE + stream.length);
      expect(await client.text('GET', 'n')).toBe('2');
      expect(await client.call('STRLEN', 'big')).toBe(value.length);
      expect(run.handle.summary().fullSyncs).toBe(1);
    });
  });

  test('goes on under a new replid, and is asked for under it from then on', async () => {
    const stream = Buffer.concat([command('INCR', 'n'), command('INCR', 'n'), command('INCR', 'n')]);
    const one = stream.length / 3;
    await stage(
      [
        async (link) => {
          await fullResync(link, RDB, BASE);
          await link.send(stream.subarray(0, one));
          await link.ack(({ offset }) => offset === BASE + one);
          await link.cut();
        },
        async (link) => {
          await goOn(link, stream, 2 * one, OTHER_REPLID.toUpperCase());
          await link.ack(({ offset }) => offset === BASE + 2 * one);
          await link.cut();
        },
        async (link) => {
          expect(link.asked).toBe(`PSYNC ${OTHER_REPLID} ${BASE + 2 * one + 1}`);
          await goOn(link, stream, 3 * one);
        },
      ],
      async ({ run, client }) => {
        await applied(run, BASE + stream.length);
        expect(await client.text('GET', 'n')).toBe('3');
        expect(run.shard.replid).toBe(OTHER_REPLID);
        expect(run.log).toMatch(/partial-resync .*under a new replid/u);
      },
    );
  });

  describe.concurrent('a full resync on reconnect', () => {
    const SECOND = handMadeRdb({ databases: { 0: { n: '40' }, 2: { other: 'x' } } });
    const offerSecond: LinkScript = (link) =>
      link.send(`+FULLRESYNC ${OTHER_REPLID} 10\r\n$${SECOND.length}\r\n`, SECOND);

    test('is announced, and leaves what the source has and nothing else; ACKs start over with it', async () => {
      const before = commands('INCR n\nSET ghost boo\nSELECT 5\nSET ghost boo');
      await stage(
        [
          async (link) => {
            await fullResync(link, RDB, BASE);
            await link.send(before);
            await link.ack(({ offset }) => offset === BASE + before.length);
            await link.cut();
          },
          async (link) => {
            // A younger history: its offsets are lower.
            await fullResync(link, SECOND, 10, OTHER_REPLID);
            await link.send(command('INCR', 'n'));
          },
        ],
        async ({ run, client, primary }) => {
          await applied(run, 10 + command('INCR', 'n').length);
          expect(run.log).toMatch(
            /warn full-resync .*new full copy is taken.*is then removed from the target/u,
          );
          expect(run.log).toMatch(/note removed 2 of \d+ keys/u);
          expect(await client.text('GET', 'n')).toBe('41');
          // In database 0 the checkpoint stands as well.
          const keyspace: string = await client.text('INFO', 'keyspace');
          expect([...keyspace.matchAll(/^db\d+:keys=\d+/gmu)].map(String)).toEqual([
            'db0:keys=2',
            'db2:keys=1',
          ]);
          expect(await client.call('EXISTS', 'ghost')).toBe(0);
          const acks = primary.links[1]!.acks.map(({ offset }) => offset);
          expect(Math.max(...acks)).toBeLessThanOrEqual(10 + command('INCR', 'n').length);
        },
      );
    });

    test('after a break inside MULTI: what was open is not applied, and it comes to an end', async () => {
      const open = commands('MULTI\nINCR n\nSET ghost boo');
      await stage(
        [
          async (link) => {
            await fullResync(link, RDB, BASE);
            await link.send(open);
            await link.ack();
            await link.cut();
          },
          offerSecond,
        ],
        async ({ run, client, primary }) => {
          await run.until(
            'the second copy is complete',
            () => run.shard.phase === 'streaming' && run.shard.appliedOffset === 10,
          );
          expect(await client.text('GET', 'n')).toBe('40');
          expect(await client.text('GET', 'ghost')).toBeNull();
          expect(primary.links.length).toBeLessThanOrEqual(3);
        },
      );
    });

    test('after a break inside a command of megabytes', async () => {
      const big = command('SET', 'ghost', 'v'.repeat(3_000_000));
      await stage(
        [
          async (link) => {
            await fullResync(link, RDB, BASE);
            await link.send(big.subarray(0, 2_000_000));
            await link.cut();
          },
          offerSecond,
        ],
        async ({ run, client, primary }) => {
          await run.until(
            'the second copy is complete',
            () => run.shard.phase === 'streaming' && run.shard.appliedOffset === 10,
          );
          expect(await client.text('GET', 'n')).toBe('40');
          expect(await client.call('EXISTS', 'ghost')).toBe(0);
          expect(primary.links.length).toBeLessThanOrEqual(3);
        },
      );
    });

    test('with merge: keys of the target stay', async () => {
      await stage(
        [
          async (link) => {
            await fullResync(link, RDB, BASE);
            await link.cut();
          },
          (link) => fullResync(link, SECOND, 10, OTHER_REPLID),
        ],
        async ({ run, client }) => {
          await client.call('SET', 'mine', '1');
          await run.event('full-resync');
          await run.until(
            'the second copy is complete',
            () => run.shard.phase === 'streaming' && run.shard.appliedOffset === 10,
          );
          expect(run.log).toMatch(/full-resync .*stay on the target/u);
          expect(await client.text('MGET', 'mine', 'n')).toEqual(['1', '40']);
        },
        { targetNotEmpty: 'merge' },
      );
    });

    describe.concurrent('with merge: a key that is past its deadline in the second copy', () => {
      const DEADLINE = Date.now() - 1000;
      const HELD = BigInt(DEADLINE) + 2n ** 52n;
      const expired = Buffer.concat([
        Buffer.from([0xfc]),
        Buffer.from(BigInt64Array.of(BigInt(DEADLINE)).buffer),
        Buffer.from([0, 1, 0x6e, 1, 0x39]),
      ]);
      const later = handMadeRdb({ databases: { 0: { other: '1' } }, extra: expired });
      const first: LinkScript = async (link) => {
        await fullResync(link, RDB, BASE);
        await link.cut();
      };

      test('is there with a held deadline until the source deletes it, as with a replica', async () => {
        let go = (): void => {};
        const looked = new Promise<void>((resolve) => (go = resolve));
        const del = command('DEL', 'n');
        await stage(
          [
            first,
            async (link) => {
              await fullResync(link, later, 10, OTHER_REPLID);
              await looked;
              await link.send(del);
            },
          ],
          async ({ run, client }) => {
            await run.event('full-resync');
            await run.event('caught-up');
            await applied(run, 10);
            expect(await client.text('MGET', 'n', 'other')).toEqual(['9', '1']);
            expect(String(await client.call('PEXPIRETIME', 'n'))).toBe(String(HELD));
            go();
            await applied(run, 10 + del.length);
            expect(await client.call('EXISTS', 'n')).toBe(0);
            expect(run.handle.summary()).toMatchObject({ expiredKeys: 0 });
          },
          { targetNotEmpty: 'merge' },
        );
      });

      test('goes with a clean stop, which makes its deadline the true one', async () => {
        await stage(
          [first, (link) => fullResync(link, later, 10, OTHER_REPLID)],
          async ({ run, client }) => {
            await run.event('full-resync');
            await applied(run, 10);
            expect(await client.text('GET', 'n')).toBe('9');
            expect(await run.stop()).toMatchObject({ ok: true });
            expect(await client.text('MGET', 'n', 'other')).toEqual([null, '1']);
          },
          { targetNotEmpty: 'merge' },
        );
      });

      test('is removed at once with --expiry plain, and counted', async () => {
        await stage(
          [first, (link) => fullResync(link, later, 10, OTHER_REPLID)],
          async ({ run, client }) => {
            await run.event('full-resync');
            await applied(run, 10);
            expect(await client.text('MGET', 'n', 'other')).toEqual([null, '1']);
            expect(run.handle.summary()).toMatchObject({ expiredKeys: 1 });
          },
          { targetNotEmpty: 'merge', expiry: 'plain' },
        );
      });
    });

    test('--until caught-up does not end on what an older history had reached', async () => {
      const before = commands('INCR n\nINCR n\nINCR n\nINCR n\nINCR n\nINCR n');
      let offset = 1_000_000;
      let replid = REPLID;
      await pool.use(async (target, client) => {
        const primary = await startScriptedPrimary({
          offset: () => offset,
          replid: () => replid,
          links: [
            async (link) => {
              await fullResync(link, RDB, BASE);
              await link.send(before);
              await link.ack(({ offset: acked }) => acked === BASE + before.length);
              offset = 10 + command('INCR', 'n').length;
              replid = OTHER_REPLID;
              await link.cut();
            },
            async (link) => {
              await fullResync(link, SECOND, 10, OTHER_REPLID);
              await link.ack(({ offset: acked }) => acked === 10);
              await link.send(command('INCR', 'n'));
            },
          ],
        });
        const run = startRun(primary.endpoint, target, { until: 'caught-up' });
        expect(await run.end()).toMatchObject({
          reason: 'caught-up',
          appliedOffset: offset,
          replid: OTHER_REPLID,
        });
        expect(await client.text('GET', 'n')).toBe('41');
        await primary.close();
      });
    });
  });

  describe.concurrent('with garbage', () => {
    const good = command('INCR', 'n');

    test.each<[string, Buffer]>([
      ['between commands', Buffer.from('-ERR something went wrong\r\n')],
      ['in a length', Buffer.from('*2\r\n$4\r\nINCR\r\n$x\r\nn\r\n')],
      ['in the place of an argument', Buffer.from('*2\r\n$4\r\nINCR\r\n:1\r\nn\r\n')],
      [
        'with a length that is too long',
        Buffer.from('*2\r\n$4\r\nINCR\r\n$9\r\nn\r\n*2\r\n$4\r\nIN????????'),
      ],
      ['with a count that is too high', Buffer.from('*3\r\n$4\r\nINCR\r\n$1\r\nn\r\n*2\r\n$4\r\nINCR\r\n')],
    ])('%s: a new link goes on at the last good byte', async (_, garbage) => {
      const stream = Buffer.concat([good, good, good]);
      await stage(
        [
          async (link) => {
            await fullResync(link, RDB, BASE);
            await link.send(good, garbage);
          },
          async (link) => {
            expect(wanted(link) - BASE).toBeLessThanOrEqual(good.length);
            await goOn(link, stream, stream.length);
          },
        ],
        async ({ run, client }) => {
          await applied(run, BASE + stream.length);
          expect(await client.text('GET', 'n')).toBe('3');
          const at = Number(/link-lost byte 0x.*byte offset (\d+)/u.exec(run.log)?.[1]);
          expect(at).toBeGreaterThanOrEqual(BASE + good.length);
          expect(at).toBeLessThan(BASE + good.length + garbage.length);
        },
      );
    });

    test('every time: it gives up with exit code 4', async () => {
      await stage(
        [
          (link) => fullResync(link, RDB, BASE).then(() => link.send('garbage')),
          (link) => link.send('+CONTINUE\r\n', 'garbage'),
        ],
        async ({ run, primary }) => {
          expect(await run.failure()).toMatchObject({
            exitCode: 4,
            message: expect.stringMatching(/byte 0x67 in the stream/u),
          });
          expect(primary.links.length).toBeLessThan(12);
        },
      );
    });
  });

  test('a command for a database the target does not have ends the run before anything is written elsewhere', async () => {
    const script: LinkScript = async (link) => {
      await fullResync(link, RDB, BASE);
      await link.send(commands('SELECT 16\nSET misplaced 1'));
    };
    await stage([script], async ({ run, client }) => {
      const failed = await run.failure();
      expect(failed).toMatchObject({ exitCode: 5, message: expect.stringMatching(/16 databases.*db 16/u) });
      expect(await client.call('EXISTS', 'misplaced')).toBe(0);
    });
  });

  test('the database in force where the stream starts is the one the snapshot names', async () => {
    const script: LinkScript = async (link) => {
      await fullResync(link, handMadeRdb({ streamDb: 4, databases: { 0: { a: '1' } } }), BASE);
      await link.send(command('SET', 'b', '2'));
      await link.ack(({ offset }) => offset > BASE);
      await link.cut();
    };
    const again: LinkScript = async (link) => link.send('+CONTINUE\r\n', command('SET', 'c', '3'));
    await stage([script, again], async ({ run, client }) => {
      await run.until(
        'both are applied',
        () => run.shard.appliedOffset === BASE + 2 * command('SET', 'b', '2').length,
      );
      await client.call('SELECT', 4);
      expect(await client.text('MGET', 'b', 'c')).toEqual(['2', '3']);
    });
  });
});
