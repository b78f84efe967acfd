/** Transfers of a snapshot as they should be and as they should not: packets, marks, sizes, damage. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../../scripts/lib/client.mjs';
import {
  checkpointKeyOf,
  keysOf,
  NEWEST,
  Pool,
  type Run,
  type RunOptions,
  Servers,
  startRun,
  waitFor,
} from '../../support/live.js';
import { command, handMadeRdb } from '../../support/scripted-primary-rdb.js';
import {
  fullResync,
  hold,
  type Link,
  type LinkScript,
  MARK,
  REPLID,
  type ScriptedPrimary,
  startScriptedPrimary,
} from '../../support/scripted-primary.js';

const RDB = handMadeRdb({ databases: { 0: { n: '0', text: '' }, 3: { x: 'y' } } });
const INCR = command('INCR', 'n');
const CORPUS = new URL('../../../fixtures/corpus/', import.meta.url);
const corpus = (name: string): Buffer => readFileSync(new URL(name, CORPUS));

interface Stage {
  readonly primary: ScriptedPrimary;
  readonly run: Run;
  readonly client: Client;
}

describe.skipIf(NEWEST === undefined).concurrent('a snapshot', () => {
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
        return await action({ primary, run, client });
      } finally {
        run.handle.stop();
        await run.handle.done.catch(() => {});
        await primary.close();
      }
    });
  }

  test('with its mark split over packets at every position, the stream right behind it', async () => {
    // One connection after another: each link is cut once its stream has been applied, and starts over.
    const sent = Buffer.concat([RDB, Buffer.from(MARK), INCR]);
    const links = Array.from({ length: 4 }, (_, lane) => lane);
    await Promise.all(
      links.map((lane) =>
        pool.use(async (target, client) => {
          for (let split = RDB.length + lane; split <= RDB.length + MARK.length; split += links.length) {
            const primary = await startScriptedPrimary({
              links: [
                async (link) => {
                  await link.send(`+FULLRESYNC ${REPLID} 0\r\n$EOF:${MARK}\r\n`, sent.subarray(0, split));
                  await new Promise((resolve) => setImmediate(resolve));
                  await link.send(sent.subarray(split));
                },
              ],
            });
            const run = startRun(primary.endpoint, target);
            await run.until('the INCR is applied', () => run.shard.appliedOffset === INCR.length);
            expect(await client.text('GET', 'n')).toBe('1');
            await run.stop();
            await primary.close();
            await client.call('FLUSHALL');
          }
        }),
      ),
    );
  });

  test.each([1, 7])('in packets of %i bytes, mark and stream too', async (size) => {
    const sent = Buffer.concat([
      Buffer.from(`+FULLRESYNC ${REPLID} 9\r\n\n$EOF:${MARK}\r\n`),
      ...[RDB, Buffer.from(MARK), INCR, INCR, INCR],
    ]);
    await stage([(link) => link.trickle(sent, size)], async ({ run, client }) => {
      await run.until('the stream is applied', () => run.shard.appliedOffset === 9 + 3 * INCR.length);
      expect(await client.text('GET', 'n')).toBe('3');
      await client.call('SELECT', 3);
      expect(await client.text('GET', 'x')).toBe('y');
    });
  });

  test('of every type, byte by byte, gives what it gives in one piece', async () => {
    const rdb = corpus('redis-7.0.15.rdb');
    const whole: LinkScript = (link) => fullResync(link, rdb);
    const bytes: LinkScript = async (link) => {
      await link.send(`+FULLRESYNC ${REPLID} 0\r\n$${rdb.length}\r\n`);
      await link.trickle(rdb, 1);
    };
    const digests = await Promise.all(
      [whole, bytes].map((script) =>
        stage([script], async ({ run, client }) => {
          await run.event('full-sync-done');
          // From now on nobody writes there, and only our own key is another one.
          await run.stop();
          await client.call('DEL', checkpointKeyOf(run));
          return await client.text('DEBUG', 'DIGEST');
        }),
      ),
    );
    expect(digests[0]).not.toMatch(/^0+$/u);
    expect(digests[1]).toBe(digests[0]);
  });

  test('of a known size, with the stream in the same packet', async () => {
    const sent = Buffer.concat([
      Buffer.from(`+FULLRESYNC ${REPLID} 1\r\n$${RDB.length}\r\n`),
      RDB,
      INCR,
      INCR,
    ]);
    await stage([(link) => link.send(sent)], async ({ run, client }) => {
      await run.until('the stream is applied', () => run.shard.appliedOffset === 1 + 2 * INCR.length);
      expect(await client.text('GET', 'n')).toBe('2');
      expect(run.shard).toMatchObject({ rdbBytes: RDB.length, rdbBytesTotal: RDB.length });
    });
  });

  test('the ACK that lets a diskless primary go on is repeated until the stream comes', async () => {
    const script: LinkScript = async (link) => {
      await fullResync(link, RDB, 100);
      // The first ones come too early for the primary and are lost.
      await link.ack();
      await link.ack();
      await link.send(INCR);
    };
    await stage([script], async ({ run, primary }) => {
      await run.until('the stream is applied', () => run.shard.appliedOffset === 100 + INCR.length);
      const [link] = primary.links as readonly [Link];
      await link.ack(({ offset }) => offset === 100 + INCR.length);
      expect(link.acks.every(({ offset }) => offset <= 100 + INCR.length)).toBe(true);
    });
  });

  test('no ACK before its end', async () => {
    const script: LinkScript = async (link) => {
      await link.send(`+FULLRESYNC ${REPLID} 0\r\n$EOF:${MARK}\r\n`, RDB.subarray(0, 40));
      while (link.newlines < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(link.acks).toEqual([]);
      await link.send(RDB.subarray(40), MARK);
      await link.ack();
    };
    await stage([script], async ({ run, primary }) => {
      await run.event('full-sync-done');
      expect(primary.failures).toEqual([]);
    });
  });

  test('that breaks off is taken anew, after a while, and nothing of the first one stays', async () => {
    // The last bytes might be the beginning of the mark and are held back.
    const more = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`more:${i}`, 'x']));
    const first = handMadeRdb({ databases: { 0: { ghost: 'boo', n: '5', ...more } } });
    const cutAt = first.length - 12;
    let [seen, cutMs, askedMs] = [false, 0, 0];
    const script: LinkScript = async (link) => {
      await link.send(`+FULLRESYNC ${REPLID} 0\r\n$EOF:${MARK}\r\n`, first.subarray(0, cutAt));
      await waitFor('a part of it is on the target', () => seen);
      cutMs = performance.now();
      await link.cut();
    };
    const again: LinkScript = async (link) => {
      askedMs = performance.now();
      await fullResync(link, RDB, 50);
    };
    await stage([script, again], async ({ run, client, primary }) => {
      await run.until('the ghost', async () => (await client.text('GET', 'ghost')) === 'boo');
      seen = true;
      await run.event('full-sync-done');
      expect(primary.links.map(({ asked }) => asked)).toEqual(['PSYNC ? -1', 'PSYNC ? -1']);
      expect(run.log).toMatch(/link-lost .*a new full copy will be taken/u);
      // Each costs the source a fork.
      const waited = /1 snapshot was taken and not loaded; .*costs the source a fork.* in (\d+\.\d) s/u.exec(
        run.log,
      );
      expect(askedMs - cutMs).toBeGreaterThanOrEqual(1000 * Number(waited?.[1]) - 50);
      expect(run.log).toMatch(/full-resync .*what it does not have is then removed from the target/u);
      expect(await keysOf(client)).toEqual(['n', 'text']);
      expect(await client.text('GET', 'n')).toBe('0');
    });
  });

  test('cut inside its mark is taken anew', async () => {
    const script: LinkScript = async (link) => {
      await link.send(`+FULLRESYNC ${REPLID} 0\r\n$EOF:${MARK}\r\n`, RDB, MARK.slice(0, 17));
      await link.cut();
    };
    await stage([script, (link) => fullResync(link, RDB, 50)], async ({ run, client }) => {
      await run.event('full-sync-done');
      expect(run.handle.summary()).toMatchObject({ fullSyncs: 2, partialResyncs: 0 });
      expect(await client.text('GET', 'n')).toBe('0');
    });
  });

  describe.concurrent('that is wrong ends the run', () => {
    const diskless =
      (rdb: Uint8Array): LinkScript =>
      (link) =>
        fullResync(link, rdb);
    const sized =
      (rdb: Uint8Array, size = rdb.length): LinkScript =>
      (link) =>
        link.send(`+FULLRESYNC ${REPLID} 0\r\n$${size}\r\n`, rdb);

    test.each<[string, LinkScript, number, RegExp]>([
      [
        'a mark that was not announced',
        (link) => link.send(`+FULLRESYNC ${REPLID} 0\r\n$EOF:${MARK}\r\n`, RDB, MARK.replace('9', '8')),
        4,
        /not followed by the mark/u,
      ],
      [
        'a wrong checksum',
        diskless(handMadeRdb({ databases: { 0: { a: 'b' } }, wrongChecksum: true })),
        6,
        /checksum is wrong.*byte offset \d+/u,
      ],
      [
        'a byte that was changed on the way',
        sized(flipped(corpus('redis-7.0.15.rdb'), 5000)),
        6,
        /byte offset \d+/u,
      ],
      [
        'an unknown value type',
        sized(handMadeRdb({ extra: Buffer.from([0x6b, 1, 0x78, 1, 0x79]) })),
        6,
        /type 107.*byte offset \d+/u,
      ],
      ['a newer format', sized(handMadeRdb({ version: 999 })), 6, /999/u],
      [
        'something else than a snapshot',
        sized(Buffer.from('this is no snapshot of any kind')),
        6,
        /byte offset 0/u,
      ],
      ['a size below the truth', sized(RDB, RDB.length - 3), 6, /ends before its end mark|byte offset/u],
      ['a size above the truth', sized(Buffer.concat([RDB, Buffer.alloc(5)])), 6, /5 bytes behind the end/u],
      [
        'a header that is none',
        (link) => link.send(`+FULLRESYNC ${REPLID} 0\r\n`, 'HTTP/1.1 200 OK\r\n'),
        4,
        /does not answer like a Redis/u,
      ],
    ])('%s', async (_, script, exitCode, words) => {
      await stage([script, hold], async ({ run, primary }) => {
        const failed = await run.failure();
        expect(failed.message).toMatch(words);
        expect(failed.message).toMatch(/127\.0\.0\.1:\d+/u);
        expect(failed.exitCode).toBe(exitCode);
        expect(primary.links).toHaveLength(1);
        expect(run.log).not.toMatch(/full-sync-done|caught-up/u);
        expect(run.handle.status()).toMatchObject({ phase: 'failed', caughtUp: false });
      });
    });
  });

  test('damaged anywhere is never called done', async () => {
    const rdb = handMadeRdb({ databases: { 0: { a: '1', b: 'two', c: 'three' }, 2: { d: '4' } } });
    // The length bytes of the last strings are left alone: a longer one only waits for more.
    for (let at = 0; at < rdb.length; at += 11) {
      await stage(
        [(link) => link.send(`+FULLRESYNC ${REPLID} 0\r\n$${rdb.length}\r\n`, flipped(rdb, at))],
        async ({ run }) => {
          expect(await run.failure(), `byte ${at}`).toMatchObject({ exitCode: 6 });
          expect(run.log).not.toMatch(/full-sync-done|caught-up/u);
        },
      );
    }
  });

  test('whose checksum is switched off is taken', async () => {
    const rdb = Buffer.from(RDB);
    rdb.fill(0, rdb.length - 8);
    await stage([(link) => fullResync(link, rdb)], async ({ run, client }) => {
      await run.event('full-sync-done');
      expect(await client.text('GET', 'n')).toBe('0');
    });
  });
});

function flipped(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = copy[at]! ^ 0x10;
  return copy;
}
