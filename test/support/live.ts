/**
 * Syncs for tests on real sockets: the engine in this process (`startRun`), the conditions to wait for, and
 * a pool of real servers. Every wait ends when its condition holds; none is a fixed sleep.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Client, ReplyError } from '../../scripts/lib/client.mjs';
import { compareServers, type CompareOptions, type Difference } from '../../scripts/lib/compare.mjs';
import {
  compareVersions,
  findServers,
  type RunningServer,
  type ServerBinary,
  startServer,
  type StartOptions,
} from '../../scripts/servers.mjs';
import { describeFailure } from '../../src/cli/failure.js';
import type { Endpoint } from '../../src/net/endpoint.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import { SYNC_DEFAULTS } from '../../src/sync/defaults.js';
import type { SyncHandle } from '../../src/sync/handle.js';
import type { FilterOptions, SyncOptions } from '../../src/sync/options.js';
import { startSync } from '../../src/sync/run-sync.js';
import type { ShardStatus, SyncEvent, SyncSummary } from '../../src/sync/status.js';

export const BINARIES: readonly ServerBinary[] = await findServers({ fetch: false });
/** The newest server there is of either family; undefined when there is none. */
export const NEWEST: ServerBinary | undefined =
  BINARIES.filter(({ family }) => family === 'valkey').at(-1) ?? BINARIES.at(-1);

/**
 * The workload that a sync can follow exactly: nothing that replicas are not told. Keys are renewed and counted
 * in their last milliseconds, too.
 */
export const FAITHFUL = { faithful: true } as const;
/** The same for a target that lags and expires by its own clock: no key is touched in its last milliseconds. */
export const CALM = { faithful: true, expiryRaces: false } as const;

export function binaryOf(series: string): ServerBinary | undefined {
  return BINARIES.filter((binary) => binary.series === series).at(-1);
}

export function isAtLeast(binary: ServerBinary, version: string): boolean {
  return compareVersions(binary.version, version) >= 0;
}

const WAIT_MS = 20_000;
const POLL_MS = 10;

export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs: number = WAIT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

// ---- servers ---------------------------------------------------------------------------------------------

/** Starts servers that end with the test file. */
export class Servers {
  readonly #started: RunningServer[] = [];
  readonly #clients: Client[] = [];

  constructor() {
    afterAll(async () => {
      await Promise.all(this.#clients.map((client) => client.close()));
      await Promise.all(this.#started.map((server) => server.stop()));
    });
  }

  async start(binary: ServerBinary, options?: StartOptions): Promise<RunningServer> {
    const server = await startServer(binary, options);
    this.#started.push(server);
    return server;
  }

  async client(server: RunningServer, options?: Parameters<RunningServer['client']>[0]): Promise<Client> {
    const client = await server.client(options);
    this.#clients.push(client);
    return client;
  }
}

/** Servers for tests that run side by side: each has one for itself, empty, and gives it back. */
export class Pool {
  readonly #servers: Servers;
  readonly #binary: ServerBinary | undefined;
  readonly #free: { server: RunningServer; client: Client }[] = [];

  constructor(servers: Servers, binary: ServerBinary | undefined) {
    this.#servers = servers;
    this.#binary = binary;
  }

  async use<T>(action: (server: RunningServer, client: Client) => Promise<T>): Promise<T> {
    const lent = this.#free.pop() ?? (await this.#start());
    // After a failure it is not given back: a sync may still be writing to it.
    const result = await action(lent.server, lent.client);
    await lent.client.pipeline([['SELECT', 0], ['FLUSHALL'], ['FUNCTION', 'FLUSH']]);
    this.#free.push(lent);
    return result;
  }

  async #start(): Promise<{ server: RunningServer; client: Client }> {
    if (this.#binary === undefined) throw new Error('there is no server to start');
    const server = await this.#servers.start(this.#binary);
    return { server, client: await this.#servers.client(server) };
  }
}

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A directory that is gone with the test file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'replicant-test-'));
  directories.push(directory);
  return directory;
}

/** The one key of ours that stands in database 0 of the target. */
export function checkpointKeyOf(run: Run): string {
  return `__replicant:{${run.handle.status().name}}:checkpoint`;
}

/** What the target says of the job; undefined when it says nothing. */
export async function checkpointOf(run: Run, target: Client): Promise<Record<string, unknown> | undefined> {
  const text: string | null = await target.text('GET', checkpointKeyOf(run));
  return text === null ? undefined : (JSON.parse(text) as Record<string, unknown>);
}

/** All keys of the selected database but ours, in order. */
export async function keysOf(client: Client): Promise<readonly string[]> {
  const keys: string[] = await client.text('KEYS', '*');
  return keys.filter((key) => !key.startsWith('__replicant:')).toSorted();
}

/** How often a server has been asked for a snapshot, and for the rest of a stream. */
export async function syncsOf(source: Client): Promise<{ full: number; partial: number }> {
  const info: string = await source.text('INFO', 'stats');
  const count = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'mu').exec(info)?.[1]);
  return { full: count('sync_full'), partial: count('sync_partial_ok') };
}

/** The replication offset a server reports. */
export async function offsetOf(client: Client): Promise<number> {
  const info: string = await client.text('INFO', 'replication');
  return Number(/master_repl_offset:(\d+)/u.exec(info)?.[1]);
}

export interface EqualityOptions extends CompareOptions {
  /** Differences that no replication can avoid. */
  readonly excused?: (difference: Difference) => boolean;
}

/**
 * How the two servers differ. Keys that expire while they are compared, here sooner and there later, are no
 * difference: what counts is what stays when it is looked at again.
 */
export async function differences(
  a: Client,
  b: Client,
  { excused = () => false, ...options }: EqualityOptions = {},
): Promise<readonly Difference[]> {
  let found: readonly Difference[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 250));
    try {
      const compared = await compareServers(a, b, {
        deep: true,
        ttlToleranceMs: 60,
        limit: 2000,
        held: true,
        ...options,
      });
      found = compared.differences.filter((difference) => !excused(difference));
      if (found.length === 0) return found;
    } catch (error) {
      // A key has gone between two questions about it.
      if (!(error instanceof ReplyError)) throw error;
      await Promise.all([a, b].map((client) => client.call('SELECT', 0)));
    }
  }
  return found.slice(0, 20);
}

// ---- the engine in this process --------------------------------------------------------------------------

export const NO_FILTER: FilterOptions = {
  includeKeys: [],
  excludeKeys: [],
  includeDbs: [],
  excludeDbs: [],
  includeKinds: [],
  excludeKinds: [],
};

export interface Failed {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
}

export interface Run {
  readonly handle: SyncHandle;
  readonly events: readonly SyncEvent[];
  /** All messages so far, one per line: `level event message`. */
  readonly log: string;
  readonly shard: ShardStatus;
  /** Fails when the run ends first. */
  until(what: string, condition: () => unknown, timeoutMs?: number): Promise<void>;
  event(event: SyncEvent['event'], nth?: number): Promise<SyncEvent>;
  /** The summary of a run that ended well. */
  end(): Promise<SyncSummary>;
  stop(): Promise<SyncSummary>;
  /** The failure of a run that did not. */
  failure(): Promise<Failed>;
  /** Everything the source has reported now has been applied. */
  caughtUpWith(source: Client): Promise<void>;
}

export type RunOptions = Partial<Omit<SyncOptions, 'source' | 'target'>>;
type Place = Endpoint | string | { readonly url: string };

function endpointOf(place: Place, what: string): Endpoint {
  if (typeof place === 'string') return parseEndpoint(place, what);
  return 'url' in place ? parseEndpoint(place.url, what) : place;
}

let runs = 0;

/** Each run is a job of its own unless it is given a `name`. */
export function startRun(source: Place, target: Place, options: RunOptions = {}): Run {
  return new EngineRun(
    startSync({
      name: `test-${++runs}`,
      ...SYNC_DEFAULTS,
      spoolMaxBytes: 1024 * 1024 * 1024,
      ...options,
      source: endpointOf(source, 'source'),
      target: endpointOf(target, 'target'),
    }),
  );
}

class EngineRun implements Run {
  readonly handle: SyncHandle;
  readonly events: SyncEvent[] = [];
  #over: { readonly summary: SyncSummary } | { readonly error: unknown } | undefined;

  constructor(handle: SyncHandle) {
    this.handle = handle;
    handle.on((event) => this.events.push(event));
    handle.done.then(
      (summary) => (this.#over = { summary }),
      (error: unknown) => (this.#over = { error }),
    );
  }

  get log(): string {
    return this.events.map(({ level, event, message }) => `${level} ${event} ${message}`).join('\n');
  }

  /** For the messages of failed waits. */
  get #lastLines(): string {
    return this.log.split('\n').slice(-15).join('\n');
  }

  get shard(): ShardStatus {
    const [shard] = this.handle.status().shards;
    if (shard === undefined) throw new Error('a status without a shard');
    return shard;
  }

  async until(what: string, condition: () => unknown, timeoutMs: number = WAIT_MS): Promise<void> {
    const met = async (): Promise<boolean> => {
      if ((await condition()) === true) return true;
      if (this.#over !== undefined) {
        throw new Error(`the sync ended while this was waited for: ${what}; ${this.#ending()}`);
      }
      return false;
    };
    try {
      await waitFor(what, met, timeoutMs);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#lastLines}`, { cause: error });
    }
  }

  async event(event: SyncEvent['event'], nth = 1): Promise<SyncEvent> {
    const all = (): SyncEvent[] => this.events.filter((one) => one.event === event);
    await this.until(`event ${event}, number ${nth}`, () => all().length >= nth);
    return all()[nth - 1]!;
  }

  async end(): Promise<SyncSummary> {
    return await bounded(this.handle.done, () => this.#lastLines);
  }

  async stop(): Promise<SyncSummary> {
    this.handle.stop();
    return await this.end();
  }

  async failure(): Promise<Failed> {
    try {
      const summary = await this.end();
      throw new Error(`the sync was expected to fail, but: ${JSON.stringify(summary)}`);
    } catch (error) {
      if (this.#over === undefined || !('error' in this.#over)) throw error;
      return describeFailure(this.#over.error);
    }
  }

  async caughtUpWith(source: Client): Promise<void> {
    await this.event('caught-up');
    await this.until('caught up with the source', async () => {
      const offset = await offsetOf(source);
      return this.shard.phase === 'streaming' && this.shard.appliedOffset >= offset;
    });
  }

  #ending(): string {
    if (this.#over === undefined) return '';
    return 'error' in this.#over
      ? describeFailure(this.#over.error).message
      : JSON.stringify(this.#over.summary);
  }
}

async function bounded<T>(promise: Promise<T>, log: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the sync does not end\n${log()}`)), 45_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
