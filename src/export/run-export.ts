/**
 * The export engine: sources, one after the other, into one destination in one format.
 *
 * Everything a source tells goes through an `ExportHandler` to the format's writer and into the output.
 * What could not be read is told to `onLost` and counted; the destination is published only when all of it
 * went well or `onError` is `skip`.
 */
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { checksumProblem } from '../io/read-snapshot.js';
import { refuseCommands } from '../io/refuse-commands.js';
import { type AofEnd, type SnapshotEnd, type SnapshotInput, WINDOW_BYTES } from '../io/snapshot-input.js';
import { createDbMap } from '../keyspace/db-map.js';
import { createKeyFilter } from '../keyspace/key-filter.js';
import type { ServerIdentity } from '../rdb/server-support.js';
import type { FilterOptions } from '../sync/options.js';
import { type CsvModel, CsvWriter } from './csv.js';
import type { Destination } from './destination.js';
import { ExportHandler, type ExportCounts } from './export-handler.js';
import { ReaderGone } from './fd-target.js';
import type { FormatWriter } from './format-writer.js';
import { JsonWriter } from './json.js';
import { KeysWriter } from './keys.js';
import { NdjsonWriter } from './ndjson.js';
import { Output } from './output.js';
import { RespWriter } from './resp.js';
import type { Selection } from './selection.js';
import type { TextFormat } from './text-formats.js';

export interface ExportOptions {
  readonly format: TextFormat;
  readonly filter: FilterOptions;
  readonly selection: Selection;
  readonly dbMap: ReadonlyMap<number, number>;
  readonly onError: 'stop' | 'skip';
  /** False: a wrong checksum is no error. */
  readonly checksum: boolean;
  /** ndjson: lines for functions, AUX fields and module data. */
  readonly meta: boolean;
  /** keys: escaped, so that a line is a key whatever is in it. */
  readonly escape: boolean;
  /** csv: whose memory. */
  readonly csv?: CsvModel | undefined;
  /** resp: RESTORE payloads. */
  readonly restore: boolean;
  /** resp: the server the commands are for. */
  readonly server: ServerIdentity | undefined;
  readonly truncatedTail: 'fail' | 'keep';
  /** Unix seconds: stop an AOF before what was written after that. */
  readonly toTime: number | undefined;
}

export interface ExportProgress {
  readonly keys: number;
  readonly bytesRead: number;
  /** undefined while not known. */
  readonly bytesTotal: number | undefined;
  readonly bytesWritten: number;
}

export interface ExportRun {
  readonly inputs: readonly SnapshotInput[];
  readonly destination: Destination;
  readonly signal?: AbortSignal | undefined;
  /** Something was left out, with `onError: 'skip'` or because the format has no place for it. */
  readonly onLost: (error: ReplicantError) => void;
  /** Something a person should know of which nothing was lost. */
  readonly onNote: (note: string) => void;
}

export interface ExportSummary extends ExportCounts {
  readonly format: TextFormat;
  readonly output: string;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Commands of an AOF that were carried. */
  readonly commands: number;
  /** What was told to `onLost`. */
  readonly lost: number;
  /** The reader of the output went away before the end. */
  readonly readerGone: boolean;
}

export class Exporter {
  readonly #o: ExportOptions;
  readonly #run: ExportRun;
  readonly #out: Output;
  readonly #writer: FormatWriter;
  readonly #counts: ExportCounts = { keys: 0, filteredKeys: 0, emptyKeys: 0 };
  /** One window for all sources. */
  readonly #crc = new Crc64(WINDOW_BYTES);
  #commands = 0;
  #lost = 0;
  #readerGone = false;
  /** A wrong checksum: told when everything else is done. */
  #checksumError: ReplicantError | undefined;

  constructor(options: ExportOptions, run: ExportRun) {
    this.#o = options;
    this.#run = run;
    this.#out = new Output(run.destination.target);
    this.#writer = this.#createWriter();
  }

  progress(): ExportProgress {
    const { inputs } = this.#run;
    const totals = inputs.map(({ totalBytes }) => totalBytes);
    return {
      keys: this.#counts.keys,
      bytesRead: inputs.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
      bytesTotal: totals.includes(undefined)
        ? undefined
        : totals.reduce((sum: number, size) => sum + (size ?? 0), 0),
      bytesWritten: this.#out.total,
    };
  }

  summary(): ExportSummary {
    const { bytesRead, bytesWritten } = this.progress();
    return {
      format: this.#o.format,
      output: this.#run.destination.label,
      ...this.#counts,
      commands: this.#commands,
      lost: this.#lost,
      bytesRead,
      bytesWritten,
      readerGone: this.#readerGone,
    };
  }

  /** Publishes the destination, or leaves nothing there. */
  async run(): Promise<ExportSummary> {
    const { destination, inputs } = this.#run;
    try {
      for (const input of inputs) await this.#export(input);
      this.#writer.finish();
      await this.#out.end();
      await destination.commit();
    } catch (error) {
      await this.#failed(error);
    }
    if (this.#checksumError !== undefined) throw this.#checksumError;
    return this.summary();
  }

  /** To a stream, what was complete before the failure still goes out. */
  async #failed(error: unknown): Promise<void> {
    const { destination } = this.#run;
    if (error instanceof ReaderGone) {
      this.#readerGone = true;
      await destination.discard();
      return;
    }
    if (destination.target.slow || destination.folder === undefined) await this.#out.end().catch(() => {});
    await destination.discard();
    throw error;
  }

  async #export(input: SnapshotInput): Promise<void> {
    const handler = new ExportHandler({
      writer: this.#writer,
      out: this.#out,
      filter: createKeyFilter(this.#o.filter),
      selection: this.#o.selection,
      dbMap: createDbMap(this.#o.dbMap),
      counts: this.#counts,
    });
    const takesCommands = this.#writer.commands !== undefined;
    if (!takesCommands) refuseCommands(input, `-f ${this.#o.format}`);
    let end: SnapshotEnd;
    try {
      end = await input.snapshot(handler, {
        signal: this.#run.signal,
        checksum: false,
        onError: this.#o.onError,
        onLost: (error) => this.#lose(error),
        drain: () => this.#out.drain(),
        crc: this.#crc,
      });
    } finally {
      handler.close();
    }
    this.#judge(input, end);
    if (!takesCommands) refuseCommands(input, `-f ${this.#o.format}`);
    else if (end.commandsFollow) await this.#carryCommands(input);
  }

  #judge({ label }: SnapshotInput, { checksum, bytes }: SnapshotEnd): void {
    if (!this.#o.checksum) return;
    const problem = checksumProblem(checksum, bytes, {})?.within({ at: label });
    if (problem === undefined) return;
    if (this.#o.onError === 'skip') this.#lose(problem);
    else this.#checksumError ??= problem;
  }

  async #carryCommands(input: SnapshotInput): Promise<void> {
    refuseFilters(this.#o, input);
    const end = await input.commands(
      {
        commands: (bytes, start, to) => {
          this.#writer.commands?.(bytes, start, to);
          return to;
        },
        file: () => this.#writer.commandsBegin?.(),
      },
      {
        signal: this.#run.signal,
        drain: () => this.#out.drain(),
        truncatedTail: this.#o.truncatedTail,
        toTime: this.#o.toTime,
      },
    );
    this.#commands += end.commands;
    this.#noteAofEnd(input, end);
  }

  #noteAofEnd({ label }: SnapshotInput, end: AofEnd): void {
    const { onNote } = this.#run;
    if (end.truncated !== undefined) {
      const { message, place } = end.truncated;
      onNote(`${label}: ${message} at byte offset ${place.offset}, what is left of it was left out`);
    }
    if (this.#o.toTime === undefined) return;
    if (end.firstTime === undefined) onNote(`${label} has no timestamps, so all of it was taken`);
    else if (end.stoppedAtTime) onNote(`${label}: stopped at --to-time`);
  }

  #lose(error: ReplicantError): void {
    this.#lost++;
    this.#run.onLost(error);
  }

  #createWriter(): FormatWriter {
    const spillFolder = this.#run.destination.folder;
    switch (this.#o.format) {
      case 'ndjson':
        return new NdjsonWriter(this.#out, { spillFolder, meta: this.#o.meta });
      case 'json':
        return new JsonWriter(this.#out, { spillFolder });
      case 'csv':
        return new CsvWriter(this.#out, this.#o.csv);
      case 'keys':
        return new KeysWriter(this.#out, this.#o.escape);
      default: {
        const { restore, server } = this.#o;
        return new RespWriter(this.#out, { restore, server, onLoss: (loss) => this.#lose(loss) });
      }
    }
  }
}

/** What a command changes is not known without a server, so the commands of an AOF go as they are. */
function refuseFilters({ filter, selection, dbMap }: ExportOptions, { label }: SnapshotInput): void {
  const selects = Object.values(selection).some((one) => one !== undefined);
  if (!selects && !createKeyFilter(filter).active && !createDbMap(dbMap).active) return;
  throw new ReplicantError(
    'RDB_UNSUPPORTED',
    'the commands of an AOF are carried as they are, not filtered or mapped',
    {
      place: { at: label },
      hint: 'leave out the filters and --map-db, or load it into a server and export from there',
    },
  );
}
