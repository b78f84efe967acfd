/* oxlint-disable vitest/no-standalone-expect -- a model checks itself, as far as the case at hand goes */
/**
 * A job as it runs: a stream of a source, an applier, transactions, a target that may be cut off at any moment
 * and is then gone on with from its checkpoint. After every transaction that lands, the target is compared with
 * the stream carried out command by command up to the offset that the checkpoint names.
 */
import { expect } from 'vitest';
import type { DbMap } from '../../src/keyspace/db-map.js';
import type { KeyFilter } from '../../src/keyspace/key-filter.js';
import { encodeCommand } from '../../src/resp/encode.js';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { StreamApplier } from '../../src/sync/stream-applier.js';
import type { StreamPlace } from '../../src/sync/stream-requests.js';
import { Tally } from '../../src/sync/tally.js';
import type { FailedCommand } from '../../src/target/failed-command.js';
import { Pipeline, type PipelineOptions } from '../../src/target/pipeline.js';
import { Transactions } from '../../src/target/transactions.js';
import { placed } from '../resp/support.js';
import { ModelConnection, ModelStore } from '../target/model-server.js';
import { bytes, text } from '../target/support.js';
import { serverNamed } from './support.js';

export type Line = readonly string[];

export const KEY = '__replicant:{t}:checkpoint';

/** What the source has sent, and what it means. */
export class SourceStream {
  readonly base: number;
  readonly input: Uint8Array;
  /** Offset at which each command begins, and behind the last. */
  readonly starts: readonly number[];
  readonly #list: readonly Line[];
  readonly #leftOut: ReadonlySet<number>;
  readonly #states = new Map<number, { readonly store: ModelStore; readonly client: { db: number } }>();

  constructor(base: number, list: readonly Line[], leftOut: ReadonlySet<number> = new Set()) {
    this.base = base;
    this.#list = list;
    this.#leftOut = leftOut;
    const encoded = list.map((line) => encodeCommand(line.map(bytes)));
    const starts = [base];
    for (const one of encoded) starts.push(starts.at(-1)! + one.length);
    this.starts = starts;
    this.input = new Uint8Array(Buffer.concat(encoded));
  }

  get end(): number {
    return this.starts.at(-1)!;
  }

  /** Is this a place between two commands? */
  between(offset: number): boolean {
    return this.starts.includes(offset);
  }

  inMulti(offset: number): boolean {
    const before = this.#list.filter((_, index) => this.starts[index]! < offset);
    const last = before.findLast(([name]) => name === 'MULTI' || name === 'EXEC');
    return last?.[0] === 'MULTI';
  }

  /** The source's keys once everything before `offset` has been carried out. */
  at(offset: number): { readonly store: ModelStore; readonly client: { db: number } } {
    const known = this.#states.get(offset);
    if (known !== undefined) return known;
    const store = new ModelStore();
    const client = { db: 0 };
    this.#list.forEach((line, index) => {
      const skipped = this.starts[index]! >= offset || this.#leftOut.has(this.starts[index]!);
      if (!skipped && !['MULTI', 'EXEC', 'REPLCONF'].includes(line[0]!)) store.run(client, line);
    });
    const state = { store, client };
    this.#states.set(offset, state);
    return state;
  }
}

export interface JobOptions {
  readonly source: SourceStream;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly leftOut?: ReadonlySet<number> | undefined;
  /** A command that is refused when it is queued is added here, and the job goes on without it. */
  readonly refused?: Set<number>;
  readonly batchBytes: number;
  readonly pipe: Partial<PipelineOptions>;
  /** Keys on the target that are none of ours. */
  readonly foreign?: readonly (readonly [db: number, key: string])[];
}

class Refused extends Error {}

export type Step =
  | { readonly do: 'arrive'; readonly count: number }
  | { readonly do: 'deliver' | 'reply'; readonly count: number }
  | { readonly do: 'crash'; readonly landing: number };

export class Job {
  readonly #o: JobOptions;
  readonly store: ModelStore = new ModelStore();
  readonly tally: Tally = new Tally();
  readonly failed: FailedCommand[] = [];
  server!: ModelConnection;
  applier: StreamApplier | undefined;
  crashes = 0;
  clears = 0;
  landed = 0;
  #pipeline!: Pipeline;
  #commits!: Transactions;
  /** Index in the input of what has arrived, and of what the applier has taken. */
  #arrived = 0;
  #taken = 0;
  #pumping = false;
  /** Databases were emptied behind this offset: until the next commit the target is ahead of its checkpoint. */
  #clearedAt = -1;
  #texts = 0;
  #lastCommit = -1;
  /** What was committed last. */
  #most: number;

  constructor(options: JobOptions) {
    this.#o = options;
    const { base } = options.source;
    this.#most = base;
    for (const [db, key] of options.foreign ?? []) this.store.put(db, key, 'theirs');
    this.store.put(0, KEY, `${base} 0 false start`);
    this.connect();
  }

  get place(): StreamPlace {
    const [offset, db, inMulti] = this.store.get(0, KEY)!.split(' ');
    return { offset: Number(offset), db: Number(db), inMulti: inMulti === 'true' };
  }

  connect(): void {
    this.server = new ModelConnection(this.store);
    this.server.onExec = () => {
      this.landed++;
      this.check();
    };
    this.applier = undefined;
    const { server } = this;
    const pipeline = new Pipeline(server, {
      ...this.#o.pipe,
      onError: (one) => this.#failed(one),
      onDrain: () => {
        if (this.server === server) this.pump();
      },
    });
    this.#pipeline = pipeline;
    const found = this.store.get(0, KEY)!;
    const { offset, db, inMulti } = this.place;
    this.#commits = new Transactions(pipeline, bytes(KEY), true, {
      settled: (tag) => {
        if (tag < 0) this.#open({ offset, db, inMulti });
        else expect(this.place.offset).toBeGreaterThanOrEqual(tag);
        this.applier!.commit();
        this.pump();
      },
      disturbed: (was) => {
        throw new Error(`disturbed: ${was === undefined ? 'nothing' : text(was)}`);
      },
    });
    this.#commits.guard(bytes(found));
  }

  #failed(one: FailedCommand): void {
    const { refused } = this.#o;
    if (refused === undefined || one.executed) {
      this.failed.push(one);
      return;
    }
    refused.add(one.offset);
    throw new Refused();
  }

  #open({ offset, db, inMulti }: StreamPlace): void {
    const { source, filter, dbMap, batchBytes } = this.#o;
    const leftOut = this.#o.refused ?? this.#o.leftOut;
    const commits = this.#commits;
    this.#taken = offset - source.base;
    this.#lastCommit = offset;
    this.applier = new StreamApplier({
      ...{ out: this.#pipeline, capabilities: serverNamed('redis 7.0.15'), filter, dbMap, tally: this.tally },
      ...{ table: BUILTIN_COMMANDS, sourceDatabases: 16, targetDatabases: 16, relativeTtls: false },
      ...{ clockOffsetMs: 0, offset, db, inMulti, targetDb: 0, leftOut, ownKey: bytes(KEY) },
      committer: {
        begin: () => commits.begin(),
        get waiting() {
          return commits.waiting;
        },
        batchBytes,
        commit: (place, selected) => this.#commit(place, selected),
      },
      onGetAck: () => {},
      onReport: () => {},
    });
  }

  #commit(place: StreamPlace, selected: number): void {
    const { source } = this.#o;
    const { offset, db, inMulti } = place;
    expect(source.between(offset), `a commit at ${offset}, inside a command`).toBe(true);
    expect(inMulti).toBe(source.inMulti(offset));
    expect(db).toBe(source.at(offset).client.db);
    if (inMulti) expect(this.applier!.aside, 'only emptying may divide a transaction').toBeDefined();
    this.#lastCommit = offset;
    this.#commits.commit(bytes(`${offset} ${db} ${inMulti} ${this.#texts++}`), offset, selected);
  }

  /** As the delivery does it: what the applier can take, pieces as a window has them. */
  pump(): void {
    const { applier } = this;
    if (applier === undefined || this.#pumping) return;
    this.#pumping = true;
    const { input } = this.#o.source;
    for (let before = -1; before !== this.#taken;) {
      before = this.#taken;
      this.#emptyDatabases(applier);
      if (applier.full || applier.aside !== undefined || this.#pipeline.blocked) break;
      const { block, start, end } = placed(input, this.#taken, this.#arrived);
      this.#taken += applier.feed(block, start, end, 0) - start;
      block.fill(0xdd);
      expect(applier.offset).toBe(this.#o.source.base + this.#taken);
    }
    this.#pumping = false;
  }

  #emptyDatabases(applier: StreamApplier): void {
    const request = applier.aside;
    if (request?.kind !== 'clear') return;
    applier.commit();
    if (!applier.ready) return;
    expect(this.place.offset, 'what stands before the emptying is final').toBe(this.#lastCommit);
    this.check();
    for (const db of request.targetDbs) {
      this.store.empty(
        db,
        (key) => key !== KEY && (!request.matching || this.#o.filter.matchesKey(bytes(key))),
      );
    }
    this.clears++;
    this.#clearedAt = this.place.offset;
    applier.resume();
  }

  run(step: Step): void {
    switch (step.do) {
      case 'arrive':
        this.#arrived = Math.min(this.#o.source.input.length, this.#arrived + step.count);
        this.pump();
        break;
      case 'deliver':
        this.server.deliver(step.count);
        break;
      case 'reply':
        this.#replies(() => this.server.reply(this.#pipeline, step.count));
        break;
      default:
        this.#crash(step.landing);
    }
    this.check();
  }

  #crash(landing: number): void {
    this.crashes++;
    this.server.cut(landing);
    this.connect();
  }

  #replies(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#pumping = false;
      this.#crash(0);
    }
  }

  /** Everything has arrived, and goes on until nothing more happens. */
  finish(): void {
    this.run({ do: 'arrive', count: this.#o.source.input.length });
    for (let turn = 0; turn < 10_000; turn++) {
      this.#replies(() => this.server.settle(this.#pipeline));
      this.pump();
      if (!this.server.waiting) break;
    }
    this.check();
    expect(this.applier!.offset).toBe(this.#o.source.end);
    expect(this.#taken).toBe(this.#o.source.input.length);
  }

  /** The checkpoint and the data agree. */
  check(): void {
    const { source } = this.#o;
    const { offset, db } = this.place;
    expect(offset, 'the checkpoint goes back').toBeGreaterThanOrEqual(this.#most);
    this.#most = offset;
    if (offset === this.#clearedAt) return;
    expect(db).toBe(source.at(offset).client.db);
    expect(this.store.dump(KEY)).toBe(this.expectedAt(offset));
    for (const name of this.server.outside) expect(['MULTI', 'WATCH', 'GET']).toContain(name);
  }

  /** What the target has to hold. */
  expectedAt(offset: number): string {
    const { source, filter, dbMap, foreign = [] } = this.#o;
    const target = new ModelStore();
    for (const [db, key] of foreign) target.put(db, key, 'theirs');
    source.at(offset).store.dbs.forEach((keys, db) => {
      if (!filter.matchesDb(db)) return;
      for (const [key, value] of keys) {
        if (filter.matchesKey(bytes(key))) target.put(dbMap.toTarget(db), key, value);
      }
    });
    return target.dump();
  }
}
