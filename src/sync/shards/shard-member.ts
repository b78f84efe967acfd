/** One shard of a job, in this process: its run, and its part in the handover of slots. */
import { join } from 'node:path';
import { SlotSet } from '../../keyspace/slot-set.js';
import type { Endpoint } from '../../net/endpoint.js';
import { formatAddress } from '../../net/endpoint.js';
import { addressOf, type ClusterShard } from '../../topology/cluster-map.js';
import type { SyncHandle } from '../handle.js';
import type { ShardRun, SyncOptions } from '../options.js';
import { sleep } from '../patience.js';
import type { Emit, SyncEvent } from '../status.js';
import { Handover } from './handover.js';
import { ShardLooker } from './look.js';
import type { ShardPart } from './merge-status.js';
import { type RosterEntry, shardJob } from './roster.js';
import type { SnapshotGate } from './snapshot-gate.js';
import type { TargetAccess } from './target-access.js';
import { TargetBoard } from './target-board.js';

/** How often slots without commands are looked for, and what others want. */
const TEND_EVERY_MS = 1000;

export interface MemberOptions {
  readonly sync: SyncOptions;
  readonly entry: RosterEntry;
  readonly shard: ClusterShard;
  /** How many share memory and disk. */
  readonly share: number;
  readonly access: TargetAccess;
  readonly process: string;
  readonly gate: Pick<SnapshotGate, 'acquire'>;
  readonly targetPrepared: ShardRun['targetPrepared'];
  readonly start: (options: SyncOptions) => SyncHandle;
  /** The same job's other shards that run here. */
  readonly sibling: (key: string) => ShardMember | undefined;
  /** Something about slots has changed. */
  readonly changed: () => void;
  readonly emit: Emit;
}

export class ShardMember {
  readonly key: string;
  readonly handle: SyncHandle;
  readonly #o: MemberOptions;
  readonly #over = new AbortController();
  readonly #looker: ShardLooker;
  readonly #board: TargetBoard;
  readonly #duty: Handover;
  #shard: ClusterShard;
  #waitingFor: string | undefined;
  #everCaughtUp = false;
  /** Ends pauses. */
  #wake = new AbortController();
  #asked: SlotSet | undefined;
  readonly #tending: Promise<void>;

  constructor(options: MemberOptions) {
    const { entry, shard, sync, access, process, gate, targetPrepared } = options;
    this.#o = options;
    this.key = entry.key;
    this.#shard = shard;
    this.#looker = new ShardLooker(
      endpointOf(sync.source, entry, 'primary'),
      (id) => entry.nodeIds.includes(id) || this.#shard.nodeIds.includes(id),
    );
    this.#board = new TargetBoard({ access, job: sync.name, key: entry.key, process });
    this.#duty = new Handover({
      look: () => this.#looker.look(),
      board: this.#board,
      ask: (holder, slots) => this.#ask(holder, slots),
      pause: (ms) => this.#pause(ms),
      emit: (level, event, message) => this.#tell({ level, event, message }),
      waiting: (why) => {
        this.#waitingFor = why;
      },
      signal: this.#over.signal,
    });
    this.handle = options.start({
      ...shardOptions(options),
      shard: { duty: this.#duty, targetPrepared, snapshotTurn: (host) => gate.acquire(host) },
    });
    this.handle.on((event) => this.#heard(event));
    this.#tending = this.#tend();
  }

  #heard(event: SyncEvent): void {
    if (event.event === 'caught-up') this.#everCaughtUp = true;
    if (event.event === 'full-resync' || event.event === 'full-sync-start') this.#everCaughtUp = false;
    this.#tell(event);
  }

  #tell({ level, event, message, details }: SyncEvent): void {
    this.#o.emit(level, event, `${this.key}: ${message}`, { ...details, shard: this.key });
  }

  get held(): SlotSet {
    return this.#duty.held;
  }

  get everCaughtUp(): boolean {
    return this.#everCaughtUp;
  }

  get part(): ShardPart {
    const { primary } = this.#shard;
    const status = this.handle.status();
    const source =
      primary === undefined ? (status.shards[0]?.source ?? '') : formatAddress(addressOf(primary));
    return { key: this.key, status, source, waitingFor: this.#waitingFor };
  }

  /** Where the source's stream stands, and whether all that is the shard's own is held. */
  async look(): Promise<{ readonly offset: number; readonly complete: boolean }> {
    const { offset, owned, importing } = await this.#looker.look();
    const complete = [...owned].every((slot) => importing.has(slot) || this.#duty.held.has(slot));
    return { offset, complete };
  }

  /** Its nodes can still be found by what the run was told; always where shards have ids. */
  finds(shard: ClusterShard): boolean {
    const { shardId, nodeIds } = this.#o.entry;
    return shardId !== undefined || shard.nodeIds.some((id) => nodeIds.includes(id));
  }

  /** The shard is now this. */
  update(shard: ClusterShard): void {
    this.#shard = shard;
    this.poke();
  }

  /** What is waited for may have come. */
  poke(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  async release(slots: SlotSet): Promise<void> {
    await this.#duty.release(slots);
    this.#o.changed();
  }

  #ask(holder: string, slots: SlotSet): void {
    const sibling = this.#o.sibling(holder);
    this.#asked = slots;
    const asked = sibling === undefined ? this.#board.want(slots) : sibling.release(slots);
    // It is asked again, and what does not work there is told there.
    asked.catch(() => {});
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, AbortSignal.any([this.#wake.signal, this.#over.signal]));
  }

  async #tend(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      /* oxlint-disable no-await-in-loop -- from time to time */
      await this.#pause(TEND_EVERY_MS);
      if (signal.aborted) break;
      try {
        await this.#duty.tend();
        if (this.#o.sync.cluster?.shardCount !== undefined) await this.#tendWants();
      } catch (error) {
        this.#tell({ level: 'debug', event: 'note', message: `while looking after slots: ${String(error)}` });
      }
      /* oxlint-enable no-await-in-loop */
    }
  }

  /** What other processes' shards want, and no more of what we wanted. */
  async #tendWants(): Promise<void> {
    if (this.#asked === undefined || [...this.#asked].every((slot) => this.#duty.held.has(slot)))
      await this.#board.want(new SlotSet());
    await this.#duty.release(await this.#board.wanted());
  }

  /** After the run. */
  async close(): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    await this.#tending;
    await this.#duty.end().catch(() => {});
    this.#looker.close();
  }
}

function endpointOf(
  source: Endpoint,
  entry: RosterEntry,
  read: 'primary' | 'replica' | 'prefer-replica',
): Endpoint {
  const { shardId, nodeIds } = entry;
  return { ...source, find: { kind: 'shard', shardId, nodeIds, read } };
}

/** What the shard's run is told. */
function shardOptions({ sync, entry, share }: MemberOptions): SyncOptions {
  const part = (bytes: number): number => Math.floor(bytes / share);
  const { stateDir, reportFile } = sync;
  return {
    ...sync,
    name: shardJob(sync.name, entry.key),
    source: endpointOf(sync.source, entry, sync.cluster?.readFrom ?? 'primary'),
    until: 'stopped',
    stateDir: stateDir === undefined ? undefined : join(stateDir, entry.key),
    reportFile: reportFile === undefined ? undefined : withKey(reportFile, entry.key),
    spoolMemoryBytes: part(sync.spoolMemoryBytes),
    spoolMaxBytes: part(sync.spoolMaxBytes),
  };
}

/** `left-out.s1.json` for `left-out.json`. */
function withKey(file: string, key: string): string {
  const dot = file.lastIndexOf('.');
  return dot <= file.lastIndexOf('/') + 1
    ? `${file}.${key}`
    : `${file.slice(0, dot)}.${key}${file.slice(dot)}`;
}
