/**
 * What is done to the target beside the stream, at a barrier: everything before it is final, nothing behind it has been
 * sent. Removing what a snapshot lacks, emptying databases, taking slots over, carrying commands over slots, and
 * asking where a command's keys are.
 */
import { ReplicantError } from '../errors.js';
import { keyNames } from '../keyspace/key-names.js';
import { SlotSet } from '../keyspace/slot-set.js';
import { Client } from '../net/client.js';
import { RECONNECT } from '../replication/policies.js';
import { ReplyError } from '../resp/reply-decoder.js';
import { carryUnit, forgetMarkers, slotsIn } from '../target/cluster/carry-unit.js';
import type { Lanes } from '../target/cluster/lanes.js';
import type { FailedCommand } from '../target/failed-command.js';
import { removeMissingFunctions } from '../target/missing-functions.js';
import type { Outlet } from '../target/outlet.js';
import { removeMissing } from '../target/remove-missing.js';
import { type WipeOptions, wipeSlots } from '../target/wipe-slots.js';
import type { Beside, Connect, Connected } from './beside.js';
import { clearDatabases } from './clear-databases.js';
import { askAgain } from './patience.js';
import { ownsOf, type TakePorts } from './slot-duty.js';
import type { Presence } from './snapshot-writer.js';
import type { AsideRequest, CarryRequest, ClearRequest, KeysRequest } from './stream-requests.js';
import { type TargetKeys, targetKeys } from './target-keys.js';
import type { TargetSideOptions } from './target-side.js';

export interface AsidesOptions {
  readonly side: TargetSideOptions;
  readonly beside: Beside;
  /** Where the target is, for messages. */
  readonly at: string;
  /** Puts the slots that are ours into the record. */
  readonly note: TakePorts['note'];
  /** The target has refused a command; throws to end it all. */
  readonly refused: (failed: FailedCommand) => void;
}

/** The delivery that something is done beside. */
export interface Delivering {
  readonly outlet: Outlet;
  readonly lanes: Lanes | undefined;
  /** Which snapshot the target's data come from. */
  readonly snapshot: () => string;
  readonly committed: () => number;
}

const ANSWER_TIMEOUT_MS = 600_000;
/** So many slots may have a marker of something carried. */
const MOST_MARKERS = 500;

export class TargetAsides {
  readonly #o: AsidesOptions;
  /** Slots with a marker of what was carried last, and where that stands in the stream. */
  readonly #carried = new Map<number, number>();

  constructor(options: AsidesOptions) {
    this.#o = options;
  }

  /** The snapshot has been written: what is on the target and not in it (`present`) goes. */
  complete({ outlet }: Delivering, present: Presence | undefined): Promise<void> {
    return this.#o.beside.run(async (connect, signal) => {
      // A refusal that comes when the stream has begun would be taken for one of a command of the stream.
      await this.#answered(outlet);
      if (present !== undefined) await this.#alone(() => this.#removeMissing(present, connect, signal));
    });
  }

  /** What the stream waits for; resolves to the names of keys that were asked for. */
  carryOut(request: AsideRequest, on: Delivering): Promise<readonly Uint8Array[] | undefined> {
    return this.#o.beside.run(async (connect, signal) => {
      await this.#answered(on.outlet);
      switch (request.kind) {
        case 'clear':
          // What has been written since must not go as well.
          if (on.lanes?.beyond(request.offset) !== true)
            await this.#alone(() => this.#clear(request, connect, signal));
          return undefined;
        case 'wipe':
          if (on.lanes?.beyond(request.offset) !== true)
            await this.#alone(() => this.#wipeOurs(request.slots, connect, signal));
          return undefined;
        case 'take':
          await this.#o.side.duty?.settle(request.slot, {
            wipe: async (slots) =>
              void (await wipeSlots((await connect()).clients, slots, signal, this.#wipeOptions)),
            note: this.#o.note,
            signal,
          });
          return undefined;
        case 'keys':
          return await this.#askKeys(request, signal);
        default:
          await this.#carry(request, on, await connect());
          return undefined;
      }
    });
  }

  /** Removes all keys of these slots, at any time. */
  wipe(...[slots]: Parameters<TakePorts['wipe']>): Promise<void> {
    return this.#o.beside.run(async (connect, signal) => {
      await wipeSlots((await connect()).clients, slots, signal, this.#wipeOptions);
    });
  }

  /** The stream is at its end: no trace is left of what was carried. */
  async finish(on: Delivering): Promise<void> {
    if (this.#carried.size === 0) return;
    await this.#o.beside
      .run(async (connect) => this.#forgetCarried(on, await connect(), 0))
      .catch(() => undefined);
  }

  /** Everything that has been written has been answered. */
  async #answered(outlet: Outlet): Promise<void> {
    if (await outlet.idle(ANSWER_TIMEOUT_MS)) return;
    throw new ReplicantError('TARGET_BUSY', 'the target has not answered for 10 minutes', {
      place: { at: this.#o.at },
    });
  }

  // ---- keys that go ------------------------------------------------------------------------------------

  /** The job's filters and names; the slots are those of the source. */
  get #wipeOptions(): WipeOptions {
    const { filter, dbMap, keyMap } = this.#o.side;
    return { wanted: targetKeys(filter, dbMap, keyMap), names: keyNames(dbMap, keyMap) };
  }

  /** Which keys of the target are the job's; undefined: all. */
  get #wanted(): TargetKeys | undefined {
    const { filter, dbMap, keyMap, duty } = this.#o.side;
    return targetKeys(filter, dbMap, keyMap, ownsOf(duty));
  }

  /** No slot comes or goes meanwhile: what is removed goes by which ones are ours. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const { duty } = this.#o.side;
    return duty === undefined ? work() : duty.alone(work);
  }

  async #wipeOurs(slots: SlotSet, connect: Connect, signal: AbortSignal): Promise<void> {
    const { duty } = this.#o.side;
    const ours = new SlotSet();
    for (const slot of slots) if (duty?.owns(slot) === true) ours.add(slot);
    await wipeSlots((await connect()).clients, ours, signal, this.#wipeOptions);
  }

  async #removeMissing(present: Presence, connect: Connect, signal: AbortSignal): Promise<void> {
    const { filter, dbMap, keyMap, dbs, duty, findings, emit } = this.#o.side;
    const { clients } = await connect();
    emit('info', 'note', 'removing what the source does not have');
    const { removed, scanned } = await removeMissing(clients, {
      keys: present.keys,
      dbs,
      wanted: this.#wanted ?? (() => true),
      wantedKind: filter.kindsActive ? (kind) => filter.matchesKind(kind) : undefined,
      unlink: findings.capabilities.unlink,
      signal,
    });
    const some = filter.active || dbMap.prefixed || keyMap?.active === true || duty !== undefined;
    const libraries =
      some || !findings.capabilities.functions
        ? []
        : await removeMissingFunctions(clients, present.libraries);
    emit(
      'info',
      'note',
      `removed ${removed} of ${scanned} keys and ${libraries.length} function libraries that the source does not have`,
    );
  }

  async #clear(request: ClearRequest, connect: Connect, signal: AbortSignal): Promise<void> {
    const { filter, findings } = this.#o.side;
    const scope = {
      wanted: this.#wanted,
      wantedKind: filter.kindsActive
        ? (kind: Parameters<typeof filter.matchesKind>[0]) => filter.matchesKind(kind)
        : undefined,
      unlink: findings.capabilities.unlink,
    };
    await clearDatabases((await connect()).clients, request, scope, signal);
  }

  // ---- commands over slots -----------------------------------------------------------------------------

  /** What lanes can't do where it stands. */
  async #carry(request: CarryRequest, on: Delivering, connected: Connected): Promise<void> {
    const { commands, offset } = request;
    const slots = commands.flatMap(slotsIn);
    if (on.lanes?.passed(slots, offset) === true) return;
    await this.#forgetCarried(on, connected, MOST_MARKERS);
    await carryUnit(commands, {
      ...{ ...connected, job: this.#o.side.sync.name, id: `${on.snapshot()}:${offset}` },
      can: this.#o.side.findings.capabilities,
      refused: (args, error) =>
        this.#o.refused({
          ...{ error, name: nameOf(args), args, offset, copied: true, number: -1, executed: false },
        }),
    });
    for (const slot of slots) this.#carried.set(slot, offset);
  }

  /** Markers of what lies before the recorded position: nobody will carry that again. */
  async #forgetCarried(on: Delivering, connected: Connected, most: number): Promise<void> {
    if (this.#carried.size <= most) return;
    const committed = on.committed();
    const slots = [...this.#carried].filter(([, offset]) => offset < committed).map(([slot]) => slot);
    await forgetMarkers(slots, this.#o.side.sync.name, connected);
    for (const slot of slots) this.#carried.delete(slot);
  }

  // ---- keys that are not known -------------------------------------------------------------------------

  /** The source knows its modules' commands. undefined: it does not know, or may not be asked. */
  #askKeys({ args }: KeysRequest, signal: AbortSignal): Promise<readonly Uint8Array[] | undefined> {
    const ask = async (): Promise<readonly Uint8Array[] | undefined> => {
      const client = await Client.connect(this.#o.side.sync.source, 'source');
      try {
        return namesIn(await client.request(['COMMAND', 'GETKEYS', ...args]));
      } finally {
        client.close();
      }
    };
    // Until it answers: left out, the command would be lost.
    return askAgain(ask, { signal, passing: ({ retry }) => retry, backOff: RECONNECT });
  }
}

function namesIn(reply: unknown): readonly Uint8Array[] | undefined {
  if (reply instanceof ReplyError) return /no key arguments/iu.test(reply.message) ? [] : undefined;
  if (!Array.isArray(reply)) return undefined;
  return reply.filter((name): name is Uint8Array => name instanceof Uint8Array);
}

function nameOf(args: readonly Uint8Array[]): string {
  return new TextDecoder('latin1').decode(args[0]).toUpperCase();
}
