/**
 * Real clusters and Sentinels for tests, in the manner of `live.ts`: started on demand, ended with the test
 * file; how two deployments differ; and writers whose effects show when something is lost or applied twice.
 */
import { afterAll } from 'vitest';
import { ReplyError } from '../../scripts/lib/client.mjs';
import type { ClusterClient } from '../../scripts/lib/cluster-client.mjs';
import { type ClusterOptions, type RunningCluster, startCluster } from '../../scripts/lib/cluster.mjs';
import { type AnyClient, compareServers, type Difference } from '../../scripts/lib/compare.mjs';
import { type RunningSentinels, type SentinelOptions, startSentinels } from '../../scripts/lib/sentinel.mjs';
import { findServers, type ServerBinary } from '../../scripts/servers.mjs';
import type { EqualityOptions } from './live.js';

const BINARIES: readonly ServerBinary[] = await findServers({ fetch: false });

/** The newest of each family, for `describe.skipIf(… === undefined)`. */
export const REDIS: ServerBinary | undefined = newestOf('redis');
export const VALKEY: ServerBinary | undefined = newestOf('valkey');
/** What there is of the two, for `describe.each`. */
export const NEWEST_BINARIES: readonly ServerBinary[] = [REDIS, VALKEY].filter((one) => one !== undefined);
/** These, and the oldest there is before them. */
export const OLDEST_AND_NEWEST: readonly ServerBinary[] = [
  ...new Set([...BINARIES.slice(0, 1), ...NEWEST_BINARIES]),
];

function newestOf(family: ServerBinary['family']): ServerBinary | undefined {
  return BINARIES.filter((binary) => binary.family === family).at(-1);
}

/** Knows CLUSTER MIGRATESLOTS. */
export function movesAtomically({ family, version }: ServerBinary): boolean {
  return family === 'valkey' && Number(version.split('.')[0]) >= 9;
}

// ---- clusters --------------------------------------------------------------------------------------------

/** Starts clusters and Sentinels that end with the test file. */
export class Clusters {
  readonly #started: { stop(): Promise<void> }[] = [];

  constructor() {
    afterAll(async () => {
      await Promise.all(this.#started.map((one) => one.stop()));
    });
  }

  async start(binary: ServerBinary, options?: ClusterOptions): Promise<RunningCluster> {
    const cluster = await startCluster(binary, options);
    this.#started.push(cluster);
    return cluster;
  }

  async sentinels(binary: ServerBinary, options: SentinelOptions): Promise<RunningSentinels> {
    const sentinels = await startSentinels(binary, options);
    this.#started.push(sentinels);
    return sentinels;
  }
}

/**
 * Clusters for tests that run side by side: each has one for itself, empty, and gives it back. One whose slots or
 * nodes are not where they were is not lent again.
 */
export class ClusterPool {
  readonly #clusters: Clusters;
  readonly #binary: ServerBinary | undefined;
  readonly #options: ClusterOptions;
  readonly #free: Lent[] = [];

  constructor(clusters: Clusters, binary: ServerBinary | undefined, options: ClusterOptions = {}) {
    this.#clusters = clusters;
    this.#binary = binary;
    this.#options = options;
  }

  async use<T>(action: (cluster: RunningCluster, client: ClusterClient) => Promise<T>): Promise<T> {
    const lent = this.#free.pop() ?? (await this.#start());
    // After a failure it is not given back: a sync may still be writing to it.
    const result = await action(lent.cluster, lent.client);
    if ((await layoutOf(lent.cluster)) === lent.layout) {
      await emptyCluster(lent.client);
      this.#free.push(lent);
    }
    return result;
  }

  async #start(): Promise<Lent> {
    if (this.#binary === undefined) throw new Error('there is no server to start');
    const cluster = await this.#clusters.start(this.#binary, this.#options);
    return { cluster, client: await cluster.client(), layout: await layoutOf(cluster) };
  }
}

interface Lent {
  readonly cluster: RunningCluster;
  readonly client: ClusterClient;
  /** Who owned what when it was started. */
  readonly layout: string;
}

async function layoutOf(cluster: RunningCluster): Promise<string> {
  const views = await cluster.topology();
  const lines = views.map(({ id, role, slots, isFailed }) => `${id} ${role} ${slots.join(' ')} ${isFailed}`);
  return lines.toSorted().join('\n');
}

export async function emptyCluster(client: ClusterClient): Promise<void> {
  await client.everyPrimary((node) => node.pipeline([['FLUSHALL'], ['FUNCTION', 'FLUSH']]));
}

/** The replication offsets of the primaries, by `host:port`. */
export async function offsetsOf(client: ClusterClient): Promise<ReadonlyMap<string, number>> {
  const offsets = await client.everyPrimary(async (node, { host, port }) => {
    const info: string = await node.text('INFO', 'replication');
    return [`${host}:${port}`, Number(/master_repl_offset:(\d+)/u.exec(info)?.[1])] as const;
  });
  return new Map(offsets);
}

// ---- equality --------------------------------------------------------------------------------------------

/**
 * How two deployments differ, each a server or a cluster. Keys that expire meanwhile, here sooner and there later,
 * are no difference: what counts is what stays when it is looked at again.
 */
export async function clusterDifferences(
  a: AnyClient,
  b: AnyClient,
  { excused = () => false, ...options }: EqualityOptions = {},
): Promise<readonly Difference[]> {
  let found: readonly Difference[] = [];
  let failure: unknown;
  for (let attempt = 0; attempt < 12; attempt++) {
    if (attempt > 0) await pause(250);
    try {
      const settings = { deep: true, ttlToleranceMs: 60, limit: 2000, held: true, ...options };
      const compared = await compareServers(a, b, settings);
      failure = undefined;
      found = compared.differences.filter((difference) => !excused(difference));
      if (found.length === 0) return found;
    } catch (error) {
      // A key has gone between two questions about it.
      if (!(error instanceof ReplyError)) throw error;
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  return found.slice(0, 20);
}

// ---- counters --------------------------------------------------------------------------------------------

export interface CounterOptions {
  /** Counters, lists and texts, so many of each; default 100. */
  readonly keys?: number;
  /** What the names begin with; for instance hash tags of the slots that will move. Default `counted:`. */
  readonly prefix?: (index: number) => string;
  /** Commands per round trip; default 50. */
  readonly batchSize?: number;
  /** Default: as fast as it goes. */
  readonly ratePerSecond?: number;
}

export interface CounterResult {
  readonly commands: number;
  /** Sent, and nobody knows what became of them: the connection was lost. */
  readonly unknown: number;
  /** Refused by the server, after all patience. */
  readonly refused: number;
  readonly lastError: string;
}

/** A server or a cluster that can be written to. */
type Writable = Pick<AnyClient, 'pipeline' | 'text'>;

/**
 * Writes that are not idempotent, to keys it knows: INCR, LPUSH and APPEND of consecutive numbers. One that gets
 * lost, comes twice or comes late leaves a value that the source does not have.
 */
export class CounterWriter {
  readonly keys: readonly string[];
  readonly #client: Writable;
  readonly #options: CounterOptions;
  readonly #done: Promise<CounterResult>;
  #isStopped = false;
  #commands = 0;
  #unknown = 0;
  #refused = 0;
  #lastError = '';

  constructor(client: Writable, options: CounterOptions = {}) {
    const { keys = 100, prefix = () => 'counted:' } = options;
    const names = Array.from({ length: keys }, (_, index) => `${prefix(index)}${index}`);
    this.#client = client;
    this.#options = options;
    this.keys = names.flatMap((name) => KINDS.map(({ kind }) => `${name}:${kind}`));
    this.#done = this.#run(names);
    // Reported by `stop`.
    this.#done.catch(() => {});
  }

  get commandsSoFar(): number {
    return this.#commands;
  }

  /** Ends it after the round trip under way. */
  async stop(): Promise<CounterResult> {
    this.#isStopped = true;
    return await this.#done;
  }

  async #run(names: readonly string[]): Promise<CounterResult> {
    const { batchSize = 50, ratePerSecond } = this.#options;
    const startedMs = performance.now();
    for (let serial = 0; !this.#isStopped; serial += batchSize) {
      const commands = Array.from({ length: batchSize }, (_, i) => commandOf(names, serial + i));
      for (const reply of await this.#client.pipeline(commands)) this.#note(reply);
      if (ratePerSecond !== undefined)
        await pause(startedMs + (this.#commands / ratePerSecond) * 1000 - performance.now());
    }
    const { unknown, refused, lastError } = this.#counts;
    return { commands: this.#commands, unknown, refused, lastError };
  }

  get #counts(): Omit<CounterResult, 'commands'> {
    return { unknown: this.#unknown, refused: this.#refused, lastError: this.#lastError };
  }

  #note(reply: unknown): void {
    this.#commands++;
    if (!(reply instanceof Error)) return;
    this.#lastError = reply.message;
    if (reply instanceof ReplyError && reply.code === 'LOST') this.#unknown++;
    else this.#refused++;
  }

  /** The keys whose values on the two sides are not the same, and how they differ; none is what is wanted. */
  async differences(source: Writable, target: Writable): Promise<readonly string[]> {
    const [left, right] = await Promise.all([this.#read(source), this.#read(target)]);
    const found: string[] = [];
    for (const [i, key] of this.keys.entries()) {
      if (left[i] !== right[i]) found.push(`${key}: ${summary(left[i])} and not ${summary(right[i])}`);
    }
    return found;
  }

  async #read(client: Writable): Promise<readonly string[]> {
    const commands = this.keys.map((key) => (key.endsWith(':list') ? ['LRANGE', key, 0, -1] : ['GET', key]));
    return (await client.pipeline(commands)).map(String);
  }
}

const KINDS = [
  { kind: 'count', command: (key: string) => ['INCR', key] },
  { kind: 'list', command: (key: string, serial: number) => ['LPUSH', key, serial] },
  { kind: 'text', command: (key: string, serial: number) => ['APPEND', key, `${serial},`] },
] as const;

/** Round after round over all keys of all kinds. */
function commandOf(names: readonly string[], serial: number): readonly (string | number)[] {
  const { kind, command } = KINDS[serial % KINDS.length]!;
  const name = names[Math.floor(serial / KINDS.length) % names.length]!;
  return command(`${name}:${kind}`, serial);
}

function summary(value: string | undefined): string {
  const text = String(value);
  return text.length > 80 ? `${text.slice(0, 30)}…${text.slice(-40)} (${text.length})` : text;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
