/**
 * Goes through the keys of a target and puts their deadlines right, or holds them (see
 * `convert/held-time.ts`):
 *
 *   release   every held deadline becomes the true one; what is past then goes at once
 *   settle    held ones that are further away than the margin become true
 *   hold      true ones that are nearer than the margin, or past but still there, become held
 *
 * The clock is the target's own. The work is done by scripts (`deadline-script.ts`), a few hundred keys at a
 * time, so that nobody waits for more than a few ms and no write of others comes between reading a deadline
 * and setting it. Keys with `__replicant:` are left alone. SCAN shows every key that is there from start to
 * end; those that come during the sweep are written under the policy of that time.
 *
 * What a sweep changes counts as a write to the key: it is replicated, and with keyspace events there is an
 * `expire` for each.
 *
 * A node of a cluster is gone through by itself. What moves there meanwhile may be passed over (`until-settled.ts`).
 *
 * In the end the connection is in database `restoreDb`; after an error or an abort, in any.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CHECKPOINT_PREFIX } from '../checkpoint/record.js';
import { ReplicantError } from '../errors.js';
import { bytesOf, startsWith } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError, replyText } from '../resp/reply-decoder.js';
import { FIELDS_SCRIPT, KEYS_SCRIPT } from './deadline-script.js';
import { isElsewhere } from './node-keys.js';
import { readLayout } from './slot-layout.js';
import { refusalOfTarget } from './target-state.js';

/** With 250 keys a call takes well below a millisecond, with as many small hashes a few. */
const KEYS_PER_CALL = 250;
const FIELDS_PER_CALL = 500;
const TIMEOUT_MS = 60_000;
const OURS = bytesOf(CHECKPOINT_PREFIX);
const KINDS: readonly string[] = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

export type SweepMode = 'release' | 'settle' | 'hold';

export interface SweepOptions {
  readonly mode: SweepMode;
  readonly marginMs: number;
  /** Databases of the target that the job writes; undefined: all. */
  readonly dbs: ReadonlySet<number> | undefined;
  /** How many databases the target has. */
  readonly databases: number;
  /** The target has deadlines of hash fields. */
  readonly fields: boolean;
  /** False for a key outside the job's filters: somebody else's, whose deadline nobody would ever put right. */
  readonly wanted?: ((db: number, key: Uint8Array) => boolean) | undefined;
  /** Only for `hold`: false for a key of a type outside the filters, by `string`, `list`, `set`, `zset`, `hash` or `stream`. */
  readonly wantedKind?: ((kind: string) => boolean) | undefined;
  readonly restoreDb?: number | undefined;
  /** How much of each second of the target may go into this; default all of it. */
  readonly paceMsPerSecond?: number | undefined;
  /** Keys looked at, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SweepResult {
  readonly scanned: number;
  /** Deadlines of keys and of fields. */
  readonly changed: number;
  /** Of those, released after their time: what had them is gone. */
  readonly past: number;
  /** The earliest deadline that stands as it is and is still ahead (ms since 1970, by the target's clock). */
  readonly nearest: number | undefined;
}

export async function sweepDeadlines(client: Client, options: SweepOptions): Promise<SweepResult> {
  const clustered = (await readLayout([client])) !== undefined;
  const sweep = new Sweep(client, options, { exact: await hasExpireTime(client), clustered });
  const databases = await readDatabases(client, options);
  sweep.total = databases.reduce((total, { keys }) => total + keys, 0);
  for (const database of databases) await sweep.database(database);
  await send(client, ['SELECT', options.restoreDb ?? 0]);
  return { scanned: sweep.scanned, changed: sweep.changed, past: sweep.past, nearest: sweep.nearest };
}

interface Database {
  readonly db: number;
  readonly keys: number;
  /** There may be deadlines of fields in it. */
  readonly fields: boolean;
}

type Answer = readonly [
  cursor: Uint8Array,
  scanned: number,
  changed: number,
  nearest: Uint8Array,
  large: readonly Uint8Array[],
  past: number,
];

class Sweep {
  scanned = 0;
  changed = 0;
  past = 0;
  nearest: number | undefined;
  total = 0;
  readonly #client: Client;
  readonly #o: SweepOptions;
  readonly #exact: string;
  readonly #clustered: boolean;
  readonly #kinds: string;

  constructor(
    client: Client,
    options: SweepOptions,
    { exact, clustered }: { readonly exact: boolean; readonly clustered: boolean },
  ) {
    const { mode, wantedKind } = options;
    this.#client = client;
    this.#o = options;
    this.#exact = exact ? '1' : '0';
    this.#clustered = clustered;
    this.#kinds =
      mode === 'hold' && wantedKind !== undefined ? ` ${KINDS.filter(wantedKind).join(' ')} ` : '';
  }

  async database({ db, fields }: Database): Promise<void> {
    const { wanted } = this.#o;
    // Where INFO does not tell, a cluster is asked for more databases than it has.
    if (this.#clustered && db > 0) {
      if ((await this.#client.request(['SELECT', db])) instanceof ReplyError) return;
    } else {
      await send(this.#client, ['SELECT', db]);
    }
    for (let cursor: CommandArg | undefined = '0'; cursor !== undefined;) {
      cursor =
        wanted !== undefined
          ? await this.#chosen(cursor, fields, (key) => wanted(db, key))
          : await this.#page(cursor, fields);
      this.#o.progress?.(this.scanned, Math.max(this.total, this.scanned));
    }
  }

  /** The next keys of SCAN, within the script; returns the next cursor. */
  async #page(cursor: CommandArg, fields: boolean): Promise<CommandArg | undefined> {
    const answer = (await this.#run(KEYS_SCRIPT, [], this.#arguments(fields, cursor)))!;
    this.scanned += answer[1];
    await this.#largeHashes(answer[4]);
    return nextCursor(answer[0]);
  }

  /** Under a filter the names come here first. */
  async #chosen(
    cursor: CommandArg,
    fields: boolean,
    wanted: (key: Uint8Array) => boolean,
  ): Promise<CommandArg | undefined> {
    const reply = await send(this.#client, ['SCAN', cursor, 'COUNT', KEYS_PER_CALL]);
    const [next, names] = reply as readonly [Uint8Array, readonly Uint8Array[]];
    const keys = names.filter((key) => !startsWith(key, OURS, 0, key.length) && wanted(key));
    this.scanned += names.length;
    if (keys.length > 0) {
      const args = this.#arguments(fields, '0');
      const answer = this.#clustered
        ? await this.#run(KEYS_SCRIPT, [], [...args, ...keys])
        : await this.#run(KEYS_SCRIPT, keys, args);
      await this.#largeHashes(answer![4]);
    }
    return nextCursor(next);
  }

  #arguments(fields: boolean, cursor: CommandArg): readonly CommandArg[] {
    return [...this.#common, fields ? '1' : '0', this.#exact, cursor, KEYS_PER_CALL];
  }

  get #common(): readonly CommandArg[] {
    const { mode, marginMs } = this.#o;
    return [mode, marginMs, this.#kinds, this.#clustered ? '1' : '0'];
  }

  async #largeHashes(keys: readonly Uint8Array[]): Promise<void> {
    for (const key of keys) {
      for (let cursor: CommandArg | undefined = '0'; cursor !== undefined;) {
        const args = [...this.#common, cursor, FIELDS_PER_CALL];
        const answer: Answer | undefined = await this.#run(FIELDS_SCRIPT, [key], args);
        cursor = answer === undefined ? undefined : nextCursor(answer[0]);
      }
    }
  }

  /** Undefined: the key has moved to another node. */
  async #run(
    script: string,
    keys: readonly Uint8Array[],
    args: readonly CommandArg[],
  ): Promise<Answer | undefined> {
    this.#o.signal?.throwIfAborted();
    const startedMs = performance.now();
    const reply = await this.#client.request(['EVAL', script, keys.length, ...keys, ...args], TIMEOUT_MS);
    if (keys.length > 0 && isElsewhere(reply)) return undefined;
    if (reply instanceof ReplyError) throw scriptRefusal(this.#client, reply);
    const answer = reply as unknown as Answer;
    this.changed += answer[2];
    this.past += answer[5];
    const nearest = answer[3].length === 0 ? Infinity : Number(replyText(answer[3]));
    if (nearest < (this.nearest ?? Infinity)) this.nearest = nearest;
    await this.#rest(performance.now() - startedMs);
    return answer;
  }

  async #rest(workedMs: number): Promise<void> {
    const { paceMsPerSecond, signal } = this.#o;
    if (paceMsPerSecond === undefined || paceMsPerSecond >= 1000) return;
    const restMs = workedMs * (1000 / Math.max(1, paceMsPerSecond) - 1);
    await sleep(restMs, undefined, signal === undefined ? {} : { signal });
  }
}

function nextCursor(cursor: Uint8Array): Uint8Array | undefined {
  return cursor.length === 1 && cursor[0] === 0x30 ? undefined : cursor;
}

/** PEXPIRETIME: Redis 7.0+, Valkey. */
async function hasExpireTime(client: Client): Promise<boolean> {
  const reply = await client.request(['PEXPIRETIME', CHECKPOINT_PREFIX]);
  return !(reply instanceof ReplyError) || isElsewhere(reply);
}

/**
 * The databases that have deadlines at all, as far as INFO tells:
 *
 *   db0:keys=3,expires=1,avg_ttl=0,subexpiry=1                       hashes with field TTLs, Redis 8
 *   db0:keys=3,expires=1,avg_ttl=0,keys_with_volatile_items=1        the same, Valkey 9
 */
async function readDatabases(client: Client, options: SweepOptions): Promise<Database[]> {
  const info = await client.ask('INFO', 'keyspace');
  const found: Database[] = [];
  if (info === undefined) {
    for (let db = 0; db < options.databases; db++) found.push({ db, keys: 0, fields: options.fields });
  } else {
    for (const [, db, facts] of info.matchAll(/^db(\d+):(.*)$/gmu)) {
      const count = (name: string): number | undefined => countIn(facts!, name);
      const timedHashes = count('subexpiry') ?? count('keys_with_volatile_items');
      const fields = options.fields && timedHashes !== 0;
      if (count('expires') === 0 && !fields) continue;
      found.push({ db: Number(db), keys: count('keys') ?? 0, fields });
    }
  }
  return found.filter(({ db }) => options.dbs?.has(db) ?? true);
}

function countIn(facts: string, name: string): number | undefined {
  const found = new RegExp(`(?:^|,)${name}=(\\d+)`, 'u').exec(facts);
  return found === null ? undefined : Number(found[1]);
}

async function send(client: Client, args: readonly CommandArg[]): Promise<Reply> {
  const reply = await client.request(args, TIMEOUT_MS);
  if (reply instanceof ReplyError) throw refusalOfTarget(client, String(args[0]), reply);
  return reply;
}

/** Replies from inside a script name the state somewhere: `ERR Error running script …: -OOM command …`. */
const PASSING =
  /\b(?:OOM|READONLY|MISCONF|NOREPLICAS|LOADING|BUSY|UNKILLABLE|CLUSTERDOWN|MASTERDOWN|TRYAGAIN)\b|cluster is down/u;

function scriptRefusal(client: Client, { message }: ReplyError): ReplicantError {
  const place = { at: client.address };
  if (PASSING.test(message)) {
    return new ReplicantError('TARGET_BUSY', `the target cannot run a script now: ${message}`, { place });
  }
  return new ReplicantError(
    'TARGET_DENIED',
    `the target does not let us put deadlines right by a script: EVAL was answered with "${message}"`,
    { place, hint: 'allow this user EVAL, SCAN, TIME and the PEXPIRE family (+@scripting +@keyspace)' },
  );
}
