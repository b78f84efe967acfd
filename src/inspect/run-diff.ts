/**
 * The engine of `diff`. Two files are read once each, and the first once more when keys are to be named that
 * the second does not have; when the first has more keys than the index takes, both are read again for each
 * further part of them. What can be read only once (stdin, a server) must fit.
 */
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { type InputOptions, inputKind, openInput } from '../io/input.js';
import { refuseCommands } from '../io/refuse-commands.js';
import { WINDOW_BYTES } from '../io/snapshot-input.js';
import { createKeyFilter } from '../keyspace/key-filter.js';
import type { FilterOptions } from '../sync/options.js';
import { DiffIndex } from './diff-index.js';
import { type DiffPass, FirstPass, NamingPass, SecondPass } from './diff-pass.js';
import type { ChangedKey, DiffCounts, DiffKey, DiffReport, DiffSide } from './diff-report.js';
import { comparePrefixes, PrefixTree } from './prefix-tree.js';

/** About 16 MB of index; with more keys both files are read again, a part of the keys at a time. */
const MOST_KEYS = 600_000;

export interface DiffOptions {
  readonly before: string;
  readonly after: string;
  readonly input: InputOptions;
  readonly filter: FilterOptions;
  readonly filterWords: readonly string[];
  /** How many keys of each list are named, and how many prefixes. */
  readonly limit: number;
  readonly separator: string | undefined;
  readonly checksum: boolean;
  readonly signal?: AbortSignal | undefined;
  /** For tests: the index takes so many keys. */
  readonly mostKeys?: number | undefined;
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

class Diff {
  readonly #o: DiffOptions;
  readonly #index: DiffIndex;
  readonly #labels: [string, string];
  #current: { readonly bytesRead: number; readonly totalBytes: number | undefined } | undefined;
  #keys = 0;
  #counts = { added: 0, removed: 0, changed: 0, changedValue: 0, changedType: 0, changedTtl: 0, same: 0 };
  readonly #added: DiffKey[] = [];
  readonly #changed: ChangedKey[] = [];
  readonly #removed: DiffKey[] = [];
  readonly #notes: string[] = [];

  constructor(options: DiffOptions) {
    this.#o = options;
    this.#index = new DiffIndex(options.mostKeys ?? MOST_KEYS);
    this.#labels = [options.before, options.after];
  }

  progress(): DiffProgress {
    const { bytesRead = 0, totalBytes } = this.#current ?? {};
    return { bytesRead, totalBytes, keys: this.#keys };
  }

  async run(): Promise<DiffReport> {
    const { before, after, separator } = this.#o;
    if (before === '-' && after === '-')
      throw new ReplicantError('USAGE', 'stdin can be only one of the two');
    const treeBefore = new PrefixTree(separator);
    const first = await this.#read(0, new FirstPass(this.#index, this.#filter(), treeBefore));
    const treeAfter = new PrefixTree(treeBefore.separator());
    const second = await this.#compare(treeAfter);
    while (this.#index.part + 1 < this.#index.parts) await this.#nextPart();
    const changes = comparePrefixes(treeBefore, treeAfter, this.#o.limit);
    return this.#report(first, second, treeAfter.separator() ?? null, changes);
  }

  /** Another part of the keys. */
  async #nextPart(): Promise<void> {
    for (const source of [this.#o.before, this.#o.after]) {
      if (inputKind(source) === 'path') continue;
      throw new ReplicantError('RDB_LIMIT', 'there are too many keys to compare in one passage', {
        place: { at: source },
        hint: 'save both snapshots as files, which can be read several times; or choose keys with --include-key',
      });
    }
    this.#index.nextPart();
    await this.#read(0, new FirstPass(this.#index, this.#filter(), undefined));
    await this.#compare(undefined);
  }

  /** The second snapshot against the index; then what is missing in it. */
  async #compare(prefixes: PrefixTree | undefined): Promise<SecondPass> {
    const { limit } = this.#o;
    const pass = await this.#read(1, new SecondPass(this.#index, this.#filter(), prefixes, limit));
    const counts = this.#counts;
    const missing = this.#index.unseen;
    this.#counts = {
      added: counts.added + pass.added,
      removed: counts.removed + missing,
      changed: counts.changed + pass.changed,
      changedValue: counts.changedValue + pass.changedValue,
      changedType: counts.changedType + pass.changedType,
      changedTtl: counts.changedTtl + pass.changedTtl,
      same: counts.same + pass.same,
    };
    this.#added.push(...pass.addedKeys.slice(0, limit - this.#added.length));
    this.#changed.push(...pass.changedKeys.slice(0, limit - this.#changed.length));
    if (missing > 0 && this.#removed.length < limit) await this.#nameRemoved();
    return pass;
  }

  async #nameRemoved(): Promise<void> {
    if (inputKind(this.#o.before) !== 'path') {
      this.#notes.push('removed keys are counted but not named: the first snapshot can be read only once');
      return;
    }
    const stop = new AbortController();
    const room = this.#o.limit - this.#removed.length;
    const pass = new NamingPass(this.#index, this.#filter(), room, () => stop.abort());
    try {
      await this.#read(0, pass, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    this.#removed.push(...pass.removedKeys);
  }

  #filter(): ReturnType<typeof createKeyFilter> {
    return createKeyFilter(this.#o.filter);
  }

  async #read<T extends DiffPass>(which: 0 | 1, pass: T, stop?: AbortSignal): Promise<T> {
    const { input: inputOptions, checksum, signal } = this.#o;
    const input = await openInput(which === 0 ? this.#o.before : this.#o.after, inputOptions);
    this.#labels[which] = input.label;
    this.#current = input;
    try {
      refuseCommands(input, 'diff');
      const crc = checksum ? new Crc64(WINDOW_BYTES) : undefined;
      const signals = [signal, stop].filter((one) => one !== undefined);
      const any = signals.length === 0 ? undefined : AbortSignal.any(signals);
      await input.snapshot(pass, { checksum, signal: any, crc });
      refuseCommands(input, 'diff');
    } finally {
      this.#keys += pass.keys;
      await input.close();
    }
    return pass;
  }

  #report(
    first: DiffPass,
    second: DiffPass,
    separator: string | null,
    prefixes: DiffReport['prefixes'],
  ): DiffReport {
    const counts: DiffCounts = this.#counts;
    return {
      format: 'replicant-diff',
      version: 1,
      before: side(this.#labels[0], first),
      after: side(this.#labels[1], second),
      filters: this.#o.filterWords,
      equal: counts.added + counts.removed + counts.changed === 0,
      counts,
      added: this.#added,
      changed: this.#changed,
      removed: this.#removed,
      limit: this.#o.limit,
      separator: separator === '' ? null : separator,
      prefixes,
      notes: this.#notes,
    };
  }
}

function side(label: string, pass: DiffPass): DiffSide {
  return {
    label,
    server: pass.writer.text ?? null,
    takenAtMs: pass.writer.takenAtMs ?? null,
    keys: pass.keys,
    bytes: Math.round(pass.bytes),
  };
}
