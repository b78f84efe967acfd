/**
 * Turns one decoded value into the commands that make it anew on a target, element by element, in batches of
 * bounded size:
 *
 *   UNLINK key                    first, so that the result replaces what was there (DEL below 4.0)
 *   SET key value                 a string that came in one chunk; otherwise
 *   SETRANGE key total-1 "\0"     lets the target allocate once, then SETRANGE key offset chunk …
 *   RPUSH · SADD · ZADD key score member …
 *   HSET key field value …        HMSET below 4.0; after each batch HPEXPIREAT key ms FIELDS n field …
 *   XADD …                        see stream-commands.ts
 *   PEXPIREAT key ms              last, when the key has a TTL
 *
 * Commands are handed out as soon as they are full; `finish` hands out the rest. They are several commands:
 * whoever reads the key meanwhile sees a part of it. Module values have no command form.
 */
import { ReplicantError } from '../errors.js';
import { bytesOf, showKey } from '../keyspace/words.js';
import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../rdb/value-visitor.js';
import {
  CommandBatch,
  copyBytes,
  DEFAULT_BATCH_LIMITS,
  type BatchLimits,
  type Emit,
} from './command-batch.js';
import { heldFieldDeadline, heldKeyDeadline, type HoldPolicy } from './held-deadline.js';
import { scoreText } from './score-text.js';
import { StreamCommands, type StreamAbilities, type StreamLosses } from './stream-commands.js';

export interface CommandAbilities extends StreamAbilities {
  /** UNLINK: 4.0 and up. */
  readonly unlink: boolean;
  /** HSET with many fields: 4.0 and up. */
  readonly hsetMany: boolean;
  /** HPEXPIREAT … FIELDS: Redis 7.4, Valkey 9.0. */
  readonly fieldTtl: boolean;
}

export interface ValueToCommandsOptions {
  readonly key: Uint8Array;
  /** Absolute deadline of the key; undefined or negative: none. */
  readonly expiresAtMs?: number | undefined;
  readonly abilities: CommandAbilities;
  /** Deadlines to be held back on the target. */
  readonly hold?: HoldPolicy | undefined;
  readonly limits?: BatchLimits | undefined;
}

/** What could not be expressed on this target; all zero when the value is whole. */
export interface ValueLosses extends StreamLosses {
  /** Hash fields whose TTL was left out. */
  fieldTtls: number;
}

const SET: Uint8Array = bytesOf('SET');
const SETRANGE: Uint8Array = bytesOf('SETRANGE');
const RPUSH: Uint8Array = bytesOf('RPUSH');
const SADD: Uint8Array = bytesOf('SADD');
const ZADD: Uint8Array = bytesOf('ZADD');
const HSET: Uint8Array = bytesOf('HSET');
const HMSET: Uint8Array = bytesOf('HMSET');
const HPEXPIREAT: Uint8Array = bytesOf('HPEXPIREAT');
const FIELDS: Uint8Array = bytesOf('FIELDS');
const PEXPIREAT: Uint8Array = bytesOf('PEXPIREAT');
const ONE_ZERO_BYTE: Uint8Array = new Uint8Array(1);

export class ValueToCommands implements ValueVisitor {
  readonly #key: Uint8Array;
  readonly #options: ValueToCommandsOptions;
  readonly #out: Emit;
  readonly #batch: CommandBatch;
  readonly #stream: StreamCommands;
  readonly #losses: ValueLosses = { fieldTtls: 0, pendingWithoutOwner: 0, idleConsumers: 0 };
  /** Fields of the current HSET batch by deadline. */
  readonly #deadlines = new Map<number, Uint8Array[]>();
  #removed = false;
  #begun = false;
  #stringBytes = 0;
  #stringAt = 0;

  constructor(options: ValueToCommandsOptions, emit: Emit) {
    this.#key = copyBytes(options.key);
    this.#options = options;
    this.#out = emit;
    const limits = options.limits ?? DEFAULT_BATCH_LIMITS;
    const send: Emit = (args) => this.#send(args);
    this.#batch = new CommandBatch(send, limits);
    this.#stream = new StreamCommands(this.#key, options.abilities, limits, this.#losses, send);
  }

  stringStart(totalBytes: number): void {
    this.#stringBytes = totalBytes;
    this.#stringAt = 0;
    if (totalBytes === 0) this.#send([SET, this.#key, new Uint8Array(0)]);
  }

  stringChunk(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const chunk = copyBytes(bytes);
    if (chunk.length === this.#stringBytes) {
      this.#send([SET, this.#key, chunk]);
      return;
    }
    if (this.#stringAt === 0) this.#send(this.#setRange(this.#stringBytes - 1, ONE_ZERO_BYTE));
    this.#send(this.#setRange(this.#stringAt, chunk));
    this.#stringAt += chunk.length;
  }

  listItem(item: Uint8Array): void {
    this.#begin(RPUSH);
    this.#batch.add(copyBytes(item));
  }

  setMember(member: Uint8Array): void {
    this.#begin(SADD);
    this.#batch.add(copyBytes(member));
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.#begin(ZADD);
    this.#batch.add(bytesOf(scoreText(score)), copyBytes(member));
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    const { hsetMany, fieldTtl } = this.#options.abilities;
    this.#begin(hsetMany ? HSET : HMSET);
    if (this.#batch.isFullFor(2, field.length + value.length)) this.#flushFields();
    const name = copyBytes(field);
    this.#batch.add(name, copyBytes(value));
    if (expiresAtMs < 0) return;
    if (!fieldTtl) {
      this.#losses.fieldTtls++;
      return;
    }
    const { hold } = this.#options;
    const deadline = hold === undefined ? expiresAtMs : heldFieldDeadline(expiresAtMs, hold);
    const alike = this.#deadlines.get(deadline);
    if (alike === undefined) this.#deadlines.set(deadline, [name]);
    else alike.push(name);
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#stream.entry(id, fields);
  }

  streamMeta(meta: StreamMeta): void {
    this.#stream.meta(meta);
  }

  streamGroup(group: StreamGroup): void {
    this.#stream.group(group);
  }

  moduleValue(_moduleId: bigint, _payload: Uint8Array): void {
    throw new ReplicantError('RDB_UNSUPPORTED', 'a module value cannot be written with commands', {
      place: { key: showKey(this.#key) },
      hint: 'the target needs the same module, so that the value can be sent with RESTORE; or leave it out with --exclude-type module',
    });
  }

  /** The value is complete: hands out the rest and tells what was lost on the way. */
  finish(): Readonly<ValueLosses> {
    this.#flushFields();
    const { expiresAtMs, hold } = this.#options;
    if (expiresAtMs !== undefined && expiresAtMs >= 0) {
      const deadline = hold === undefined ? expiresAtMs : heldKeyDeadline(expiresAtMs, hold);
      this.#send([PEXPIREAT, this.#key, bytesOf(String(deadline))]);
    } else {
      this.#remove();
    }
    return this.#losses;
  }

  #begin(name: Uint8Array): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#batch.begin([name, this.#key]);
  }

  #flushFields(): void {
    this.#batch.flush();
    for (const [deadline, fields] of this.#deadlines) {
      const count = bytesOf(String(fields.length));
      this.#send([HPEXPIREAT, this.#key, bytesOf(String(deadline)), FIELDS, count, ...fields]);
    }
    this.#deadlines.clear();
  }

  #setRange(offset: number, bytes: Uint8Array): Uint8Array[] {
    return [SETRANGE, this.#key, bytesOf(String(offset)), bytes];
  }

  #send(args: Uint8Array[]): void {
    this.#remove();
    this.#out(args);
  }

  /** Once, before anything else. */
  #remove(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#out([bytesOf(this.#options.abilities.unlink ? 'UNLINK' : 'DEL'), this.#key]);
  }
}
