/** What a dry run has found out: the object of `--dry-run --json`, from which the text is made, too. */

export interface DryRunReport {
  readonly format: 'replicant-dry-run';
  readonly version: 1;
  /** Everything would go: `exitCode` is 0. */
  readonly ok: boolean;
  /** What the sync itself would end with as far as is known: 0; 3: entries left out; that of the first refusal. */
  readonly exitCode: number;
  readonly name: string;
  readonly source: DryRunServer;
  readonly target: DryRunServer & {
    /** What it can do, line by line. */
    readonly abilities: readonly string[];
    readonly modules: readonly string[];
  };
  readonly start: DryRunStart;
  /** Why the sync would end before anything is written. */
  readonly refusals: readonly DryRunRefusal[];
  /** What a person should know besides. */
  readonly notes: readonly string[];
  readonly databases: readonly DryRunDatabase[];
  readonly keys: readonly DryRunKeys[];
  readonly totals: DryRunTotals;
  readonly leftOut: readonly DryRunLeftOut[];
  readonly functions: { readonly libraries: number; readonly carried: boolean };
  readonly modules: readonly DryRunModule[];
  readonly commands: DryRunCommands;
  readonly estimates: DryRunEstimates;
}

export interface DryRunServer {
  readonly address: string;
  /** `redis 7.0.15`; null when it does not say. */
  readonly server: string | null;
  /** In the databases that are carried, or may be written. */
  readonly keys: number;
}

export interface DryRunStart {
  /** `full`: with a full copy; `resume`: where the last run ended; `open`: only the sync itself can tell. */
  readonly how: 'full' | 'resume' | 'open';
  /** In plain words. */
  readonly text: string;
  /** REPLID:OFFSET that the target's checkpoint, or `--resume-from`, names. */
  readonly position: string | null;
  /** Keys that the target would lose before anything is copied (flush), and behind the copy. */
  readonly removedBefore: number;
  /** null when that isn't known: there are too many keys to be looked for, or nothing is removed. */
  readonly removedAfter: number | null;
}

export interface DryRunRefusal {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

export interface DryRunDatabase {
  readonly db: number;
  readonly targetDb: number;
  readonly keys: number;
  readonly bytes: number;
  readonly memoryBytes: number;
}

/** Keys of one kind in one database, by how they would go. */
export interface DryRunKeys {
  readonly db: number;
  readonly type: string;
  readonly encoding: string;
  readonly keys: number;
  /** As they stand in the snapshot, names and values. */
  readonly bytes: number;
  /** On the target, by the model. */
  readonly memoryBytes: number;
  /** RESTORE with the source's own bytes. */
  readonly asIs: number;
  /** MSET of many. */
  readonly batched: number;
  /** RESTORE in an older form. */
  readonly converted: number;
  /** RPUSH, HSET … */
  readonly asCommands: number;
  readonly leftOut: number;
}

export interface DryRunTotals {
  /** That would be written. */
  readonly keys: number;
  readonly leftOut: number;
  /** That the filters keep back. */
  readonly filtered: number;
  /** Past their time: carried, as to any replica, or dropped. */
  readonly expired: number;
  readonly expiredCarried: boolean;
  /** Collections without elements, which are no keys. */
  readonly empty: number;
  readonly withTtl: number;
  /** With another name on the target. */
  readonly renamed: number;
  /** Keys that would overwrite another of the source, by `--map-db` or `--map-prefix`. */
  readonly collisions: number;
}

export interface DryRunLeftOut {
  readonly what: 'key' | 'function';
  /** Of the keys. */
  readonly type: string;
  readonly why: string;
  readonly count: number;
  /** The keys go, but not all that is in them. */
  readonly inPart: boolean;
  /** The first few, printable. */
  readonly examples: readonly { readonly db: number; readonly key: string }[];
}

/** A type of a module that has keys in the snapshot. */
export interface DryRunModule {
  readonly type: string;
  readonly keys: number;
  /** What the target answered when it was shown one; null when it was not. */
  readonly accepted: boolean | null;
}

export interface DryRunCommands {
  /** Not as they come: given another form, or left out, in part or whole. */
  readonly changed: readonly DryRunCommand[];
  /** What `--include-command` and `--exclude-command` keep back, of what clients have called. */
  readonly filtered: readonly { readonly name: string; readonly calls: number }[];
}

export interface DryRunCommand {
  readonly name: string;
  /** By clients of the source since its start; null when it does not say. */
  readonly calls: number | null;
  /** `other form`: with the same effect; `in part`: something of it is lost; `left out`; `no effect`: dropped. */
  readonly becomes: 'other form' | 'in part' | 'left out' | 'no effect';
  readonly why: string | null;
}

export interface DryRunEstimates {
  /** Read from the source. */
  readonly snapshotBytes: number;
  readonly snapshotSeconds: number;
  /** That would be written to the target. */
  readonly sentBytes: number;
  readonly sentCommands: number;
  /** On the target, when its allocator is the one that is most common. */
  readonly memoryBytes: number;
  /** Of which server memory is the model. */
  readonly memoryModel: string;
  /** The copy can't be faster than the snapshot came. */
  readonly leastSeconds: number;
}
