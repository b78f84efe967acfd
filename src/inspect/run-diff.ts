/**
 * The engine of `diff`. Both snapshots are read, one after the other, and a record of each key is kept
 * (diff-records.ts); the records are joined; at last the files are read again as far as there is something
 * to name. What can be read only once (stdin, a server) has its keys logged beside the records.
 */
import { stat } from 'node:fs/promises';
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { type InputOptions, inputKind, openInput } from '../io/input.js';
import { refuseCommands } from '../io/refuse-commands.js';
import { WINDOW_BYTES } from '../io/snapshot-input.js';
import type { FilterOptions } from '../sync/options.js';
import type { AllocatorChoice } from './allocator.js';
import { DiffJoin, OTHER_TTL, OTHER_TYPE, OTHER_VALUE } from './diff-join.js';
import { type DiffModel, type DiffPass, KINDS, NamingPass, RecordingPass } from './diff-pass.js';
import { DiffRecords } from './diff-records.js';
import type { ChangedKey, DiffKey, DiffReport, DiffSide } from './diff-report.js';
import type { Found } from './earliest.js';
import { resolveAllocator } from './find-allocator.js';
import { KeyChoice } from './key-choice.js';
import { KeyLog } from './key-log.js';
import { comparePrefixes, PrefixTree } from './prefix-tree.js';
import { reportText } from './report-text.js';
import type { Account, ServerName } from './server-profile.js';

export interface DiffSource {
  /** Path, address or `-`. */
  readonly spec: string;
  readonly options: InputOptions;
}

export interface DiffOptions {
  readonly before: DiffSource;
  readonly after: DiffSource;
  readonly filter: FilterOptions;
  readonly filterWords: readonly string[];
  /** How many keys of each list are named, and how many prefixes. */
  readonly limit: number;
  readonly separator: string | undefined;
  /** Whose memory sizes are of; undefined: of the ones that wrote the files. */
  readonly server: ServerName | undefined;
  readonly allocator: AllocatorChoice;
  readonly account: Account;
  /** Compare when a stream's consumers were last seen and active, too. */
  readonly consumerTimes: boolean;
  readonly checksum: boolean;
  readonly signal?: AbortSignal | undefined;
  /** For tests: a table takes so many records. */
  readonly mostRecords?: number | undefined;
}

export interface DiffProgress {
  readonly bytesRead: number;
  readonly totalBytes: number | undefined;
  readonly keys: number;
}

export interface DiffRun {
  readonly done: Promise<DiffReport>;
  progress(): DiffProgress;
}

export function runDiff(options: DiffOptions): DiffRun {
  const diff = new Diff(options);
  return { done: diff.run(), progress: () => diff.progress() };
}

/** One of the two snapshots. */
class Side {
  readonly source: DiffSource;
  readonly records = new DiffRecords();
  readonly prefixes: PrefixTree;
  readonly model: DiffModel;
  label: string;
  log: KeyLog | undefined;
  pass: RecordingPass | undefined;

  constructor(source: DiffSource, separator: string | undefined, model: DiffModel) {
    this.source = source;
    this.model = model;
    this.label = source.spec;
    this.prefixes = new PrefixTree(separator);
  }

  report(): DiffSide {
    const { writer, keys, bytes } = this.pass!;
    return {
      label: this.label,
      server: writer.text ?? null,
      takenAtMs: writer.takenAtMs ?? null,
      keys,
      bytes: Math.round(bytes),
    };
  }

  close(): void {
    this.records.close();
    this.log?.close();
  }
}

class Diff {
  readonly #o: DiffOptions;
  /** One window for all passages. */
  readonly #crc = new Crc64(WINDOW_BYTES);
  readonly #choice: KeyChoice;
  readonly #sides: Side[] = [];
  #input: { readonly bytesRead: number; readonly totalBytes: number | undefined } | undefined;
  #pass: DiffPass | undefined;

  constructor(options: DiffOptions) {
    this.#o = options;
    this.#choice = new KeyChoice(options.filter);
  }

  progress(): DiffProgress {
    const { bytesRead = 0, totalBytes } = this.#input ?? {};
    return { bytesRead, totalBytes, keys: this.#pass?.keys ?? 0 };
  }

  async run(): Promise<DiffReport> {
    const { before, after, separator, limit, signal, mostRecords } = this.#o;
    if (before.spec === '-' && after.spec === '-')
      throw new ReplicantError('USAGE', 'stdin can be only one of the two');
    try {
      const first = await this.#record(before, separator);
      const second = await this.#record(after, first.prefixes.separator());
      const join = new DiffJoin(first.records, second.records, limit, mostRecords);
      await join.run(signal);
      return await this.#report(first, second, join);
    } finally {
      for (const side of this.#sides) side.close();
    }
  }

  async #record(source: DiffSource, separator: string | undefined): Promise<Side> {
    const { server, account, consumerTimes, limit } = this.#o;
    const allocator = await resolveAllocator(this.#o.allocator, source.spec, server);
    const side = new Side(source, separator, { server, account, allocator });
    this.#sides.push(side);
    if (limit > 0 && !(await canBeReadAgain(source))) side.log = new KeyLog();
    side.pass = new RecordingPass(this.#choice, side.model, side, consumerTimes);
    await this.#read(side, side.pass, this.#o.signal);
    return side;
  }

  /** The keys that stand at what was found, which is in the order of the snapshot. */
  async #name(side: Side, found: readonly Found[]): Promise<ReadonlyMap<number, DiffKey>> {
    if (found.length === 0) return new Map();
    if (side.log !== undefined) return nameLogged(side.log, found);
    const stop = new AbortController();
    const { signal } = this.#o;
    const pass = new NamingPass(this.#choice, side.model, found, () => stop.abort());
    const signals = signal === undefined ? [stop.signal] : [signal, stop.signal];
    try {
      await this.#read(side, pass, AbortSignal.any(signals));
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    if (pass.complete) return pass.named;
    throw new ReplicantError('RDB_CORRUPT', 'the file was changed while it was compared', {
      place: { at: side.label },
      hint: 'compare a copy of it, or give --limit 0, with which it is read only once',
    });
  }

  async #read(side: Side, pass: DiffPass, signal: AbortSignal | undefined): Promise<void> {
    const { spec, options } = side.source;
    const input = await openInput(spec, options);
    side.label = input.label;
    this.#input = input;
    this.#pass = pass;
    try {
      refuseCommands(input, 'diff');
      const { checksum } = this.#o;
      const duplicates = pass instanceof RecordingPass;
      const end = await input.snapshot(pass, { checksum, signal, duplicates, crc: this.#crc });
      refuseCommands(input, 'diff');
      if (end.format === 'none')
        throw new ReplicantError('RDB_UNSUPPORTED', 'there is no snapshot in it', {
          place: { at: input.label },
        });
    } finally {
      await input.close();
    }
  }

  async #report(before: Side, after: Side, join: DiffJoin): Promise<DiffReport> {
    const removed = join.removed.first();
    const [added, changed] = [join.added.first(), join.changed.first()];
    const inOrder = [...added, ...changed].toSorted((a, b) => a.ordinal - b.ordinal);
    const namesAfter = await this.#name(after, inOrder);
    const namesBefore = await this.#name(before, removed);
    const counts = {
      added: join.added.total,
      removed: join.removed.total,
      changed: join.changed.total,
      changedValue: join.changedValue,
      changedType: join.changedType,
      changedTtl: join.changedTtl,
      same: join.same,
    };
    const separator = after.prefixes.separator();
    return {
      format: 'replicant-diff',
      version: 1,
      before: before.report(),
      after: after.report(),
      filters: this.#o.filterWords,
      equal: counts.added + counts.removed + counts.changed === 0,
      counts,
      added: added.map(({ ordinal }) => namesAfter.get(ordinal)!),
      changed: changed.map(({ ordinal, how }) => ({ ...namesAfter.get(ordinal)!, what: what(how) })),
      removed: removed.map(({ ordinal }) => namesBefore.get(ordinal)!),
      limit: this.#o.limit,
      separator: separator === '' ? null : separator,
      prefixes: comparePrefixes(before.prefixes, after.prefixes, this.#o.limit),
      notes: [],
    };
  }
}

/** A file, or the directory of an AOF; not a pipe by the name of one. */
async function canBeReadAgain({ spec, options }: DiffSource): Promise<boolean> {
  if (options.endpoint !== undefined || inputKind(spec) !== 'path') return false;
  const stats = await stat(spec).catch(() => undefined);
  return stats === undefined || stats.isFile() || stats.isDirectory();
}

function nameLogged(log: KeyLog, found: readonly Found[]): ReadonlyMap<number, DiffKey> {
  const named = new Map<number, DiffKey>();
  let ordinal = 0;
  let next = 0;
  log.empty(({ db, kind, bytes, key }) => {
    if (ordinal++ !== found[next]?.ordinal) return;
    next++;
    named.set(ordinal - 1, { db, key: reportText(key), type: KINDS[kind]!, bytes: Math.round(bytes) });
  });
  return named;
}

function what(how: number): ChangedKey['what'] {
  return [
    ...((how & OTHER_TYPE) !== 0 ? (['type'] as const) : []),
    ...((how & OTHER_VALUE) !== 0 ? (['value'] as const) : []),
    ...((how & OTHER_TTL) !== 0 ? (['ttl'] as const) : []),
  ];
}
