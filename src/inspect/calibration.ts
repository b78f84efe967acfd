/**
 * Which allocator a snapshot's server had: the file says how much memory the server used (AUX used-mem), so
 * the first part of the file is measured with each allocator, and the one that comes nearest is taken. Keys
 * stand in the file in the order of their hashes, which makes any part of it a fair sample.
 */
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import { ALLOCATORS, type AllocatorName } from './allocator.js';
import { databaseTableBytes, MemoryMeter } from './memory-model.js';
import { type ServerName, serverProfile } from './server-profile.js';
import { SourceWriter } from './source-writer.js';

/** With less than this what the server uses without any key would count for too much. */
export const LEAST_FILE_BYTES: number = 16 * 1024 * 1024;
const SHARE = 1 / 8;
const MOST_BYTES: number = 64 * 1024 * 1024;
/** What an empty server uses. */
const IDLE_BYTES = 1_000_000;
/** Further off than this, something else than keys fills the memory. */
const TOLERANCE = 1.25;
/** By so much one must come nearer than those before it. */
const CLEARLY = 0.01;

interface Trial {
  readonly name: AllocatorName;
  meter: MemoryMeter | undefined;
  bytes: number;
}

export class Calibration implements RdbHandler {
  readonly #enough: number;
  readonly #totalBytes: number;
  readonly #server: ServerName | undefined;
  readonly #stop: () => void;
  readonly #writer = new SourceWriter();
  readonly #trials: Trial[] = ALLOCATORS.map((name) => ({ name, meter: undefined, bytes: 0 }));
  #keys = 0;
  #withTtl = 0;
  #offset = 0;

  /** `stop` is called when enough has been seen. `server`: when it is not to be the one that wrote the file. */
  constructor(totalBytes: number, server: ServerName | undefined, stop: () => void) {
    this.#totalBytes = totalBytes;
    this.#enough = Math.min(MOST_BYTES, Math.max(LEAST_FILE_BYTES / 2, totalBytes * SHARE));
    this.#server = server;
    this.#stop = stop;
  }

  begin(dialect: Dialect, version: number): void {
    this.#writer.begin(dialect, version);
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    this.#writer.aux(name, value);
  }

  selectDb(): void {}

  sizeHint(): void {}

  functionLibrary(): void {}

  moduleAux(): void {}

  emptyKey(): void {}

  end(): void {}

  entry(entry: RdbEntry): boolean {
    for (const trial of this.#trials) {
      trial.meter ??= this.#meter(trial.name);
      trial.meter.measure(entry);
      trial.bytes += trial.meter.bytes;
    }
    this.#keys++;
    if (entry.expiresAtMs >= 0) this.#withTtl++;
    this.#offset = entry.offset;
    return this.#offset < this.#enough || this.#end();
  }

  /** One of these may be as large as all the rest: no sample then. */
  largeValue(entry: RdbEntry): ValueSink {
    for (const trial of this.#trials) trial.bytes = NaN;
    this.#end();
    return new ValueSkipper(entry.type);
  }

  largeValueEnd(): boolean {
    return false;
  }

  /** Up to where the file has been looked at. */
  get offset(): number {
    return this.#offset;
  }

  /** undefined when it can't be told. */
  result(): AllocatorName | undefined {
    const used = this.#writer.usedMemory;
    if (used === undefined || this.#offset < this.#enough) return undefined;
    const grow = this.#totalBytes / this.#offset;
    let best: AllocatorName | undefined;
    let least = Math.log(TOLERANCE);
    for (const { name, bytes } of this.#trials) {
      const { profile } = this.#meter(name);
      const tables =
        databaseTableBytes(this.#keys * grow, profile) + databaseTableBytes(this.#withTtl * grow, profile);
      const off = Math.abs(Math.log((bytes * grow + tables + IDLE_BYTES) / used));
      if (off < least - CLEARLY) {
        least = off;
        best = name;
      }
    }
    return best;
  }

  #meter(allocator: AllocatorName): MemoryMeter {
    // What the server used then, it used as the one that wrote the file.
    return new MemoryMeter(serverProfile(this.#server ?? this.#writer.server, { allocator }));
  }

  #end(): false {
    this.#stop();
    return false;
  }
}
