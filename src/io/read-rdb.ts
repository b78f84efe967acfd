/** The library's ways to read a snapshot: told to a handler, or key by key with whole values. */
import type { RdbKey } from '../rdb/encode/encode-rdb.js';
import type { Dialect } from '../rdb/dialect.js';
import type { RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { decodeValue, ValueBuilder } from '../rdb/value.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import { type InputOptions, openInput } from './input.js';
import type { SnapshotEnd, SnapshotOptions } from './snapshot-input.js';

/** So many keys are read ahead of the consumer. */
const AHEAD = 64;

/**
 * Reads the snapshot that `source` names (a path, `-` for stdin, a server's URL) and tells it to `handler`:
 * memory stays flat whatever its size. Resolves at its end; rejects with a ReplicantError that names the
 * place.
 */
export async function readRdb(
  source: string,
  handler: RdbHandler,
  options: SnapshotOptions & InputOptions = {},
): Promise<SnapshotEnd> {
  const input = await openInput(source, options);
  try {
    return await input.snapshot(handler, options);
  } finally {
    await input.close();
  }
}

/** The keys of a snapshot with their values, one after the other; each value is whole in memory. */
export async function* readKeys(
  source: string,
  options: SnapshotOptions & InputOptions = {},
): AsyncGenerator<RdbKey> {
  const collector = new KeyCollector();
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const done = readRdb(source, collector, { ...options, signal, drain: () => collector.drain() });
  const over = done.then(
    () => undefined,
    () => undefined,
  );
  try {
    for (let open = true; open;) {
      open = await Promise.race([collector.filled().then(() => true), over.then(() => false)]);
      yield* collector.take();
    }
    await done;
  } finally {
    stop.abort();
    collector.take();
    await over;
  }
}

class KeyCollector implements RdbHandler {
  #dialect: Dialect = 'redis';
  #keys: RdbKey[] = [];
  #large: ValueBuilder | undefined;
  #wake: (() => void)[] = [];
  #filled: (() => void)[] = [];

  /** Resolves when there are keys to take. */
  filled(): Promise<void> {
    if (this.#keys.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#filled.push(resolve));
  }

  take(): RdbKey[] {
    const keys = this.#keys;
    this.#keys = [];
    for (const wake of this.#wake.splice(0)) wake();
    return keys;
  }

  drain(): Promise<void> | undefined {
    if (this.#keys.length < AHEAD) return undefined;
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  begin(dialect: Dialect): void {
    this.#dialect = dialect;
  }
  aux(): void {}
  selectDb(): void {}
  sizeHint(): void {}
  functionLibrary(): void {}
  moduleAux(): void {}
  emptyKey(): void {}
  end(): void {}

  entry(entry: RdbEntry): boolean {
    const { type, bytes, valueStart, valueEnd } = entry;
    return this.#add(entry, decodeValue(type.id, this.#dialect, bytes, valueStart, valueEnd));
  }

  largeValue({ type }: RdbEntry): ValueSink {
    this.#large = new ValueBuilder();
    return new ValueDecoder(type.id, this.#dialect, this.#large);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    return this.#add(entry, this.#large!.build(entry.type.kind));
  }

  #add(entry: RdbEntry, value: RdbKey['value']): boolean {
    const { db, expiresAtMs, idleSeconds, lfuFrequency } = entry;
    this.#keys.push({
      db,
      key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
      value,
      ...(expiresAtMs < 0 ? {} : { expiresAtMs }),
      ...(idleSeconds < 0 ? {} : { idleSeconds }),
      ...(lfuFrequency < 0 ? {} : { lfuFrequency }),
    });
    for (const filled of this.#filled.splice(0)) filled();
    return this.#keys.length < AHEAD;
  }
}
