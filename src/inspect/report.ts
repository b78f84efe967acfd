/**
 * What `inspect` finds in a snapshot: one plain object, the same for `--json`, for the text on the terminal
 * and for the HTML report. Everything in it survives JSON; a part that a snapshot does not have is null or
 * an empty list, never absent. Later versions may add members; none changes its meaning within one
 * `version`.
 *
 * Bytes are those the values take in the server's memory, as its allocator hands them out (memory-model.ts),
 * unless the name says `serialized` or `file`. With `--sample 1/N` all counts and sums are scaled up by N,
 * and `sampling.every` is N; the lists of single keys then hold what was seen.
 */

/** A key, a prefix, a tag: text when its bytes are valid UTF-8, else the bytes. */
export type ReportText = string | { readonly base64: string };

export interface InspectReport {
  readonly format: 'replicant-inspect';
  readonly version: 1;
  readonly source: ReportSource;
  readonly model: ReportModel;
  readonly sampling: ReportSampling;
  /** The filter options that were in force, e.g. `--include-key user:*`; empty without. */
  readonly filters: readonly string[];
  readonly totals: ReportTotals;
  /** Ascending by number. */
  readonly databases: readonly ReportDatabase[];
  /** Descending by bytes. */
  readonly types: readonly ReportType[];
  /** Descending by bytes. */
  readonly encodings: readonly ReportEncoding[];
  /** All keys by what they take, in powers of two, ascending, without gaps. */
  readonly sizes: readonly ReportRange[];
  readonly biggest: { readonly byBytes: readonly ReportKey[]; readonly byElements: readonly ReportKey[] };
  readonly prefixes: ReportPrefixes;
  readonly ttl: ReportTtl;
  /** Null unless the snapshot was written under an LRU policy. */
  readonly idle: ReportIdle | null;
  /** Null unless the snapshot was written under an LFU policy. */
  readonly frequency: ReportFrequency | null;
  readonly slots: ReportSlots;
  readonly functions: readonly ReportFunctionLibrary[];
  /** Modules by the values and data of theirs that the snapshot holds. */
  readonly modules: readonly ReportModule[];
  readonly aux: readonly { readonly name: string; readonly value: ReportText }[];
  /** One sentence each: what a reader should know, e.g. that the checksum does not match. */
  readonly notes: readonly string[];
}

export interface ReportSource {
  /** File name or address, as shown to people. */
  readonly label: string;
  /** Bytes of the RDB, decompressed. */
  readonly rdbBytes: number;
  readonly dialect: 'redis' | 'valkey';
  readonly rdbVersion: number;
  /** E.g. `redis 7.2.6`, from the AUX fields; null when they don't say. */
  readonly server: string | null;
  /** When the snapshot was taken (AUX ctime), ms since 1970; null when not recorded. */
  readonly takenAtMs: number | null;
  /** What the server said it used then (AUX used-mem); includes what no key accounts for. */
  readonly usedMemoryBytes: number | null;
  readonly checksum: 'ok' | 'mismatch' | 'absent' | 'disabled' | 'unchecked';
}

export interface ReportModel {
  /** The server whose memory is modelled, e.g. `redis 7.2`. */
  readonly server: string;
  /** Who said so. `assumed`: the file does not say which server wrote it. */
  readonly chosenBy: 'file' | 'option' | 'assumed';
  /** How allocations are rounded up: `bundled`, `system` or `system-5.3.1` (allocator.ts). */
  readonly allocator: string;
  /** `allocated`, or what MEMORY USAGE would answer: `memory-usage` (server-profile.ts). */
  readonly account: string;
}

export interface ReportSampling {
  /** One key in `every` was measured; 1: all of them. */
  readonly every: number;
  readonly keysMeasured: number;
}

export interface ReportTotals {
  readonly keys: number;
  /** Keys with their values, and the tables that hold them. */
  readonly bytes: number;
  /** Of `bytes`, the buckets of the databases' hash tables, which belong to no single key. */
  readonly tableBytes: number;
  /** Keys and values as they stand in the file. */
  readonly serializedBytes: number;
  /** Items, members, fields and entries; a string counts 1. */
  readonly elements: number;
  readonly keysWithTtl: number;
  /** Collections without elements, which a server leaves out when it loads the file. */
  readonly emptyKeys: number;
  readonly size: ReportQuantiles;
}

/** Exact: min, max, mean. The others are within 1 %. All 0 when there is nothing. */
export interface ReportQuantiles {
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
}

export interface ReportDatabase {
  readonly db: number;
  readonly keys: number;
  /** With the buckets of its tables. */
  readonly bytes: number;
  readonly keysWithTtl: number;
}

export interface ReportType {
  /** string, list, set, zset, hash, stream, module or array. */
  readonly type: string;
  readonly keys: number;
  readonly bytes: number;
  readonly elements: number;
  /** Bytes of a key. */
  readonly size: ReportQuantiles;
  /** Elements of a key. */
  readonly length: ReportQuantiles;
}

export interface ReportEncoding {
  readonly type: string;
  /** As in OBJECT ENCODING. */
  readonly encoding: string;
  readonly keys: number;
  readonly bytes: number;
  readonly elements: number;
  readonly size: ReportQuantiles;
}

/** The keys with from <= x < to; `to` null: no upper bound. */
export interface ReportRange {
  readonly from: number;
  readonly to: number | null;
  readonly keys: number;
  readonly bytes: number;
}

export interface ReportKey {
  readonly db: number;
  readonly key: ReportText;
  readonly type: string;
  readonly encoding: string;
  readonly bytes: number;
  readonly elements: number;
  /** Of the biggest element (of the value, for a string), in bytes; null when that was not looked at. */
  readonly largestElementBytes: number | null;
  readonly expiresAtMs: number | null;
  /** Null when not recorded. */
  readonly idleSeconds: number | null;
  readonly lfuFrequency: number | null;
}

export interface ReportPrefixes {
  /** What separates the parts of the keys, found or given; null when keys have no parts. */
  readonly separator: string | null;
  readonly separatorChosenBy: 'option' | 'found' | 'none';
  /** The whole keyspace: prefix ''. */
  readonly root: ReportPrefix;
}

/**
 * Keys that begin alike. `keys` and `bytes` are those of all keys below; the children's sums and `rest` add
 * up to them.
 */
export interface ReportPrefix {
  /** From the start of the key, with the separator at its end: `user:`, `user:42:`. */
  readonly prefix: ReportText;
  readonly keys: number;
  readonly bytes: number;
  /** Descending by bytes. */
  readonly children: readonly ReportPrefix[];
  /** Keys that end here, and branches too small to be shown. */
  readonly rest: { readonly keys: number; readonly bytes: number };
}

export interface ReportTtl {
  /** Deadlines are compared with this moment: when the snapshot was taken, or else now. */
  readonly referenceMs: number;
  readonly withoutTtl: { readonly keys: number; readonly bytes: number };
  readonly withTtl: { readonly keys: number; readonly bytes: number };
  /** Of those with a TTL: the deadline had passed. */
  readonly expired: { readonly keys: number; readonly bytes: number };
  /** Seconds to live, of those that had not expired; ascending. */
  readonly ranges: readonly ReportRange[];
  /** Fields of hashes that have a TTL of their own, and the hashes they are in. */
  readonly fieldTtl: { readonly keys: number; readonly fields: number };
}

export interface ReportIdle {
  readonly keys: number;
  /** Seconds since the last access, ascending. */
  readonly ranges: readonly ReportRange[];
  /** Longest idle first. */
  readonly coldest: readonly ReportKey[];
}

export interface ReportFrequency {
  readonly keys: number;
  /** The logarithmic counter, 0 to 255, ascending. */
  readonly ranges: readonly ReportRange[];
  /** Highest counters first. */
  readonly hottest: readonly ReportKey[];
}

export interface ReportSlots {
  /** The 16,384 cluster slots in order, in groups of `slotsPerGroup`. */
  readonly slotsPerGroup: number;
  readonly groups: readonly { readonly keys: number; readonly bytes: number }[];
  /** Slots with at least one key. */
  readonly used: number;
  /** Slots that hold most bytes. */
  readonly heaviest: readonly { readonly slot: number; readonly keys: number; readonly bytes: number }[];
  /**
   * If the slots were spread evenly over so many shards: the bytes of the fullest shard divided by the mean.
   * 1 is perfectly even.
   */
  readonly skew: readonly { readonly shards: number; readonly fullest: number }[];
  /** Hash tags that put most bytes into one slot; those of a single key are left out. */
  readonly tags: readonly {
    readonly tag: ReportText;
    readonly slot: number;
    readonly keys: number;
    readonly bytes: number;
  }[];
  /** Keys with a hash tag. */
  readonly taggedKeys: number;
}

export interface ReportFunctionLibrary {
  readonly name: string;
  readonly engine: string;
  /** Of its source text. */
  readonly bytes: number;
}

export interface ReportModule {
  /** The nine characters of its data type's id, e.g. `vectorset`. */
  readonly name: string;
  readonly keys: number;
  readonly bytes: number;
  /** MODULE_AUX records, which belong to no key. */
  readonly auxRecords: number;
  readonly auxBytes: number;
}
