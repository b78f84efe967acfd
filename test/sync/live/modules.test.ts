/** Modules that the source has and the target has not: their values and commands are left out, nothing else is. */
import { describe, expect, test } from 'vitest';
import { BINARIES, keysOf, Servers, startRun } from '../../support/live.js';
import { fullResync, startScriptedPrimary } from '../../support/scripted-primary.js';
import { commands, handMadeRdb } from '../../support/scripted-primary-rdb.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** MODULE_2 under the key: the module's id, one number, the end. */
function moduleEntry(key: string, type: string): Buffer {
  const id = Buffer.alloc(9);
  id[0] = 0x81;
  const name = type.split('').reduce((bits, char) => (bits << 6n) | BigInt(ALPHABET.indexOf(char)), 0n);
  id.writeBigUInt64BE((name << 10n) | 1n, 1);
  return Buffer.concat([Buffer.from([7, key.length]), Buffer.from(key), id, Buffer.from([2, 42, 0])]);
}

const stringEntry = (key: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, key.length]),
    Buffer.from(key),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);

/** COMMAND of a server with one command of its own. */
const OWN_COMMAND = '*1\r\n*6\r\n$8\r\nfake.set\r\n:-3\r\n*2\r\n+write\r\n+module\r\n:1\r\n:1\r\n:1';

const servers = new Servers();

describe.each(BINARIES.map(({ id }) => id))('on %s', (id) => {
  const binary = BINARIES.find((one) => one.id === id)!;

  test('a value and a command of an unknown module', async () => {
    const target = await servers.start(binary);
    const to = await servers.client(target);
    const stream = commands('SET c 3\nFAKE.SET m 7\nMULTI\nSET d 4\nFAKE.SET m 8\nSET e 5\nEXEC\nSET f 6');
    const rdb = handMadeRdb({
      databases: { 0: { a: '1' } },
      extra: Buffer.concat([moduleEntry('m', 'fakemodul'), stringEntry('b', '2')]),
    });
    let sent = 0;
    const source = await startScriptedPrimary({
      offset: () => sent,
      answer: ([name = '']) => (name.toUpperCase() === 'COMMAND' ? OWN_COMMAND : undefined),
      links: [
        async (link) => {
          await fullResync(link, rdb);
          await link.send(stream);
          sent = stream.length;
        },
      ],
    });
    const run = startRun(source, target);
    await run.until('all of it is there', async () => (await to.text('GET', 'f')) === '6');
    expect(await keysOf(to)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    const { skipped, totals } = await run.stop();
    expect(skipped.map(({ what, name }) => [what, name])).toEqual([
      ['key', '"m"'],
      ['command', 'FAKE.SET'],
    ]);
    expect(totals).toMatchObject({ skipped: 3, errors: 0 });
    await source.close();
    await target.stop();
  });
});
