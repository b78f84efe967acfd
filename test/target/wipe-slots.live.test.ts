/** Slots wiped on a target that is no cluster. */
import { expect, test } from 'vitest';
import { keySlot } from '../../src/keyspace/key-slot.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyMap } from '../../src/keyspace/key-map.js';
import { keyNames } from '../../src/keyspace/key-names.js';
import { SlotSet } from '../../src/keyspace/slot-set.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { Client } from '../../src/net/client.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { wipeSlot, wipeSlots } from '../../src/target/wipe-slots.js';
import { BINARIES, Servers } from '../support/live.js';

const servers = new Servers();
const slotOf = (key: string): number => keySlot(bytesOf(key));

test.skipIf(BINARIES.length === 0).each(BINARIES)('$id', async (binary) => {
  const server = await servers.start(binary);
  const judge = await servers.client(server);
  const client = await Client.connect(parseEndpoint(server.url, 'target'), 'target');
  const keys = Array.from({ length: 3000 }, (_, at) => `k:${at}`);
  const ours = '__replicant:{k:7}:checkpoint';
  await judge.call('MSET', ...[...keys, '{k:7}a', '{k:7}b', ours].flatMap((key) => [key, 'v']));
  await judge.pipeline([
    ['SELECT', 3],
    ['SET', '{k:7}c', 'v'],
    ['SELECT', 0],
  ]);
  const left = async (): Promise<string[]> => ((await judge.text('KEYS', '*')) as string[]).toSorted();
  try {
    const same = keys.filter((key) => slotOf(key) === slotOf('k:7'));
    expect(await wipeSlot([client], slotOf('k:7'))).toBe(same.length + 3);
    const rest = keys.filter((key) => !same.includes(key));
    expect(await left()).toEqual([...rest, ours].toSorted());
    const many = SlotSet.of([[0, 8000]]);
    await wipeSlots([client], many, undefined, { wanted: (db, key) => db === 0 && key.length === 4 });
    const later = rest.filter((key) => key.length !== 4 || !many.has(slotOf(key)));
    expect(await left()).toEqual([...later, ours].toSorted());
    const names = keyNames(
      createDbMap(new Map()),
      createKeyMap([{ from: bytesOf('old:'), to: bytesOf('k:') }]),
    );
    const mapped = later.at(-1)!;
    await wipeSlot([client], slotOf(`old:${mapped.slice(2)}`), undefined, { names });
    expect(await judge.call('EXISTS', mapped)).toBe(0);
    expect(await wipeSlots([client], new SlotSet())).toBe(0);
    const called = wipeSlots([client], many, AbortSignal.abort(new Error('enough')));
    await expect(called).rejects.toThrow('enough');
  } finally {
    client.close();
  }
});
