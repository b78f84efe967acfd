/** The commands of an AOF, or of a RESP file, on their way to the target, as the stream of a sync would be. */
import { BUILTIN_COMMANDS } from '../keyspace/command-table.js';
import type { AofHandler } from '../io/snapshot-input.js';
import { Client } from '../net/client.js';
import { clearDatabases, type ClearScope } from '../sync/clear-databases.js';
import { StreamApplier } from '../sync/stream-applier.js';
import type { LoadContext } from './load-context.js';

/** A database that FLUSHALL would reach, where nobody says how many the source had. */
const SOURCE_DATABASES = 16;

export class CommandLoader implements AofHandler {
  readonly #c: LoadContext;
  /** Relative times may occur (AOFs of servers before 7.0), and count from when the file was written. */
  readonly #relativeTtls: boolean;
  #applier: StreamApplier | undefined;
  #writtenMs = 0;

  constructor(context: LoadContext, relativeTtls: boolean) {
    this.#c = context;
    this.#relativeTtls = relativeTtls;
  }

  file(name: string, offset: number, modifiedMs: number | undefined): void {
    const { target, capabilities, filter, dbMap, tally, databases, origins } = this.#c;
    const out = target.pipeline;
    origins.file(out.commands, name);
    origins.db(out.commands, 0);
    this.#writtenMs = modifiedMs ?? Date.now();
    this.#applier = new StreamApplier({
      ...{ out, capabilities, filter, dbMap, tally, offset },
      table: BUILTIN_COMMANDS,
      sourceDatabases: SOURCE_DATABASES,
      targetDatabases: databases,
      relativeTtls: this.#relativeTtls,
      clockOffsetMs: 0,
      db: 0,
      // Not known: each file selects anew.
      targetDb: -1,
      onGetAck: () => {},
      onReport: (why, command, at, db) =>
        this.#c.skip({ what: 'command', name: command, db, offset: at, why }),
    });
  }

  timestamp(unixSeconds: number): void {
    this.#writtenMs = unixSeconds * 1000;
  }

  select(db: number): void {
    this.#c.origins.db(this.#c.target.pipeline.commands, db);
  }

  commands(bytes: Uint8Array, start: number, end: number, offset: number): number {
    const applier = this.#applier!;
    applier.moveTo(offset);
    const next = applier.feed(bytes, start, end, this.#writtenMs);
    this.#c.target.pipeline.flush();
    return next;
  }

  /** What must be waited for before more is handed on. */
  drain(): Promise<void> | undefined {
    return this.#applier?.aside === undefined ? this.#c.target.drain() : this.#clear();
  }

  #clearScope(): ClearScope {
    const { capabilities, filter } = this.#c;
    return {
      wanted: (_, key) => filter.matchesKey(key),
      wantedKind: filter.kindsActive ? (kind) => filter.matchesKind(kind) : undefined,
      unlink: capabilities.unlink,
    };
  }

  async #clear(): Promise<void> {
    const { target, endpoint } = this.#c;
    const applier = this.#applier!;
    await target.finish();
    const client = await Client.connect(endpoint, 'target');
    try {
      const { aside } = applier;
      if (aside?.kind === 'clear') await clearDatabases([client], aside, this.#clearScope());
    } finally {
      client.close();
    }
    applier.resume();
  }
}
