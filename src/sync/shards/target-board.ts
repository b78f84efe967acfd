/**
 * What the shards of a job tell each other, on the target: their records, and three keys of the job.
 *
 *     __replicant:{J}:claims   hash: <shard key>/<process> → slots that it is about to hold
 *     __replicant:{J}:dirty    bitmap of slots whose keys nobody answers for
 *     __replicant:{J}:wants    hash: <shard key> → slots that it wants others, in other processes, to let go of
 *
 * What makes claims exclude each other is the order here: a claim is set, then claims are read, then records; and a
 * claim goes only when the record is there. The claim of an earlier process of the same shard counts no more.
 */
import { CHECKPOINT_PREFIX, checkpointKey, parseCheckpoint } from '../../checkpoint/record.js';
import { SLOTS } from '../../keyspace/key-slot.js';
import { SlotSet } from '../../keyspace/slot-set.js';
import { type Reply, replyText } from '../../resp/reply-decoder.js';
import type { Board, BoardState, Held } from './board-ports.js';
import { parseHolding } from './holding.js';
import { parseRoster, rosterKey, shardJob } from './roster.js';
import type { TargetAccess } from './target-access.js';

export interface TargetBoardOptions {
  readonly access: TargetAccess;
  readonly job: string;
  /** The shard's. */
  readonly key: string;
  /** Of this process. */
  readonly process: string;
}

export class TargetBoard implements Board {
  readonly #o: TargetBoardOptions;
  readonly #claims: string;
  readonly #dirty: string;
  readonly #wants: string;
  #wanting = false;

  constructor(options: TargetBoardOptions) {
    this.#o = options;
    const prefix = `${CHECKPOINT_PREFIX}{${options.job}}:`;
    this.#claims = `${prefix}claims`;
    this.#dirty = `${prefix}dirty`;
    this.#wants = `${prefix}wants`;
  }

  async read(): Promise<BoardState> {
    const { access, key, process, job } = this.#o;
    const fields = await this.#hash(this.#claims);
    const claims: { key: string; slots: SlotSet }[] = [];
    for (const [field, text] of fields) {
      const [holder = '', run] = field.split('/');
      if (holder !== key) claims.push({ key: holder, slots: SlotSet.parse(text) ?? new SlotSet() });
      // oxlint-disable-next-line no-await-in-loop -- one or none
      else if (run !== process) await access.ask(this.#claims, [['HDEL', this.#claims, field]]);
    }
    const keys = await this.#keys(rosterKey(job));
    const held = await Promise.all(keys.map((one) => this.#held(one)));
    const all = held.filter((one) => one !== undefined);
    return {
      own: all.find((one) => one.key === key),
      others: all.filter((one) => one.key !== key),
      claims,
    };
  }

  async #keys(roster: string): Promise<readonly string[]> {
    const text = await this.#o.access.get(roster);
    return text === undefined ? [] : parseRoster(text).shards.map(({ key }) => key);
  }

  async #held(key: string): Promise<Held | undefined> {
    const { access, job } = this.#o;
    const record = checkpointKey(shardJob(job, key));
    const text = await access.get(record);
    if (text === undefined) return undefined;
    const { slots, state, offset, snapshot } = parseCheckpoint(text);
    const { slots: held } = parseHolding(slots ?? '');
    return { key, held, position: state === 'streaming' ? offset : -1, snapshot };
  }

  async #hash(name: string): Promise<Map<string, string>> {
    const [reply] = await this.#o.access.ask(name, [['HGETALL', name]]);
    if (!Array.isArray(reply)) throw this.#o.access.unexpected('HGETALL', name);
    return pairs(reply);
  }

  async claim(slots: SlotSet): Promise<void> {
    const { access, key, process } = this.#o;
    await this.#set(access, this.#claims, `${key}/${process}`, slots);
  }

  async #set(access: TargetAccess, name: string, field: string, slots: SlotSet): Promise<void> {
    await access.ask(name, [
      slots.size === 0 ? ['HDEL', name, field] : ['HSET', name, field, slots.format()],
    ]);
  }

  async dirty(): Promise<SlotSet> {
    const bits = await this.#o.access.get(this.#dirty);
    const slots = new SlotSet();
    if (bits === undefined) return slots;
    const end = Math.min(SLOTS, bits.length * 8);
    for (let slot = 0; slot < end; slot++)
      if ((bits[slot >> 3]! & (0x80 >> (slot & 7))) !== 0) slots.add(slot);
    return slots;
  }

  async soil(slots: SlotSet): Promise<void> {
    await this.#mark(slots, '1');
  }

  async clean(slots: SlotSet): Promise<void> {
    await this.#mark(slots, '0');
  }

  async #mark(slots: SlotSet, bit: string): Promise<void> {
    const commands = [...slots].map((slot) => ['SETBIT', this.#dirty, String(slot), bit]);
    if (commands.length > 0) await this.#o.access.ask(this.#dirty, commands);
  }

  // ---- between processes ---------------------------------------------------------------------------------

  /** What this shard wants others to let go of; the empty set takes it back. */
  async want(slots: SlotSet): Promise<void> {
    if (slots.size === 0 && !this.#wanting) return;
    await this.#set(this.#o.access, this.#wants, this.#o.key, slots);
    this.#wanting = slots.size > 0;
  }

  /** What others want. */
  async wanted(): Promise<SlotSet> {
    const slots = new SlotSet();
    for (const [key, text] of await this.#hash(this.#wants)) {
      if (key === this.#o.key) continue;
      for (const slot of SlotSet.parse(text) ?? []) slots.add(slot);
    }
    return slots;
  }
}

/** Of a hash, as RESP2 has it. */
function pairs(reply: readonly Reply[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < reply.length; at += 2)
    found.set(replyText(reply[at] ?? null) ?? '', replyText(reply[at + 1] ?? null) ?? '');
  return found;
}
