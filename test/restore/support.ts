/** Restores for tests on real servers, and what a server then holds, told by our own decoder. */
import type { FileInput } from '../../src/io/file-input.js';
import { openFileInput, openInput } from '../../src/io/input.js';
import { parseEndpoint } from '../../src/net/parse-endpoint.js';
import type { Dialect } from '../../src/rdb/dialect.js';
import type { RdbEntry, RdbHandler } from '../../src/rdb/handler.js';
import { decodeValue, type RdbValue } from '../../src/rdb/value.js';
import type { RestoreEvent, RestoreOptions, RestoreSummary } from '../../src/restore/options.js';
import { runRestore } from '../../src/restore/run-restore.js';
import { NO_FILTER } from '../support/live.js';

export interface Restored {
  readonly summary: RestoreSummary;
  readonly events: readonly RestoreEvent[];
}

export interface RestoreTestOptions extends Partial<Omit<RestoreOptions, 'source' | 'target'>> {
  readonly open?: (source: string) => Promise<FileInput>;
}

export async function restore(
  source: string,
  target: { readonly url: string } | string,
  { open = openFileInput, ...options }: RestoreTestOptions = {},
): Promise<Restored> {
  const events: RestoreEvent[] = [];
  const run = runRestore(
    {
      source,
      format: 'auto',
      target: parseEndpoint(typeof target === 'string' ? target : target.url, 'target'),
      targetNotEmpty: 'fail',
      onError: 'stop',
      filter: NO_FILTER,
      dbMap: new Map(),
      checksum: true,
      truncatedTail: 'fail',
      toTime: undefined,
      ...options,
    },
    { open, emit: (event) => events.push(event) },
  );
  return { summary: await run.done, events };
}

export interface Held {
  readonly db: number;
  readonly key: Uint8Array;
  readonly expiresAtMs: number;
  readonly value: RdbValue;
}

const ignore = (): void => {};

/** Everything an input holds, by `db hex-of-key`. */
export async function readAll(spec: string): Promise<Map<string, Held>> {
  const held = new Map<string, Held>();
  const input = await openInput(spec);
  let dialect: Dialect = 'redis';
  const handler: RdbHandler = {
    begin: (its) => {
      dialect = its;
    },
    ...{ aux: ignore, selectDb: ignore, sizeHint: ignore, functionLibrary: ignore, moduleAux: ignore },
    entry(entry: RdbEntry) {
      const key = entry.keyBytes.slice(entry.keyStart, entry.keyEnd);
      const value = decodeValue(entry.type.id, dialect, entry.bytes, entry.valueStart, entry.valueEnd);
      const { db, expiresAtMs } = entry;
      held.set(`${db} ${Buffer.from(key).toString('hex')}`, { db, key, expiresAtMs, value });
      return true;
    },
    largeValue() {
      throw new Error('no value is as large as that');
    },
    largeValueEnd: () => true,
    emptyKey: ignore,
    end: ignore,
  };
  await input.snapshot(handler);
  await input.close();
  return held;
}
