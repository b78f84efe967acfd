/**
 * Looks over the shoulder of the engine while it runs: how each family of values and commands has reached the
 * target. Writer and applier of the product are replaced by ones that tell (`vi.mock`, see the matrix test); a
 * watch belongs to a target, so runs side by side must have different ones.
 */
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import type { RdbEntry } from '../../src/rdb/handler.js';
import { formatServer, type ServerIdentity } from '../../src/rdb/server-support.js';
import type { SnapshotWriter, SnapshotWriterOptions } from '../../src/sync/snapshot-writer.js';
import type { StreamApplier, StreamApplierOptions } from '../../src/sync/stream-applier.js';

/** As the source wrote it; in other words that say the same; something was left out, and that was reported. */
export type Outcome = 'exact' | 'converted' | 'reported';
export type Cells = Record<string, Outcome>;

export const OUTCOMES: readonly Outcome[] = ['exact', 'converted', 'reported'];
const FIELD_TTLS = 'hashes with field TTLs';
const VECTOR_SETS = 'vector sets';
const FIRST_HASH_WITH_TTLS = 22;

const KINDS: Readonly<Record<string, string>> = {
  string: 'strings',
  list: 'lists',
  set: 'sets',
  zset: 'sorted sets',
  hash: 'hashes',
  stream: 'streams',
  module: VECTOR_SETS,
  any: 'keys',
};
const EXPIRY = /^P?EXPIRE(?:AT)?$|^PERSIST$/;
const FIELD_EXPIRY = /^H(?:P?EXPIRE(?:AT)?|PERSIST|SETEX|GETEX|GETDEL)$/;

/** The family a command belongs to by its name; undefined: what it does comes as other commands, or not at all. */
export function familyOf(name: string): string | undefined {
  if (EXPIRY.test(name)) return 'expiry';
  if (FIELD_EXPIRY.test(name)) return FIELD_TTLS;
  const spec = BUILTIN_COMMANDS.specs.find((one) => one.name === name);
  switch (spec?.role) {
    case undefined:
    case 'script':
    case 'select':
    case 'transaction':
    case 'link':
    case 'message':
      return undefined;
    case 'flush-all':
    case 'flush-db':
    case 'swap-db':
      return 'databases';
    case 'script-cache':
      return 'scripts';
    case 'function':
      return 'functions';
    // What it carries may be of any kind.
    case 'restore':
      return 'RESTORE';
    default:
      return KINDS[spec!.kind];
  }
}

export class Watch {
  readonly snapshot: Cells = {};
  readonly stream: Cells = {};

  /** The worst that was seen counts. */
  see(part: 'snapshot' | 'stream', family: string | undefined, outcome: Outcome): void {
    if (family === undefined) return;
    const before = this[part][family];
    if (before === undefined || OUTCOMES.indexOf(before) < OUTCOMES.indexOf(outcome))
      this[part][family] = outcome;
  }
}

const watches = new Map<string, Watch>();
/** Whose stream is being applied right now. */
let applying: Watch | undefined;

/** A new watch over what is written to this target. */
export function watchTarget(server: string): Watch {
  const watch = new Watch();
  watches.set(server, watch);
  return watch;
}

function watchOf(server: ServerIdentity): Watch {
  return watches.get(formatServer(server)) ?? new Watch();
}

function entryFamily({ type }: RdbEntry): string | undefined {
  return type.kind === 'hash' && type.id >= FIRST_HASH_WITH_TTLS ? FIELD_TTLS : KINDS[type.kind];
}

export function watchedWriter(Base: typeof SnapshotWriter): typeof SnapshotWriter {
  return class extends Base {
    readonly #watch: Watch;
    readonly #now: { family: string | undefined };

    constructor(options: SnapshotWriterOptions) {
      const watch = watchOf(options.capabilities.server);
      const now: { family: string | undefined } = { family: undefined };
      super({
        ...options,
        onWritten: (way) => {
          const same = way === 'as is' || way === 'batched';
          watch.see('snapshot', now.family, same ? 'exact' : 'converted');
          options.onWritten?.(way);
        },
        onUnsupported: (error, type) => {
          watch.see('snapshot', now.family, 'reported');
          options.onUnsupported(error, type);
        },
      });
      this.#watch = watch;
      this.#now = now;
    }

    override entry(told: RdbEntry): boolean {
      this.#now.family = entryFamily(told);
      if (told.expiresAtMs >= 0) this.#watch.see('snapshot', 'expiry', 'exact');
      return super.entry(told);
    }

    override largeValue(told: RdbEntry): ReturnType<SnapshotWriter['largeValue']> {
      this.#now.family = entryFamily(told);
      return super.largeValue(told);
    }

    override functionLibrary(source: Uint8Array): void {
      this.#now.family = 'functions';
      this.#watch.see('snapshot', 'functions', 'exact');
      super.functionLibrary(source);
    }

    override aux(name: Uint8Array, value: Uint8Array): void {
      if (Buffer.from(name).toString() === 'lua') this.#watch.see('snapshot', 'scripts', 'exact');
      super.aux(name, value);
    }
  };
}

export function watchedApplier(Base: typeof StreamApplier): typeof StreamApplier {
  return class extends Base {
    readonly #watch: Watch;

    constructor(options: StreamApplierOptions) {
      const watch = watchOf(options.capabilities.server);
      super({
        ...options,
        onReport: (why, name, offset, db) => {
          watch.see('stream', familyOf(name), 'reported');
          options.onReport(why, name, offset, db);
        },
      });
      this.#watch = watch;
    }

    override feed(bytes: Uint8Array, start: number, end: number, localNowMs: number): number {
      applying = this.#watch;
      try {
        return super.feed(bytes, start, end, localNowMs);
      } finally {
        applying = undefined;
      }
    }
  };
}

/** A function of the product that gives commands another form, or null; told is when it did. */
export function watchedForm<Rest extends unknown[], Form>(
  form: (args: readonly Uint8Array[], ...rest: Rest) => Form,
): (args: readonly Uint8Array[], ...rest: Rest) => Form {
  return (args, ...rest) => {
    const made = form(args, ...rest);
    if (made !== null) {
      applying?.see('stream', familyOf(Buffer.from(args[0]!).toString('latin1').toUpperCase()), 'converted');
    }
    return made;
  };
}
