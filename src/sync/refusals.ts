/**
 * What becomes of what the target refuses or has no place for: it ends the run, or is left out and listed, by
 * `--on-error` and `--on-unsupported`.
 */
import { formatCheckpoint, parseCheckpoint } from '../checkpoint/record.js';
import { readCheckpointText, replaceCheckpoint } from '../checkpoint/store.js';
import { ReplicantError } from '../errors.js';
import { bytesOf } from '../keyspace/words.js';
import { Client } from '../net/client.js';
import type { FailedCommand } from '../target/failed-command.js';
import type { Delivery } from './delivery.js';
import type { LeftOut } from './left-out.js';
import { judgeRefusal, noModule, refusedModule } from './refusal.js';
import type { Tally } from './tally.js';
import type { TargetSideOptions } from './target-side.js';

export interface RefusalsOptions {
  readonly side: TargetSideOptions;
  /** Where the target and the source are, for messages. */
  readonly at: string;
  readonly sourceAt: string;
  readonly delivery: () => Delivery | undefined;
}

export class Refusals {
  /** Offsets of commands that are passed over, as the target has refused them. */
  readonly leftOut: Set<number> = new Set();
  readonly #o: RefusalsOptions;
  readonly #told = new Set<string>();
  #joins: boolean;
  #refusal: FailedCommand | undefined;

  constructor(options: RefusalsOptions) {
    this.#o = options;
    // Not where each command that is refused must be found and listed.
    this.#joins = options.side.sync.onError === 'stop';
  }

  /** Small commands of the stream may go several as one. */
  get joins(): boolean {
    return this.#joins;
  }

  /** Everything before is final. */
  forget(committed: number): void {
    for (const offset of this.leftOut) if (offset < committed) this.leftOut.delete(offset);
  }

  /** The target has refused a command; throws when that ends the connection. */
  commandFailed(failed: FailedCommand): void {
    const { tally, sync, findings } = this.#o.side;
    const delivery = this.#o.delivery();
    tally.errors++;
    const streaming = delivery?.streaming === true;
    const { error, skippable } = judgeRefusal(failed, this.#o.at, streaming ? 'stream' : 'snapshot');
    const inQueue = streaming && delivery.atomic && !failed.executed;
    const joined = failed.offset >= 0 && !failed.copied;
    if (inQueue && this.#joins && joined && error.code === 'TARGET_REFUSED') {
      this.#joins = false;
      tally.errors--;
      throw this.#again('one command at a time');
    }
    // A command of our own, without which nothing can go on.
    const own = failed.offset < 0 && !failed.executed;
    if (!skippable || own) throw error;
    const module = inQueue ? undefined : refusedModule(failed);
    if (module !== undefined) {
      if (!streaming) tally.keys--;
      tally.errors--;
      this.unsupported(noModule(module, findings.capabilities.server, error), module);
      return;
    }
    if (sync.onError === 'stop') {
      if (streaming && !inQueue) this.#refusal ??= failed;
      throw error;
    }
    const key = error.place.key ?? '';
    if (!streaming) tally.keys--;
    this.#skip({
      what: streaming ? 'command' : 'key',
      name: streaming ? `${failed.name} ${key}` : key,
      ...{ db: -1, offset: failed.offset, why: failed.error },
    });
    if (!inQueue) return;
    this.leftOut.add(failed.offset);
    throw this.#again(`without ${failed.name}`);
  }

  /** The target drops the whole transaction, so all of it can be sent once more. */
  #again(how: string): ReplicantError {
    return new ReplicantError('TARGET_UNREACHABLE', `a transaction is sent again ${how}`, {
      place: { at: this.#o.at },
    });
  }

  /** The position on the target is behind the refused command: the next run must not go on as if nothing was. */
  async record(): Promise<void> {
    if (this.#refusal === undefined) return;
    const { name, offset, error } = this.#refusal;
    const { sync, owner } = this.#o.side;
    const client = await Client.connect(sync.target, 'target');
    try {
      const text = await readCheckpointText(client, sync.name);
      if (text === undefined) return;
      const checkpoint = parseCheckpoint(text);
      if (checkpoint.owner?.id !== owner.id) return;
      const refused = { command: name, offset: Math.max(0, offset), error };
      const marked = formatCheckpoint({ ...checkpoint, owner: undefined, refused });
      await replaceCheckpoint(client, sync.name, text, bytesOf(marked));
    } finally {
      client.close();
    }
  }

  /** A key or a library, or a part of it, has no place on the target. */
  unsupported(error: ReplicantError, type: string): void {
    if (this.#o.side.sync.onUnsupported === 'fail') throw error;
    const { key, db = -1, offset = -1 } = error.place;
    const what = key === undefined ? 'function' : 'key';
    this.#list({ what, db, key, type, why: error.message, offset });
    this.#skip({ what, name: key ?? 'function library', db, offset, why: error.message });
  }

  /** Of a kind of command that the target can't take, or that becomes something else there, the first is told. */
  reported(item: LeftOut): void {
    const { sync, tally } = this.#o.side;
    if (sync.onUnsupported === 'fail') {
      throw new ReplicantError('RDB_UNSUPPORTED', `${item.type} in the stream: ${item.why}`, {
        place: { at: this.#o.sourceAt, offset: item.offset, db: item.db },
        hint: '--on-unsupported report goes on without it',
      });
    }
    const seen = `${item.type} ${item.why}`;
    if (this.#told.has(seen)) {
      tally.skippedCount++;
      return;
    }
    this.#told.add(seen);
    this.#list(item);
    this.#skip({ what: 'command', name: item.type, db: item.db, offset: item.offset, why: item.why });
  }

  #list(item: LeftOut): void {
    const { sync, leftOut } = this.#o.side;
    if (sync.onUnsupported !== 'skip') leftOut?.add(item);
  }

  #skip(item: Parameters<Tally['skip']>[0]): void {
    this.#o.side.tally.skip(item);
    this.#o.side.emit('warn', 'skipped', `left out ${item.what} ${item.name}: ${item.why}`, {
      db: item.db,
      offset: item.offset,
    });
  }
}
