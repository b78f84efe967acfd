/**
 * `export -f rdb`: reads snapshots and writes RDB files, one, or one per shard of a cluster. Keys are
 * filtered, databases renumbered, several inputs put together, values converted to what a named server loads.
 *
 * A file has its name only when it is complete. A key in several inputs: `first` and `last` go by the order
 * on the command line (for `last` the inputs are read from the last to the first); the keys written are
 * remembered, 13 to 27 bytes each, only when a key can come twice. Without a named server the result has the
 * format of the first input that is read; one that does not fit into that is refused.
 */
import { randomFillSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { checksumProblem } from '../io/read-snapshot.js';
import { refuseCommands } from '../io/refuse-commands.js';
import { type SnapshotEnd, type SnapshotInput, WINDOW_BYTES } from '../io/snapshot-input.js';
import { createDbMap, type DbMap } from '../keyspace/db-map.js';
import { createKeyFilter, type KeyFilter } from '../keyspace/key-filter.js';
import { ValueConverter } from '../rdb/encode/value-converter.js';
import type { Limits } from '../rdb/limits.js';
import { atLeast, formatMagic, type ServerIdentity } from '../rdb/server-support.js';
import type { FilterOptions } from '../sync/options.js';
import { KeyIndex, MOST_ORIGINS } from '../keyspace/key-index.js';
import type { ByteTarget } from './output.js';
import { type Duplicates, RdbExportHandler } from './rdb-export-handler.js';
import { OLDEST_VERSION, RdbFiles } from './rdb-files.js';
import { LossReport } from './loss-report.js';
import { type Loss, type RdbExportSummary, RdbTally, type ReadInput } from './rdb-report.js';
import type { Selection } from './selection.js';
import { equalShards, parseNodesConf, parseShardCount, type Shard, slotTable } from './slot-split.js';

export interface RdbExportOptions {
  /** Paths, `-`, addresses: whatever `openInput` takes. One or more. */
  readonly inputs: readonly string[];
  /** A path; with `split` also a directory. undefined: stdout. */
  readonly out: string | undefined;
  readonly filter: FilterOptions;
  readonly selection: Selection;
  readonly dbMap: ReadonlyMap<number, number>;
  /** `--for`; undefined: the format of the first input. */
  readonly server: ServerIdentity | undefined;
  /** A number of shards, or the path of a nodes.conf. */
  readonly split: string | undefined;
  readonly duplicates: Duplicates;
  readonly onError: 'stop' | 'skip';
  /** `false`: a wrong checksum of an input does not matter. */
  readonly checksum: boolean;
  /** Compress the strings of converted values. Others keep what they have. */
  readonly compress: boolean;
  /** Replace files of shards that are there already; a single file's name is the caller's business. */
  readonly force?: boolean | undefined;
  /** A file for every loss, as lines of JSON. */
  readonly report?: string | undefined;
  readonly limits?: Limits | undefined;
}

export interface RdbExportDeps {
  openInput(spec: string): Promise<SnapshotInput>;
  /** Needed when `out` is undefined. */
  readonly stdout?: ByteTarget | undefined;
  nowMs(): number;
  readonly signal?: AbortSignal | undefined;
  /** Each loss, when it happens. */
  readonly onLoss?: ((loss: Loss) => void) | undefined;
  /** An input has been opened and is about to be read: for progress. */
  readonly onInput?: ((input: SnapshotInput, index: number) => void) | undefined;
}

export async function runRdbExport(
  options: RdbExportOptions,
  deps: RdbExportDeps,
): Promise<RdbExportSummary> {
  const shards = await readSplit(options);
  return new RdbExport(options, deps, shards).run();
}

async function readSplit({ split, out }: RdbExportOptions): Promise<readonly Shard[] | undefined> {
  if (split === undefined) return undefined;
  if (out === undefined) {
    throw new ReplicantError('USAGE', '--split writes several files and needs -o', {
      hint: 'name a file, such as -o dump.rdb (they become dump-1.rdb …), or a directory',
    });
  }
  const count = parseShardCount(split);
  if (count !== undefined) return equalShards(count);
  const text = await readFile(split, 'utf8').catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReplicantError('USAGE', `--split ${split}: ${why}`, { cause });
  });
  return parseNodesConf(text, split);
}

class RdbExport {
  readonly #o: RdbExportOptions;
  readonly #deps: RdbExportDeps;
  readonly #shards: readonly Shard[] | undefined;
  readonly #filter: KeyFilter;
  readonly #dbMap: DbMap;
  readonly #report: LossReport | undefined;
  readonly #tally: RdbTally;
  readonly #handler: RdbExportHandler;
  readonly #crc = new Crc64(WINDOW_BYTES);
  readonly #read: ReadInput[] = [];
  readonly #files: RdbFiles;
  /** A wrong checksum: told when everything else is done. */
  #checksumError: ReplicantError | undefined;

  constructor(options: RdbExportOptions, deps: RdbExportDeps, shards: readonly Shard[] | undefined) {
    this.#o = options;
    this.#deps = deps;
    this.#shards = shards;
    this.#filter = createKeyFilter(options.filter);
    this.#dbMap = createDbMap(options.dbMap);
    this.#report = options.report === undefined ? undefined : new LossReport(options.report);
    this.#tally = new RdbTally((loss) => {
      this.#report?.add(loss);
      deps.onLoss?.(loss);
    });
    this.#files = new RdbFiles(options, shards, deps.stdout);
    this.#handler = this.#createHandler();
  }

  async run(): Promise<RdbExportSummary> {
    try {
      const order = this.#o.inputs.map((spec, index) => ({ spec, index }));
      for (const { spec, index } of this.#o.duplicates === 'last' ? order.toReversed() : order) {
        // One at a time: files are written in this order.
        await this.#input(spec, index);
      }
      // An AOF may be empty and have no snapshot.
      if (!this.#files.isOpen) this.#files.open({ dialect: 'redis', version: OLDEST_VERSION });
      await this.#files.finish();
    } finally {
      this.#files.discard();
      this.#report?.end();
    }
    if (this.#checksumError !== undefined) throw this.#checksumError;
    return this.#summary();
  }

  async #input(spec: string, index: number): Promise<void> {
    const { checksum, onError, limits } = this.#o;
    const { signal } = this.#deps;
    const input = await this.#deps.openInput(spec);
    try {
      this.#deps.onInput?.(input, index);
      refuseCommands(input, '-f rdb');
      this.#handler.nextInput(input.label, index);
      const end = await input.snapshot(this.#handler, {
        ...{ limits, signal, onError, crc: this.#crc, checksum: false },
        drain: () => this.#drain(),
        onLost: (error) => this.#damaged(input.label, error),
      });
      this.#handler.endInput();
      refuseCommands(input, '-f rdb');
      if (checksum) this.#judge(input, end);
      this.#read.push({ label: input.label, bytes: end.bytes, keys: this.#handler.keys });
    } finally {
      await input.close();
    }
  }

  #judge(input: SnapshotInput, end: SnapshotEnd): void {
    const problem = checksumProblem(end.checksum, end.bytes, {})?.within({ at: input.label });
    if (problem === undefined) return;
    if (this.#o.onError === 'skip') this.#damaged(input.label, problem);
    else this.#checksumError ??= problem;
  }

  #damaged(label: string, error: ReplicantError): void {
    const { db, key, offset } = error.place;
    const why = offset === undefined ? error.message : `${error.message} (byte offset ${offset})`;
    this.#tally.lose({ what: 'damaged', input: label, db, key, why });
  }

  #drain(): Promise<void> | undefined {
    // Only stdout may have to be waited for, and there is only one of that.
    return this.#files.destinations[0]?.output.drain();
  }

  #createHandler(): RdbExportHandler {
    const { server, compress, limits, duplicates, inputs, selection, dbMap } = this.#o;
    if (inputs.length > MOST_ORIGINS) {
      throw new ReplicantError('USAGE', `at most ${MOST_ORIGINS} inputs can be put together`);
    }
    const collides = this.#dbMap.collisions((db) => this.#filter.matchesDb(db)).length > 0;
    const converter =
      server === undefined
        ? undefined
        : new ValueConverter(server, { compress, ...(limits === undefined ? {} : { limits }) });
    const selects = Object.values(selection).some((one) => one !== undefined);
    return new RdbExportHandler({
      ...{ filter: this.#filter, selection, dbMap: this.#dbMap, converter, tally: this.#tally, duplicates },
      index: inputs.length > 1 || collides ? new KeyIndex(randomFillSync(new Uint32Array(3))) : undefined,
      slots: this.#shards === undefined ? undefined : slotTable(this.#shards),
      onlyDatabase0: this.#shards !== undefined && !hasNumberedClusters(server),
      keepsHints:
        inputs.length === 1 &&
        this.#shards === undefined &&
        dbMap.size === 0 &&
        !this.#filter.active &&
        !selects,
      open: (format) => this.#files.open(format),
      nowMs: () => this.#deps.nowMs(),
    });
  }

  #summary(): RdbExportSummary {
    const { converted, filtered, duplicates, empty, dropped, changed, damaged, losses, notes } = this.#tally;
    const files = this.#files.destinations.map(({ writer, output }, index) => ({
      path: output.path,
      slots: this.#shards?.[index]?.ranges,
      keys: writer.keys,
      bytes: writer.bytesWritten,
    }));
    return {
      ...{ format: formatMagic(this.#files.destinations[0]!.writer.format), files, inputs: this.#read },
      keys: files.reduce((sum, file) => sum + file.keys, 0),
      ...{ converted, filtered, duplicates, empty, dropped, changed, damaged, losses },
      notes: [...notes],
    };
  }
}

/** Valkey 9 clusters have databases; all others have only database 0. */
function hasNumberedClusters(server: ServerIdentity | undefined): boolean {
  return server !== undefined && server.family === 'valkey' && atLeast(server.version, 9);
}
