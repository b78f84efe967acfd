/** Who gets a job, on real servers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client as TestClient } from '../../scripts/lib/client.mjs';
import { compareVersions, startServer, surveyServers, type RunningServer } from '../../scripts/servers.mjs';
import { connectionName } from '../../src/checkpoint/connections.js';
import { claimJob, confirmOwner, type Claim, type ClaimOptions } from '../../src/checkpoint/lease.js';
import {
  type Checkpoint,
  checkpointKey,
  formatCheckpoint,
  type Owner,
  parseCheckpoint,
} from '../../src/checkpoint/record.js';
import {
  deleteOurs,
  listCheckpoints,
  readCheckpoint,
  readCheckpointText,
  replaceCheckpoint,
} from '../../src/checkpoint/store.js';
import { surveyCheckpoints } from '../../src/checkpoint/survey.js';
import type { Endpoint } from '../../src/net/endpoint.js';
import { Client } from '../../src/net/client.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { waitFor } from '../support/live.js';
import { checkpoint, owner } from './support.js';

const { servers, missing } = await surveyServers({ fetch: false });
// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));

const JOB = 'orders';
const A = owner('a', 'one');
const B = owner('b', 'two');
const C = owner('c', 'three');
const NOW = 1_800_000_000_000;

describe.each(servers)('$id', (binary) => {
  const acl = compareVersions(binary.version, '6.0.0') >= 0;
  let server: RunningServer;
  let admin: TestClient;
  const open: { close(): unknown }[] = [];

  beforeAll(async () => {
    server = await startServer(binary);
    admin = await server.client();
  });

  afterAll(async () => {
    await admin?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    for (const client of open.splice(0)) client.close();
    await admin.call('FLUSHALL');
    await waitFor('connections of earlier tests to be gone', async () => (await names()).length === 0);
  });

  async function connect(access: Partial<Endpoint> = {}): Promise<Client> {
    const client = await Client.connect({ ...parseEndpoint(server.url, 'target'), ...access }, 'target');
    open.push(client);
    return client;
  }

  /** A connection of an owner that does nothing more. */
  async function holder(of: Owner): Promise<TestClient> {
    const client = await server.client();
    open.push(client);
    await client.call('CLIENT', 'SETNAME', connectionName(JOB, of.id));
    return client;
  }

  async function names(): Promise<string[]> {
    const list: string = await admin.text('CLIENT', 'LIST');
    return [...list.matchAll(/ name=(replicant:\S+)/gu)].map(([, name]) => name!);
  }

  async function unusedFor(of: Owner, idleSeconds: number): Promise<void> {
    await waitFor(`${idleSeconds} s without a command`, async () => {
      const list: string = await admin.text('CLIENT', 'LIST');
      const line = list.split('\n').find((one) => one.includes(`name=${connectionName(JOB, of.id)} `));
      return Number(/ idle=(\d+)/u.exec(line ?? '')?.[1] ?? -1) >= idleSeconds;
    });
  }

  async function put(parts: Partial<Checkpoint>): Promise<Checkpoint> {
    const given = checkpoint({ job: JOB, ...parts });
    await admin.call('SET', checkpointKey(given.job), formatCheckpoint(given));
    return given;
  }

  interface Attempt {
    readonly claim: Promise<Claim>;
    readonly said: string[];
  }

  async function claims(by: Owner, options: Partial<ClaimOptions> = {}, client?: Client): Promise<Attempt> {
    const said: string[] = [];
    const claim = claimJob(client ?? (await connect()), {
      job: JOB,
      owner: by,
      staleAfterMs: 30_000,
      graceMs: 300,
      now: () => NOW,
      announce: (message) => void said.push(message),
      ...options,
    });
    claim.catch(() => {});
    return { claim, said };
  }

  async function stored(): Promise<Checkpoint | undefined> {
    return await readCheckpoint(await connect(), JOB);
  }

  test('nothing is there: nothing is written', async () => {
    const { claim, said } = await claims(A);
    expect(await claim).toEqual({ previous: undefined, current: undefined, text: undefined });
    expect(await admin.call('DBSIZE')).toBe(0);
    expect(await names()).toEqual([connectionName(JOB, A.id)]);
    expect(said).toEqual([]);
  });

  test('a released job is taken, and told exactly', async () => {
    const previous = await put({ owner: undefined });
    const { claim, said } = await claims(B);
    const { text, ...got } = await claim;
    expect(got).toEqual({ previous, current: { ...previous, owner: B, timeMs: NOW } });
    expect(parseCheckpoint(text!)).toEqual(got.current);
    expect(await readCheckpointText(await connect(), JOB)).toEqual(text);
    expect(said).toEqual([]);
  });

  test('our own job is ours already', async () => {
    const previous = await put({ owner: A });
    await holder(A);
    const { claim } = await claims(A);
    expect(await claim).toMatchObject({ previous, current: previous });
    expect(await stored()).toEqual(previous);
  });

  test('a dead owner is replaced at once', async () => {
    await put({ owner: A, offset: 2 ** 53 - 1 });
    const { claim, said } = await claims(B, { graceMs: 60_000 });
    await claim;
    expect(await stored()).toMatchObject({ owner: B, offset: 2 ** 53 - 1, db: 3 });
    expect(said).toEqual([expect.stringContaining('pid 71 on host one since 2026-01-01 00:00:00 UTC')]);
  });

  test('a live owner keeps its job', async () => {
    const given = await put({ owner: A });
    const live = await holder(A);
    const keepAlive = setInterval(() => void live.call('PING').catch(() => {}), 100);
    const { claim, said } = await claims(B);
    await expect(claim.finally(() => clearInterval(keepAlive))).rejects.toMatchObject({
      code: 'TARGET_HELD',
      exitCode: 5,
      retry: false,
      message: expect.stringMatching(
        /orders is held by pid 71 on host one since .* \(last sign of life \d+ s ago\)/u,
      ),
    });
    expect(said).toHaveLength(1);
    expect(await stored()).toEqual(given);
    expect(await live.text('PING')).toBe('PONG');
  });

  test('one that was killed and is still listed is waited for', async () => {
    await put({ owner: A });
    const killed = await holder(A);
    const { claim, said } = await claims(B, { graceMs: 60_000 });
    await waitFor('the waiting to begin', () => said.length > 0);
    await killed.close();
    await claim;
    expect(await stored()).toMatchObject({ owner: B });
  });

  test('waiting can be ended', async () => {
    await put({ owner: A });
    await holder(A);
    const abort = new AbortController();
    const { claim, said } = await claims(B, { graceMs: 60_000, signal: abort.signal });
    await waitFor('the waiting to begin', () => said.length > 0);
    abort.abort();
    await expect(claim).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a stuck owner is replaced, and its connection closed', async () => {
    await put({ owner: A });
    const stuck = await holder(A);
    await unusedFor(A, 1);
    const { claim, said } = await claims(B, { staleAfterMs: 1000 });
    await claim;
    expect(await stored()).toMatchObject({ owner: B });
    expect(said).toEqual([
      expect.stringMatching(/waiting/u),
      expect.stringMatching(/closed the connection of an older run of job orders/u),
    ]);
    await waitFor('its end', async () => !(await names()).includes(connectionName(JOB, A.id)));
    await expect(stuck.call('PING')).rejects.toThrow(/clos|ended|reset/iu);
    expect(() => confirmOwner(checkpoint({ owner: B }), A.id)).toThrow(
      expect.objectContaining({
        code: 'TARGET_HELD',
        message: expect.stringContaining('taken over by pid 71 on host two'),
      }),
    );
  });

  test('one that only seemed stuck keeps its job', async () => {
    const given = await put({ owner: A });
    const awake = await holder(A);
    await unusedFor(A, 1);
    const { claim, said } = await claims(B, { staleAfterMs: 1000 });
    await waitFor('the waiting to begin', () => said.length > 0);
    await awake.call('PING');
    await expect(claim).rejects.toMatchObject({ code: 'TARGET_HELD' });
    expect(await stored()).toEqual(given);
    expect(await awake.text('PING')).toBe('PONG');
  });

  test('a stuck one the checkpoint does not name is closed; a lively one and other jobs are left alone', async () => {
    await put({ owner: undefined });
    await holder(A);
    const other = await server.client();
    open.push(other);
    await other.call('CLIENT', 'SETNAME', connectionName('invoices', A.id));
    await unusedFor(A, 1);
    const lively = await holder(C);
    const keepAlive = setInterval(() => void lively.call('PING').catch(() => {}), 100);
    try {
      await (
        await claims(B, { staleAfterMs: 1000 })
      ).claim;
    } finally {
      clearInterval(keepAlive);
    }
    await waitFor('its end', async () => !(await names()).includes(connectionName(JOB, A.id)));
    expect((await names()).toSorted()).toEqual(
      [connectionName('invoices', A.id), connectionName(JOB, B.id), connectionName(JOB, C.id)].toSorted(),
    );
  });

  test('of several that come at once exactly one wins', async () => {
    for (let round = 0; round < 3; round++) {
      /* oxlint-disable no-await-in-loop -- one round after the other */
      await put({ owner: owner('f', 'dead') });
      const clients = await Promise.all([A, B, C].map(() => connect()));
      const attempts = await Promise.all([A, B, C].map((by, at) => claims(by, {}, clients[at])));
      // An owner shows that it is alive.
      const pings = attempts.map(({ claim }, at) =>
        claim.then(
          () => setInterval(() => void clients[at]!.request(['PING']).catch(() => {}), 100),
          () => undefined,
        ),
      );
      const outcomes = await Promise.allSettled(attempts.map(({ claim }) => claim));
      for (const ping of await Promise.all(pings)) clearInterval(ping);
      const winners = [A, B, C].filter((_, at) => outcomes[at]!.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await stored()).toMatchObject({ owner: winners[0] });
      for (const outcome of outcomes.filter(({ status }) => status === 'rejected')) {
        expect(outcome).toMatchObject({ reason: { code: 'TARGET_HELD' } });
      }
      for (const client of clients) client.close();
      /* oxlint-enable no-await-in-loop */
    }
  });

  test('somebody is faster between WATCH and EXEC', async () => {
    const seen = await put({ owner: A });
    const faster = { ...seen, owner: C };
    const client = await connect();
    const request = client.request.bind(client);
    client.request = async (args, timeoutMs) => {
      if (args[0] === 'MULTI') await put(faster);
      return await request(args, timeoutMs);
    };
    const bytes = (of: Checkpoint): Uint8Array => new TextEncoder().encode(formatCheckpoint(of));
    expect(await replaceCheckpoint(client, JOB, bytes(seen), bytes({ ...seen, owner: B }))).toBe(false);
    expect(await stored()).toEqual(faster);
    client.request = request;
    expect(await replaceCheckpoint(client, JOB, bytes(seen), bytes({ ...seen, owner: B }))).toBe(false);
    expect(await replaceCheckpoint(client, JOB, bytes(faster), bytes({ ...seen, owner: B }))).toBe(true);
    expect(await stored()).toEqual({ ...seen, owner: B });
    // No WATCH is left behind.
    await put(faster);
    await client.call('MULTI');
    await client.call('PING');
    expect(await client.call('EXEC')).toEqual(['PONG']);
  });

  test('one who keeps writing unseen is alive', async () => {
    let offset = 0;
    await put({ owner: A });
    const client = await connect();
    const request = client.request.bind(client);
    client.request = async (args, timeoutMs) => {
      if (args[0] === 'MULTI') await put({ owner: A, offset: ++offset });
      return await request(args, timeoutMs);
    };
    const { claim } = await claims(B, {}, client);
    await expect(claim).rejects.toMatchObject({ code: 'TARGET_HELD' });
  });

  describe.skipIf(!acl).each([
    ['CLIENT LIST is refused', ['-client', '+client|setname', '+client|kill']],
    ['names cannot be set', ['-client', '+client|list']],
    ['all of CLIENT is refused', ['-client']],
  ])('%s', (_, rules) => {
    const access = { username: 'limited', password: 'secret' };
    let client: Client;

    beforeEach(async () => {
      await admin.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>secret', '~*', '+@all', ...rules);
      client = await connect(access);
    });

    test('an owner that does not write is replaced', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 300 }, client);
      await claim;
      expect(await stored()).toMatchObject({ owner: B });
      expect(said).toEqual([expect.stringContaining('CLIENT LIST')]);
    });

    test('one that writes keeps its job', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 60_000 }, client);
      await waitFor('the waiting to begin', () => said.length > 0);
      let offset = 0;
      const writing = setInterval(() => void put({ owner: A, offset: offset++ }), 20);
      try {
        await expect(claim).rejects.toMatchObject({ code: 'TARGET_HELD' });
      } finally {
        clearInterval(writing);
      }
      expect(await stored()).toMatchObject({ owner: A });
    });

    test('a write after some time is a sign of life', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 60_000, graceMs: 0 }, client);
      await waitFor('the waiting to begin', () => said.length > 0);
      const written = await put({ owner: A, offset: 1408 });
      await expect(claim).rejects.toMatchObject({
        code: 'TARGET_HELD',
        message: expect.stringContaining('pid 71 on host one'),
      });
      expect(await stored()).toEqual(written);
    });

    test('the last write of a killed one is none', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 1000, graceMs: 60_000 }, client);
      await waitFor('the waiting to begin', () => said.length > 0);
      await put({ owner: A, offset: 1408 });
      await claim;
      expect(await stored()).toMatchObject({ owner: B, offset: 1408 });
    });

    test('somebody else who was faster has it', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 60_000, graceMs: 60_000 }, client);
      await waitFor('the waiting to begin', () => said.length > 0);
      await put({ owner: C });
      await expect(claim).rejects.toMatchObject({
        code: 'TARGET_HELD',
        message: expect.stringContaining('on host three'),
      });
    });

    test('one that lets go is replaced at once', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 60_000 }, client);
      await waitFor('the waiting to begin', () => said.length > 0);
      await put({ owner: undefined });
      await claim;
      expect(await stored()).toMatchObject({ owner: B });
    });

    test('a checkpoint that is cleared meanwhile is no checkpoint', async () => {
      await put({ owner: A });
      const { claim, said } = await claims(B, { staleAfterMs: 60_000 }, client);
      await waitFor('the waiting to begin', () => said.length > 0);
      await admin.call('DEL', checkpointKey(JOB));
      expect(await claim).toMatchObject({ previous: undefined, text: undefined });
    });
  });

  test('a target that is full can be tried again', async () => {
    await put({ owner: A });
    await admin.call('CONFIG', 'SET', 'maxmemory', '1');
    try {
      const { claim } = await claims(B);
      await expect(claim).rejects.toMatchObject({ code: 'TARGET_BUSY', retry: true });
    } finally {
      await admin.call('CONFIG', 'SET', 'maxmemory', '0');
    }
    expect(await stored()).toMatchObject({ owner: A });
  });

  test.skipIf(!acl)('a user without MULTI writes nothing', async () => {
    await admin.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>secret', '~*', '+@all', '-multi');
    const given = await put({ owner: A });
    const client = await connect({ username: 'limited', password: 'secret' });
    const { claim } = await claims(B, {}, client);
    await expect(claim).rejects.toMatchObject({ code: 'TARGET_DENIED' });
    expect(await stored()).toEqual(given);
  });

  test('all checkpoints of a server, read or not, and nothing else', async () => {
    const client = await connect();
    expect(await listCheckpoints([client])).toEqual([]);
    await put({ job: 'b', owner: undefined });
    await put({ job: 'a' });
    await admin.call('SET', checkpointKey('text'), 'hello');
    await admin.call('RPUSH', checkpointKey('list'), 'x');
    await admin.call('SET', '__replicant:{x}:other', '');
    await admin.call('SET', 'user:1', '');
    await admin.call('SELECT', 1);
    await put({ job: 'elsewhere' });
    await admin.call('SELECT', 0);
    const found = await listCheckpoints([client]);
    expect(found.map(({ job }) => job)).toEqual(['a', 'b', 'list', 'text']);
    expect(found[0]!.checkpoint).toEqual(checkpoint({ job: 'a' }));
    expect(found[2]!.error).toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringContaining('not a string'),
      place: { key: '__replicant:{list}:checkpoint' },
    });
    expect(found[3]!.error).toMatchObject({ code: 'CHECKPOINT' });
    await expect(readCheckpoint(client, 'list')).rejects.toMatchObject({ code: 'CHECKPOINT' });
    expect(await deleteOurs([client], [checkpointKey('list')])).toBe(1);
    expect(await deleteOurs([client], [checkpointKey('list')])).toBe(0);
    expect((await listCheckpoints([client])).map(({ job }) => job)).toEqual(['a', 'b', 'text']);
  });

  test('among many keys each is found, once', async () => {
    const keys = Array.from({ length: 40_000 }, (_, at) => [`k${at}`, '']).flat();
    await admin.call('MSET', ...keys);
    await put({});
    expect((await listCheckpoints([await connect()])).map(({ job }) => job)).toEqual([JOB]);
  });

  test('what is said of owners', async () => {
    await put({ owner: A });
    const state = async (access?: Partial<Endpoint>): Promise<unknown> =>
      (await surveyCheckpoints([await connect(access)], JOB)).map(({ ownerState }) => ownerState);
    expect(await state()).toEqual(['gone']);
    await holder(A);
    expect(await state()).toEqual(['alive']);
    if (acl) {
      await admin.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>secret', '~*', '+@all', '-client');
      // oxlint-disable-next-line vitest/no-conditional-expect -- older servers have no users
      expect(await state({ username: 'limited', password: 'secret' })).toEqual(['unknown']);
    }
    await put({ owner: undefined });
    expect(await state()).toEqual(['none']);
    await admin.call('DEL', checkpointKey(JOB));
    expect(await state()).toEqual([]);
  });
});

test('a checkpoint without owner is nobody’s', () => {
  confirmOwner(checkpoint({ owner: undefined }), A.id);
  confirmOwner(checkpoint({ owner: A }), A.id);
  expect(() => confirmOwner(checkpoint({ owner: B }), A.id)).toThrow('host two');
});
