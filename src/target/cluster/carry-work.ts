/**
 * Any command whose keys are known, over slots: it is run in one slot T on copies, and what it has made of them
 * is taken to where it belongs.
 *
 *   1  the marker and the values of other slots are read
 *   2  in one step (`carry-step.ts`): the values get places in T under names of ours, the command is carried out with
 *      these names, marker <id>:run. A key that is replaced unseen has no copy before, one that is missing neither.
 *      When the command is refused, the copies go, and nothing has happened
 *   3  copies of written keys of other slots are read, and taken back
 *   4  the copies go; marker <id>:done
 *
 * Up to the marker only copies have changed, so it can be begun anew; from there on the copies stay, so that 3
 * and 4 can be done again. When no key of another slot is written, 2 does it all.
 *
 * Scripts run no scripts, what may block is not for scripts either, what modules do when they refuse is not known, and
 * very long commands don't fit: these are run alone, and on copies of the keys of T that they write, too.
 * Then 2 is three parts, placing, running and the marker, and 4 puts those copies in their keys' place.
 */
import { commandOf, BUILTIN_COMMANDS } from '../../keyspace/command-table.js';
import type { CarryPlan } from '../../keyspace/cross-slot-carry.js';
import type { CommandArg } from '../../resp/encode.js';
import { type Reply, ReplyError } from '../../resp/reply-decoder.js';
import {
  ask,
  askAll,
  type CarryContext,
  type Marker,
  markerText,
  readMarker,
  stageCommand,
  together,
} from './carry-context.js';
import { bringBack, type Copy, copiesOf, layOut, namesOf, readCopies, readSources } from './carry-copies.js';
import { type Placed, runStep, takeStep } from './carry-step.js';
import { MOST_WORDS } from './lane-script.js';

/** The command's reply; an error when it was refused, undefined when it had been carried before. */
export async function carryWork(context: CarryContext, plan: CarryPlan): Promise<Reply | undefined> {
  const work = new Work(context, plan);
  return await work.run();
}

/** May a script run it, and does it nothing when it is refused? */
function isForScripts(args: readonly Uint8Array[]): boolean {
  const spec = commandOf(args, BUILTIN_COMMANDS);
  if (spec === undefined || args.length > MOST_WORDS) return false;
  return spec.role !== 'script' && !/^B(?!ITOP)/u.test(spec.name);
}

class Work {
  readonly #context: CarryContext;
  readonly #slot: number;
  readonly #plan: CarryPlan;
  readonly #inStep: boolean;
  readonly #copies: readonly Copy[];
  /** Copies that are taken back to other slots. */
  readonly #back: readonly Copy[];

  constructor(context: CarryContext, plan: CarryPlan) {
    this.#context = context;
    this.#plan = plan;
    this.#slot = plan.slot;
    this.#inStep = isForScripts(plan.args);
    this.#copies = copiesOf(context, plan, !this.#inStep);
    this.#back = this.#copies.filter(({ of }) => of.slot !== plan.slot && of.access !== 'read');
  }

  async run(): Promise<Reply | undefined> {
    const [marker, first] = await together([
      readMarker(this.#context, this.#slot),
      readSources(this.#context, this.#copies, 0),
    ]);
    if (marker.stage === 'done') return undefined;
    if (marker.stage === 'run') {
      await bringBack(this.#context, this.#slot, this.#back, undefined);
      await this.#finish();
      return undefined;
    }
    const placed = await this.#guarded(marker, () => layOut(this.#context, this.#slot, this.#copies, first));
    return this.#inStep ? await this.#asOneStep(marker, placed) : await this.#alone(marker, placed);
  }

  async #asOneStep(marker: Marker, placed: readonly Placed[]): Promise<Reply> {
    const back = this.#back;
    const over = back.length === 0;
    const inPlace = this.#plan.keys.filter(({ slot }) => slot === this.#slot).map(({ key }) => key);
    const [reply, first] = await together([
      runStep(this.#context, {
        ...{ slot: this.#slot, marker, stage: over ? 'done' : 'run', values: placed },
        ...{ command: this.#onCopies(), keys: [...inPlace, ...namesOf(this.#copies)] },
        gone: over ? namesOf(this.#copies) : [],
      }),
      // Behind it, so they are what it has made.
      readCopies(this.#context, this.#slot, back, 0),
    ]);
    if (reply instanceof ReplyError) return await this.#refused(marker, reply);
    if (over) return reply;
    await bringBack(this.#context, this.#slot, back, first);
    await this.#finish();
    return reply;
  }

  async #alone(marker: Marker, placed: readonly Placed[]): Promise<Reply> {
    const { ports } = this.#context;
    const slot = this.#slot;
    await this.#guarded(marker, () =>
      takeStep(this.#context, { slot, marker, stage: undefined, values: placed }),
    );
    // In a transaction nothing blocks.
    const replies = await ports.transaction(slot, [this.#onCopies()]);
    const reply = replies instanceof ReplyError ? replies : (replies[0] ?? null);
    if (reply instanceof ReplyError) return await this.#refused(marker, reply);
    if (this.#back.length > 0) {
      await ask(this.#context, slot, ...stageCommand(this.#context, slot, 'run'));
      await bringBack(this.#context, slot, this.#back, undefined);
    }
    await this.#finish();
    return reply;
  }

  #onCopies(): CommandArg[] {
    const args: CommandArg[] = [...this.#plan.args];
    for (const { of, name } of this.#copies) for (const at of of.positions) args[at] = name;
    return args;
  }

  async #refused(marker: Marker, reply: ReplyError): Promise<ReplyError> {
    await this.#leaveNoCopies(marker);
    return reply;
  }

  /** The command has not been sent: when this fails, the copies go. When that fails too, they go another time. */
  async #guarded<T>(marker: Marker, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await this.#leaveNoCopies(marker).catch(() => undefined);
      throw error;
    }
  }

  async #leaveNoCopies(marker: Marker): Promise<void> {
    const [slot, gone] = [this.#slot, namesOf(this.#copies)];
    await takeStep(this.#context, { slot, marker, stage: undefined, gone });
  }

  async #finish(): Promise<void> {
    const slot = this.#slot;
    const gone = namesOf(this.#copies);
    const inPlace = this.#copies.filter(({ of }) => of.slot === slot);
    if (inPlace.length === 0) {
      const marker: Marker = { stage: 'run', text: markerText(this.#context, 'run') };
      await takeStep(this.#context, { slot, marker, stage: 'done', gone });
      return;
    }
    const found = await together(inPlace.map(({ name }) => ask(this.#context, slot, 'EXISTS', name)));
    const moves = inPlace.flatMap(({ of, name }, index) => [
      ['DEL', of.key],
      ...(found[index] === 1 ? [['RENAME', name, of.key]] : []),
    ]);
    const last = stageCommand(this.#context, slot, 'done');
    await askAll(this.#context, slot, [...moves, ['DEL', ...gone], last]);
  }
}
