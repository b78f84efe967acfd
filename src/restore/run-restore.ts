/**
 * Loads a file into a running server, from the first question to the summary: an RDB, an AOF (its base, then
 * its commands), NDJSON as `replicant export` writes it, or commands as they are.
 *
 * The write path is that of a sync: RESTORE with the bytes of the file where the target takes them, commands
 * otherwise, many in flight, replies counted. Nothing is written before both ends have been looked at.
 */
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import type { FileInput } from '../io/file-input.js';
import { WINDOW_BYTES } from '../io/snapshot-input.js';
import { createDbMap, type DbMap } from '../keyspace/db-map.js';
import { createKeyFilter } from '../keyspace/key-filter.js';
import { formatDeployment } from '../net/endpoint.js';
import { formatServer } from '../rdb/server-support.js';
import { judgeRefusal } from '../sync/refusal.js';
import { SnapshotWriter } from '../sync/snapshot-writer.js';
import type { SkippedItem } from '../sync/status.js';
import { Tally } from '../sync/tally.js';
import type { FailedCommand } from '../target/failed-command.js';
import { keysTo } from '../target/outlet.js';
import { examineTarget, findTarget, type TargetFindings } from './examine-target.js';
import { CommandLoader } from './load-commands.js';
import type { LoadContext } from './load-context.js';
import { LineLoader } from './load-lines.js';
import type {
  RestoreEvent,
  RestoreFormat,
  RestoreOptions,
  RestoreProgress,
  RestoreSummary,
} from './options.js';
import { Origins } from './origins.js';
import { TargetWriter } from './target-writer.js';

export interface RestoreDeps {
  /** Opens the file or stdin. */
  readonly open: (source: string) => Promise<FileInput>;
  readonly emit: (event: RestoreEvent) => void;
}

type Format = Exclude<RestoreFormat, 'auto'>;

export class Restore {
  readonly done: Promise<RestoreSummary>;
  #o: RestoreOptions;
  readonly #deps: RestoreDeps;
  readonly #tally = new Tally();
  readonly #origins = new Origins();
  readonly #abort = new AbortController();
  readonly #startedMs = Date.now();
  #endedMs = 0;
  #ok = false;
  #input: FileInput | undefined;
  #format: Format | undefined;
  /** The commands of the file are being loaded, not its snapshot. */
  #inCommands = false;

  constructor(options: RestoreOptions, deps: RestoreDeps) {
    this.#o = options;
    this.#deps = deps;
    this.done = Promise.resolve().then(() => this.#run());
  }

  /** Ends it soon; `done` is rejected. What was written stays. */
  stop(): void {
    this.#abort.abort(
      new ReplicantError('INCOMPLETE', 'stopped: the target holds a part of the file only', {
        hint: 'start again with --target-not-empty flush or merge',
      }),
    );
  }

  progress(): RestoreProgress {
    const { keys, commands } = this.#tally;
    return { bytesRead: this.#input?.bytesRead ?? 0, totalBytes: this.#input?.totalBytes, keys, commands };
  }

  summary(): RestoreSummary {
    const { expiredKeys, emptyKeys, filteredKeys, skippedCount, skipped } = this.#tally;
    return {
      ok: this.#ok && skippedCount === 0,
      source: this.#input?.label ?? this.#o.source,
      target: formatDeployment(this.#o.target),
      format: this.#format,
      ...this.progress(),
      ...{ expiredKeys, emptyKeys, filteredKeys, skippedCount, skipped },
      seconds: ((this.#endedMs === 0 ? Date.now() : this.#endedMs) - this.#startedMs) / 1000,
    };
  }

  async #run(): Promise<RestoreSummary> {
    let target: TargetWriter | undefined;
    try {
      const input = await this.#deps.open(this.#o.source);
      this.#input = input;
      this.#format = formatOf(this.#o.format, input);
      const dbMap = createDbMap(this.#o.dbMap);
      this.#o = { ...this.#o, target: await findTarget(this.#o.target) };
      const findings = await examineTarget(this.#o, dbMap, this.#abort.signal, (level, message) =>
        this.#deps.emit({ level, message }),
      );
      const at = formatDeployment(this.#o.target);
      this.#emit(
        'info',
        `loading ${input.label} (${this.#format}) into ${at}, ${formatServer(findings.capabilities.server)}`,
      );
      target = await TargetWriter.open(this.#o.target, {
        commandFailed: (failed) => this.#commandFailed(failed),
        stalled: (seconds) =>
          this.#emit('warn', `the target has not answered for ${seconds} s; waiting for it`),
      });
      await this.#load(input, this.#format, findings, this.#context(target, findings, dbMap));
      await target.finish();
      this.#ok = true;
      this.#endedMs = Date.now();
      return this.summary();
    } catch (error) {
      throw error instanceof ReplicantError && this.#input !== undefined
        ? error.within({ at: this.#input.label })
        : error;
    } finally {
      this.#endedMs = Date.now();
      target?.close();
      await this.#input?.close();
    }
  }

  #context(target: TargetWriter, findings: TargetFindings, map: DbMap): LoadContext {
    const { capabilities, databases } = findings;
    return {
      ...{ target, capabilities, databases },
      endpoint: this.#o.target,
      filter: createKeyFilter(this.#o.filter),
      dbMap: map,
      tally: this.#tally,
      origins: this.#origins,
      signal: this.#abort.signal,
      skip: (item) => this.#skip(item),
      onUnsupported: (error) => this.#unsupported(error),
    };
  }

  async #load(
    input: FileInput,
    format: Format,
    findings: TargetFindings,
    context: LoadContext,
  ): Promise<void> {
    this.#origins.file(0, input.label);
    const crc = new Crc64(WINDOW_BYTES);
    const writer = new SnapshotWriter({
      ...{
        out: keysTo(context.target.pipeline),
        crc,
        capabilities: context.capabilities,
        filter: context.filter,
      },
      ...{ tally: this.#tally, targetDatabases: findings.databases, targetHasKeys: findings.hasKeys },
      dbMap: this.#watched(context),
      onUnsupported: context.onUnsupported,
      clockOffsetMs: findings.clockOffsetMs,
    });
    if (format === 'ndjson') {
      await new LineLoader(input.raw(), writer, context, { onError: this.#o.onError }).run();
      return;
    }
    const end = await this.#loadSnapshot(input, writer, crc, context);
    if (!end.commandsFollow) return;
    this.#inCommands = true;
    const old = format !== 'resp' && (end.format === 'none' || writer.writesRelativeTtls);
    await this.#loadCommands(input, new CommandLoader(context, old));
  }

  #loadSnapshot(
    input: FileInput,
    writer: SnapshotWriter,
    crc: Crc64,
    { target, signal }: LoadContext,
  ): ReturnType<FileInput['snapshot']> {
    return input.snapshot(writer, {
      ...{ crc, signal, checksum: this.#o.checksum, onError: this.#o.onError },
      onLost: (error) => this.#lost(error),
      beforeBatch: () => writer.tick(Date.now()),
      afterBatch: () => {
        writer.flush();
        target.pipeline.flush();
      },
      drain: () => target.drain(),
    });
  }

  async #loadCommands(input: FileInput, loader: CommandLoader): Promise<void> {
    const { truncatedTail, toTime } = this.#o;
    const end = await input.commands(loader, {
      ...{ truncatedTail, toTime, signal: this.#abort.signal },
      drain: () => loader.drain(),
    });
    if (end.truncated !== undefined) {
      const { message, place } = end.truncated;
      this.#emit('warn', `${message} (byte offset ${place.offset}): everything before that was loaded`);
    }
    if (end.stoppedAtTime)
      this.#emit('info', `stopped at the time asked for, after ${end.commands} commands`);
  }

  /** Notes which command of the target's connection begins which database. */
  #watched({ dbMap, target }: LoadContext): DbMap {
    return {
      ...dbMap,
      toTarget: (db) => {
        this.#origins.db(target.pipeline.commands, db);
        return dbMap.toTarget(db);
      },
    };
  }

  // ---- what goes wrong ---------------------------------------------------------------------------------

  #commandFailed(failed: FailedCommand): void {
    this.#tally.errors++;
    const refused = judgeRefusal(
      failed,
      formatDeployment(this.#o.target),
      this.#inCommands ? 'stream' : 'snapshot',
    );
    const file = this.#origins.fileOf(failed.number) ?? this.#o.source;
    const lines = this.#format === 'ndjson';
    const db = this.#origins.dbOf(failed.number);
    const { key } = refused.error.place;
    const place = {
      at: lines ? `${file}, near line ${failed.offset}` : file,
      ...(lines || failed.offset < 0 ? {} : { offset: failed.offset }),
      ...(db === undefined ? {} : { db }),
      ...(key === undefined ? {} : { key }),
    };
    const words = refused.error.message.replace(/ of the (?:snapshot|stream) was/u, ' was');
    const error = new ReplicantError(refused.error.code, `${words} by ${formatDeployment(this.#o.target)}`, {
      place,
      hint: refused.error.hint,
    });
    if (!refused.skippable || this.#o.onError === 'stop') throw error;
    if (!this.#inCommands) this.#tally.keys--;
    const name = this.#inCommands ? `${failed.name} ${key ?? ''}` : (key ?? failed.name);
    this.#skip({
      what: this.#inCommands ? 'command' : 'key',
      name,
      db: db ?? -1,
      offset: failed.offset,
      why: failed.error,
    });
  }

  #unsupported(error: ReplicantError): void {
    if (this.#o.onError === 'stop') {
      throw new ReplicantError(error.code, error.message, {
        place: error.place,
        hint: error.hint ?? '--on-error skip leaves such things out and lists them',
        cause: error,
      });
    }
    this.#lost(error);
  }

  #lost(error: ReplicantError): void {
    const { key, db = -1, offset = -1 } = error.place;
    this.#skip({ what: 'key', name: key ?? 'the rest of the file', db, offset, why: error.message });
  }

  #skip(item: SkippedItem): void {
    this.#tally.skip(item);
    this.#emit('warn', `left out ${item.what} ${item.name}: ${item.why}`);
  }

  #emit(level: RestoreEvent['level'], message: string): void {
    this.#deps.emit({ level, message });
  }
}

export function runRestore(options: RestoreOptions, deps: RestoreDeps): Restore {
  return new Restore(options, deps);
}

/** What the content is, or what it was said to be; refuses what can't be true. */
function formatOf(asked: RestoreFormat, input: FileInput): Format {
  const { content, label } = input;
  const commands = content === 'commands' || input.hasCommands === true;
  if (asked === 'ndjson' || (asked === 'auto' && content === 'ndjson')) return 'ndjson';
  input.checkContent();
  if (asked === 'rdb' && content !== 'rdb') throw otherThan('an RDB', label);
  if ((asked === 'aof' || asked === 'resp') && content !== 'rdb' && !commands && content !== 'empty') {
    throw otherThan('a file of commands', label);
  }
  if (asked !== 'auto') return asked;
  if (/\.(?:aof|manifest)(?:\.\w+)?$/u.test(label)) return 'aof';
  return content === 'commands' ? 'resp' : 'rdb';
}

function otherThan(what: string, label: string): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', `this is not ${what}`, {
    place: { at: label, offset: 0 },
    hint: 'leave out --format to have the file looked at',
  });
}
