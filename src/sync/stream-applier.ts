/**
 * Turns the command stream into writes. Most of it is not looked at beyond the command's name: runs of
 * plain commands are copied to the output as they are. Looked at are
 *
 *   SELECT                followed; MULTI, EXEC: kept together
 *   PING, REPLCONF        dropped (GETACK is answered)
 *   PUBLISH               dropped on Sentinel's hello channel, which must not reach another deployment
 *   XADD, XTRIM           freed of what only a primary may say to its replicas (LIMIT)
 *   TTL commands          of sources before 7.0: relative times become absolute, by the time of arrival;
 *                         and where deadlines are held back on the target
 *   SWAPDB                where the target's own checkpoint lies in one of the databases
 *   everything            when filters or a database map are in force
 *
 * With a `committer`, what is written goes into its transactions, and the source's own MULTI and EXEC only say
 * where none may end. Without, they are passed on.
 *
 * A plain command too large for the window is passed on piece by piece. Positions are replication offsets:
 * every byte of the stream counts.
 */
import { toClientForm } from '../convert/client-form.js';
import { DEADLINE_COMMANDS } from '../convert/held-deadline.js';
import { ReplicantError } from '../errors.js';
import { hidesItsKeys, placesOf, withKeysAt } from '../keyspace/asked-keys.js';
import { commandSlot } from '../keyspace/command-slot.js';
import { commandOf, type CommandTable } from '../keyspace/command-table.js';
import type { CrossSlotPolicy } from '../keyspace/cross-slot-policy.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { KeyMap } from '../keyspace/key-map.js';
import { type KeyNames, keyNames } from '../keyspace/key-names.js';
import type { Args, Plan } from '../keyspace/plan.js';
import { planFiltered } from '../keyspace/stream-filter.js';
import { bytesOf, isWord, sameBytes } from '../keyspace/words.js';
import { CommandScanner, commandArgs, INCOMPLETE } from '../resp/command-scanner.js';
import { headerBytes } from '../target/resp-writer.js';
import { MOST_WORDS } from '../target/cluster/lane-script.js';
import { CommandJoiner } from '../target/command-joiner.js';
import type { Pipeline } from '../target/pipeline.js';
import { LanePlans } from './lane-plans.js';
import { noSuchDatabase } from './refusal.js';
import { NODE_COMMANDS, planNodeCommand } from './shards/node-command.js';
import type {
  AsideRequest,
  ClearRequest,
  ClusterCommand,
  LaneStream,
  SlotGate,
  StreamCommitter,
  StreamPlace,
} from './stream-requests.js';
import { type CommandClass, createClassifier } from './stream-classes.js';
import { formsOf, type StreamFormsOptions } from './stream-forms.js';
import type { Tally } from './tally.js';

export interface StreamApplierOptions extends StreamFormsOptions {
  /** One of the two. */
  readonly out: Pipeline | undefined;
  readonly lanes?: LaneStream | undefined;
  /** The source is one shard of several. */
  readonly gate?: SlotGate | undefined;
  readonly crossSlot?: CrossSlotPolicy | undefined;
  /** A KeysRequest can be answered; else such commands are left out where it matters. */
  readonly asksForKeys?: boolean | undefined;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly keyMap?: KeyMap | undefined;
  readonly table: CommandTable;
  readonly sourceDatabases: number;
  readonly targetDatabases: number;
  readonly tally: Tally;
  /** Where the stream starts: offset, database in force, database selected on the target's connection. */
  readonly offset: number;
  readonly db: number;
  readonly targetDb: number;
  readonly inMulti?: boolean;
  readonly committer?: StreamCommitter | undefined;
  /** Key that a SWAPDB would take from where it belongs, database 0. */
  readonly ownKey?: Uint8Array | undefined;
  /** When a byte of the stream arrived, by our clock; without it, when it is applied. */
  readonly arrivedAtMs?: ((offset: number) => number) | undefined;
  /** Commands at these offsets are left out: the target has refused them. */
  readonly leftOut?: ReadonlySet<number> | undefined;
  /** Small commands side by side may go as one; they don't where the slot of each is looked at. */
  readonly joins?: boolean | undefined;
  readonly onGetAck: (offset: number) => void;
  readonly onReport: (why: string, name: string, offset: number, db: number) => void;
}

/** `targetDb` is undefined where SELECTs are forwarded as they come. */
interface Outgoing {
  readonly args: Args;
  readonly targetDb: number | undefined;
}

const LF = 10;
const SELECT = bytesOf('SELECT');
const DEL = bytesOf('DEL');
const FLUSHDB = bytesOf('FLUSHDB');
const ASYNC = bytesOf('ASYNC');
const MULTI: Args = [bytesOf('MULTI')];
const EXEC: Args = [bytesOf('EXEC')];
const HELLO_CHANNEL = bytesOf('__sentinel__:hello');
/** Where commands go that any node of a cluster takes. */
const ANY_SLOT = 0;
/** A plain command that has brought this much and is not complete is passed on in pieces. */
const PASS_BYTES = 512 * 1024;

export class StreamApplier {
  readonly #o: StreamApplierOptions;
  readonly #scanner = new CommandScanner();
  readonly #classify: (bytes: Uint8Array, from: number, length: number, argc: number) => CommandClass;
  /** Filters or a map: every command is looked at, and SELECT and MULTI are only sent when needed. */
  readonly #selective: boolean;
  /** undefined: keys keep their names. */
  readonly #names: KeyNames | undefined;
  /** Each command's slot must be known before it is sent: none is passed on in pieces. */
  readonly #whole: boolean;
  readonly #plans: LanePlans;
  readonly #joiner: CommandJoiner | undefined;
  /** Of the command at hand the keys may be known from elsewhere. */
  #table: CommandTable;
  /** What becomes of a command depends on its keys. */
  readonly #asksForKeys: boolean;
  #offset: number;
  #db: number;
  #targetDb: number;
  #inMulti = false;
  /** The slot of what the source's transaction has brought, -1: nothing yet; and whether there are others. */
  #unitSlot = -1;
  #unitSplit = false;
  /** MULTI has been sent to the target and not its EXEC. */
  #multiOpen = false;
  #passing = false;
  /** … and passed over, as it is one of those left out. */
  #dropping = false;
  /** The unfinished command is plain: it can be passed on in pieces, and need never be here whole. */
  #passable = false;
  /** Offset of the command being looked at. */
  #commandOffset = 0;
  /** Offset of the last place outside a transaction. */
  #safeOffset: number;
  #aside: AsideRequest | undefined;
  /** Commands that were passed over, as their slot is another shard's. */
  foreign = 0;
  #localNowMs = 0;
  /** Offset up to which commits have been written. */
  #committed: number;
  /** Where the next command to be left out stands. */
  #nextLeftOut = Number.POSITIVE_INFINITY;

  constructor(options: StreamApplierOptions) {
    this.#o = options;
    this.#plans = new LanePlans(options.capabilities.server, options.crossSlot);
    this.#table = options.table;
    const { keysActive, kindsActive } = options.filter;
    this.#asksForKeys =
      options.asksForKeys === true &&
      (keysActive ||
        kindsActive ||
        options.keyMap?.active === true ||
        options.dbMap.prefixed ||
        options.lanes !== undefined);
    this.#whole = options.lanes !== undefined || options.gate !== undefined;
    const joins = options.joins === true && !this.#whole;
    this.#joiner = joins ? new CommandJoiner(options.capabilities) : undefined;
    const names = keyNames(options.dbMap, options.keyMap);
    this.#names = names.active ? names : undefined;
    this.#selective = options.filter.active || options.dbMap.active || names.active;
    this.#classify = createClassifier({
      all: this.#selective,
      ttls: options.relativeTtls,
      names: [
        ...(options.hold === undefined ? [] : DEADLINE_COMMANDS),
        ...(options.ownKey === undefined ? [] : ['SWAPDB']),
        ...(options.form?.names ?? []),
        ...(options.gate === undefined ? [] : NODE_COMMANDS),
      ],
    });
    this.#offset = options.offset;
    this.#commandOffset = options.offset;
    this.#safeOffset = options.offset;
    this.#committed = options.offset;
    this.#db = options.db;
    this.#targetDb = options.targetDb;
    this.#inMulti = options.inMulti === true;
    this.#findLeftOut();
  }

  /** Offset behind the last byte taken. */
  get offset(): number {
    return this.#offset;
  }

  /** The last place outside a transaction. */
  get safePlace(): StreamPlace {
    return { offset: this.#safeOffset, db: this.#db, inMulti: false };
  }

  /** Enough is on its way; more would make the next transaction too large. */
  get full(): boolean {
    const { committer } = this.#o;
    return committer?.waiting === true && this.#offset - this.#committed >= committer.batchBytes;
  }

  /** A transaction has been begun on the target and not ended, or a command is half sent. */
  get open(): boolean {
    return this.#multiOpen || this.#inMulti || this.#passing;
  }

  /** Set while something must be done beside the stream before it may go on. */
  get aside(): AsideRequest | undefined {
    return this.#aside;
  }

  /** At least so many bytes in one piece are needed to get on. */
  get needed(): number {
    if (this.#passing) return 0;
    const whole = this.#scanner.reached + 1;
    return this.#passable ? Math.min(whole, PASS_BYTES) : whole;
  }

  /** It has been done. `keys`: what was asked for by a KeysRequest; undefined: nobody knows. */
  resume(keys?: readonly Uint8Array[]): void {
    const request = this.#aside;
    this.#aside = undefined;
    if (request?.kind !== 'keys') return;
    const { args } = request;
    const places = keys === undefined ? undefined : placesOf(args, keys);
    if (places !== undefined) this.#table = withKeysAt(this.#o.table, args, places);
    try {
      this.#applyKnown(args);
    } finally {
      this.#table = this.#o.table;
    }
  }

  /** What comes next stands at `offset`: the bytes before it were no commands (annotations of an AOF). */
  moveTo(offset: number): void {
    if (offset === this.#offset) return;
    this.#offset = offset;
    if (!this.#inMulti) this.#safeOffset = offset;
  }

  /** Bytes come anew from `offset` on. What was guessed from a torn command is forgotten. */
  resumed(): void {
    if (this.#passing) return;
    this.#scanner.reset();
    this.#passable = false;
  }

  get targetDb(): number {
    return this.#targetDb;
  }

  /** The database selected on the target's connection has been changed from outside. */
  selected(db: number): void {
    this.#targetDb = db;
  }

  /** Takes what it can of bytes[start, end) and returns the position behind it. */
  feed(bytes: Uint8Array, start: number, end: number, localNowMs: number): number {
    this.#localNowMs = localNowMs;
    let at = start;
    const { out, lanes, committer } = this.#o;
    while (at < end && this.#aside === undefined && !this.#blocked && !this.full) {
      const next = this.#next(bytes, at, end);
      if (next === at) break;
      at = next;
      lanes?.advance(this.#offset, this.#db, this.#inMulti);
      if (this.#commitDue) this.commit();
    }
    this.commit();
    if (committer === undefined) out?.flush(this.#safeOffset);
    else (out ?? lanes)?.flush();
    return at;
  }

  get #blocked(): boolean {
    return (this.#o.out ?? this.#o.lanes)?.blocked === true;
  }

  get #commitDue(): boolean {
    const { committer } = this.#o;
    return committer !== undefined && this.#offset - this.#committed >= committer.batchBytes;
  }

  /** Makes what has been applied final if that can be done now; to be called when an earlier commit is through. */
  commit(): void {
    const { committer } = this.#o;
    if (committer === undefined || committer.waiting) return;
    if (this.#aside === undefined) {
      if (this.#inMulti || this.#passing || this.#safeOffset === this.#committed) return;
      this.#commitAt(committer, this.safePlace, false);
    } else if (this.#committed !== this.#commandOffset) {
      // Up to the command that waits for it, which has not been carried out yet.
      const place = { offset: this.#commandOffset, db: this.#db, inMulti: this.#inMulti };
      this.#commitAt(committer, place, this.#aside.kind === 'carry' || this.#aside.kind === 'keys');
    }
  }

  /** What `aside` asks for may be done: everything before it is final. */
  get ready(): boolean {
    const { committer } = this.#o;
    if (this.#aside === undefined) return false;
    return committer === undefined || (!committer.waiting && this.#committed === this.#commandOffset);
  }

  #commitAt(committer: StreamCommitter, place: StreamPlace, passing: boolean): void {
    committer.commit(place, Math.max(0, this.#targetDb), passing);
    this.#committed = place.offset;
    this.#targetDb = 0;
  }

  #findLeftOut(): void {
    const ahead = [...(this.#o.leftOut ?? [])].filter((offset) => offset >= this.#offset);
    this.#nextLeftOut = Math.min(Number.POSITIVE_INFINITY, ...ahead);
  }

  /** Errors of the scanner name places in the buffer; here they become offsets of the stream. */
  #next(bytes: Uint8Array, at: number, end: number): number {
    try {
      return this.#passing ? this.#pass(bytes, at, end) : this.#run(bytes, at, end);
    } catch (error) {
      if (!(error instanceof ReplicantError) || error.code !== 'SOURCE_PROTOCOL') throw error;
      const offset = this.#offset + (error.place.offset ?? at) - at;
      throw new ReplicantError(error.code, error.message, { place: { offset }, hint: error.hint });
    }
  }

  /** Forwards a run of plain commands, or handles one that is not; returns the position behind it. */
  #run(bytes: Uint8Array, start: number, end: number): number {
    const { gate, lanes } = this.#o;
    const scanner = this.#scanner;
    if (bytes[start] === LF) return start + 1;
    let at = start;
    let commands = 0;
    const room = this.#o.out?.room ?? 0;
    const joiner = this.#joiner;
    joiner?.forget();
    while (at < end && bytes[at] !== LF && at - start <= room) {
      const next = scanner.find(bytes, at, end);
      if (next === INCOMPLETE) break;
      if (this.#offset + at - start === this.#nextLeftOut) {
        this.#forward(bytes, start, at, commands);
        this.#take(next - at);
        return next;
      }
      if (joiner?.add(bytes, at, next) === true) {
        at = next;
        commands++;
        continue;
      }
      if (joiner?.pays === true) break;
      const found = this.#classify(bytes, at + scanner.nameFrom, scanner.nameBytes, scanner.argc);
      const slot = this.#whole && hasSlot(found) ? this.#slotAt(bytes, at, next) : -1;
      const whose = gate !== undefined && slot >= 0 ? gate.judge(slot, this.#offset + at - start) : 'ours';
      if (whose !== 'ours') {
        this.#forward(bytes, start, at, commands);
        this.#commandOffset = this.#offset;
        if (whose === 'unsettled') {
          this.#startAside({ kind: 'take', slot });
          return at;
        }
        this.foreign++;
        this.#take(next - at);
        return next;
      }
      if (lanes !== undefined && found === 'plain' && slot >= 0 && scanner.argc <= MOST_WORDS) {
        this.#toLane(lanes, bytes, at, next, slot);
        return next;
      }
      if (found !== 'plain' || lanes !== undefined) {
        this.#forward(bytes, start, at, commands);
        this.#commandOffset = this.#offset;
        this.#take(next - at);
        this.#special(found === 'plain' ? 'look' : found, bytes, at, next);
        return next;
      }
      if (next - start > room && commands > 0) {
        this.#forward(bytes, start, at, commands);
        return at;
      }
      joiner?.begin(bytes, at, next, scanner);
      at = next;
      commands++;
    }
    this.#forward(bytes, start, at, commands);
    return at === start ? this.#startPassing(bytes, at, end) : at;
  }

  #slotAt(bytes: Uint8Array, at: number, next: number): number {
    const { nameFrom, nameBytes } = this.#scanner;
    return commandSlot(bytes, at, next, nameFrom, nameBytes, this.#o.table);
  }

  /** One plain command of one slot, as it stands. */
  #toLane(lanes: LaneStream, bytes: Uint8Array, at: number, next: number, slot: number): void {
    this.#commandOffset = this.#offset;
    this.#ready(undefined);
    const { argc } = this.#scanner;
    if (this.#inMulti) this.#noteSlot(slot);
    lanes.raw(bytes, at, at + headerBytes(argc), next, argc, slot, this.#offset);
    this.#o.tally.commands++;
    this.#take(next - at);
  }

  /** On a cluster a transaction of the source stays one only within a slot. */
  #noteSlot(slot: number): void {
    if (this.#unitSlot < 0) this.#unitSlot = slot;
    else if (this.#unitSlot !== slot) this.#unitSplit = true;
  }

  /** Whole plain commands: as they are, but the last of them as one if they have been joined. */
  #forward(bytes: Uint8Array, start: number, end: number, commands: number): void {
    const joiner = this.#joiner;
    const { out, tally } = this.#o;
    if (joiner?.pays !== true || out === undefined) {
      this.#copy(bytes, start, end, commands);
      return;
    }
    this.#copy(bytes, start, joiner.start, commands - joiner.count);
    this.#commandOffset = this.#offset;
    this.#ready(undefined);
    joiner.write(out, this.#offset);
    tally.commands += joiner.count;
    this.#take(end - joiner.start);
  }

  #copy(bytes: Uint8Array, start: number, end: number, commands: number): void {
    const { out, tally } = this.#o;
    if (end === start || out === undefined) return;
    this.#commandOffset = this.#offset;
    this.#ready(undefined);
    if (end - start <= out.slabBytes) out.reserve(end - start);
    out.from(this.#offset);
    out.begin();
    out.put(bytes, start, end);
    out.ended(commands);
    tally.commands += commands;
    this.#take(end - start);
  }

  #take(count: number): void {
    this.#offset += count;
    if (this.#offset > this.#nextLeftOut) this.#findLeftOut();
    if (!this.#inMulti) this.#safeOffset = this.#offset;
  }

  /** A plain command that is larger than what should be held: begin to send what is here. */
  #startPassing(bytes: Uint8Array, at: number, end: number): number {
    const { named, nameFrom, nameBytes, argc } = this.#scanner;
    this.#passable =
      !this.#whole && named && this.#classify(bytes, at + nameFrom, nameBytes, argc) === 'plain';
    if (end - at < PASS_BYTES || !this.#passable) return at;
    this.#passing = true;
    this.#dropping = this.#offset === this.#nextLeftOut;
    if (!this.#dropping) {
      this.#commandOffset = this.#offset;
      this.#ready(undefined);
      this.#o.out?.from(this.#offset);
      this.#o.out?.begin();
    }
    return this.#passPart(bytes, at, end);
  }

  #pass(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#scanner.find(bytes, at, end);
    if (next === INCOMPLETE) return this.#passPart(bytes, at, end);
    if (!this.#dropping) {
      this.#o.out?.put(bytes, at, next);
      this.#o.out?.ended(1);
      this.#o.tally.commands++;
    }
    this.#passing = false;
    this.#dropping = false;
    this.#take(next - at);
    return next;
  }

  #passPart(bytes: Uint8Array, at: number, end: number): number {
    const count = Math.min(this.#scanner.reached, end - at);
    if (!this.#dropping) this.#o.out?.put(bytes, at, at + count);
    this.#scanner.passed(count);
    this.#offset += count;
    return at + count;
  }

  #special(found: CommandClass, bytes: Uint8Array, at: number, next: number): void {
    const args = commandArgs(bytes, at);
    switch (found) {
      case 'plain':
      case 'ping':
        return;
      case 'replconf':
        if (args[1] !== undefined && isWord(args[1], 'GETACK')) this.#o.onGetAck(this.#safeOffset);
        return;
      case 'select':
        this.#db = Number(new TextDecoder().decode(args[1]));
        return;
      case 'multi':
        this.#multi(next - at);
        return;
      case 'exec':
        this.#exec();
        return;
      case 'publish':
        if (args[1] !== undefined && sameBytes(args[1], HELLO_CHANNEL)) return;
        this.#apply(args);
        return;
      default:
        this.#apply(args);
    }
  }

  #multi(bytes: number): void {
    this.#inMulti = true;
    this.#unitSlot = -1;
    this.#unitSplit = false;
    this.#safeOffset = this.#offset - bytes;
    if (!this.#selective && this.#o.committer === undefined) this.#openMulti();
  }

  #openMulti(): void {
    this.#send(MULTI);
    this.#multiOpen = true;
  }

  #exec(): void {
    if (this.#multiOpen) this.#send(EXEC);
    if (this.#unitSplit) this.#o.tally.splitTransactions++;
    this.#unitSplit = false;
    this.#inMulti = false;
    this.#multiOpen = false;
    this.#safeOffset = this.#offset;
  }

  /** One command that had to be looked at. */
  #apply(sent: Args): void {
    const args = toClientForm(sent);
    this.#o.tally.commands++;
    if (this.#o.gate !== undefined && this.#ofNode(args)) return;
    if (this.#asksForKeys && hidesItsKeys(args, this.#table)) this.#startAside({ kind: 'keys', args });
    else this.#applyKnown(args);
  }

  /** What a node of a cluster says of itself counts for the slots of its shard. */
  #ofNode(args: Args): boolean {
    const plan = planNodeCommand(args);
    if (plan === undefined) return false;
    const targetDb = this.#o.dbMap.toTarget(this.#db);
    if (plan.kind === 'clear') this.#empty({ targetDbs: [targetDb], matching: true, async: plan.async });
    else if (plan.kind === 'wipe')
      this.#startAside({ kind: 'wipe', slots: plan.slots, offset: this.#commandOffset });
    else if (plan.kind === 'tolerate')
      this.#unit([{ args: plan.args, targetDb: this.#selective ? targetDb : undefined }], true);
    return true;
  }

  #applyKnown(args: Args): void {
    const { filter, dbMap, sourceDatabases } = this.#o;
    const table = this.#table;
    if (!this.#selective) {
      this.#unit([{ args, targetDb: undefined }], false);
      return;
    }
    const plan = planFiltered(args, {
      ...{ db: this.#db, filter, dbMap, names: this.#names, table, sourceDatabases },
    });
    if ('report' in plan && plan.report !== undefined) this.#report(plan.report, args);
    this.#carryOut(plan, args);
  }

  #carryOut(plan: Plan, args: Args): void {
    switch (plan.action) {
      case 'drop':
        return;
      case 'forward':
        this.#unit([{ args, targetDb: this.#o.dbMap.toTarget(this.#db) }], false);
        return;
      case 'clear':
        this.#empty({
          ...{ targetDbs: plan.targetDbs, sourceDbs: plan.sourceDbs },
          matching: plan.scope === 'matching',
          async: plan.async,
        });
        return;
      default:
        this.#unit(plan.commands, plan.tolerateErrors);
    }
  }

  /** What one command of the source becomes: in one transaction when several, unless one is open already. */
  #unit(commands: readonly Outgoing[], tolerate: boolean): void {
    if (this.#whole && commands.some(({ args }) => this.#empties(args))) {
      this.#empty({
        targetDbs: [commands[0]?.targetDb ?? this.#db],
        matching: true,
        async: true,
      });
      return;
    }
    const { lanes, arrivedAtMs } = this.#o;
    const all = commands.flatMap(({ args, targetDb }) =>
      formsOf(args, this.#o, {
        arrivedMs: () => arrivedAtMs?.(this.#commandOffset) ?? this.#localNowMs,
        asItIs: (one) => lanes !== undefined && this.#plans.needsNoForm(one, this.#table),
        report: (why, of) => this.#report(why, of),
      }).map((formed) => ({ args: formed, targetDb })),
    );
    if (lanes !== undefined) {
      this.#unitToLanes(lanes, all, tolerate);
      return;
    }
    const wrap = all.length > 1 && !this.#inMulti && this.#o.committer === undefined;
    if (wrap) this.#send(MULTI);
    for (const { args, targetDb } of all) this.#emit(args, targetDb, tolerate);
    if (wrap) this.#send(EXEC);
  }

  #empties(args: Args): boolean {
    const role = commandOf(args, this.#table)?.role;
    return role === 'flush-db' || role === 'flush-all';
  }

  /** All of it to lanes, or when a part can't be done there, all of it beside the stream. */
  #unitToLanes(lanes: LaneStream, all: readonly Outgoing[], tolerate: boolean): void {
    const commands = all.flatMap(({ args, targetDb }) => {
      this.#ready(targetDb);
      const plan = this.#planForLanes(args);
      return plan === undefined ? [] : [{ args, plan, tolerate }];
    });
    if (commands.some((command) => this.#plans.standsAside(command, this.#table))) {
      this.#startAside({ kind: 'carry', commands, offset: this.#commandOffset });
      return;
    }
    for (const { args, plan } of commands) {
      if (this.#inMulti && plan.kind === 'slot') this.#noteSlot(plan.slot);
      if (this.#inMulti && plan.kind === 'parts') for (const part of plan.parts) this.#noteSlot(part.slot);
      if (plan.kind === 'slot') lanes.command(args, plan.slot, this.#commandOffset, tolerate);
      // Any node does; this one is there.
      else if (plan.kind === 'any') lanes.command(args, ANY_SLOT, this.#commandOffset, tolerate);
      else if (plan.kind === 'parts')
        for (const part of plan.parts) lanes.command(part.args, part.slot, this.#commandOffset, tolerate);
    }
  }

  #planForLanes(args: Args): ClusterCommand['plan'] | undefined {
    const action = this.#plans.actionFor(args, this.#table, nameOf(args));
    switch (action.kind) {
      case 'leave-out':
        this.#report(action.report, args);
        return undefined;
      case 'fail':
        throw new ReplicantError('TARGET_REFUSED', action.why, {
          place: { offset: this.#commandOffset },
          hint: '--cross-slot carry, split or skip goes on',
        });
      default:
        return action;
    }
  }

  #emit(args: Args, targetDb: number | undefined, tolerate: boolean): void {
    this.#ready(targetDb);
    if (tolerate) this.#o.out?.tolerate();
    this.#send(args);
    if (this.#o.ownKey !== undefined && isWord(args[0]!, 'SWAPDB')) this.#bringBack(this.#o.ownKey, args);
  }

  /** Before a command: the transaction it belongs to is open, and its database selected. */
  #ready(targetDb: number | undefined): void {
    const { committer } = this.#o;
    if (committer !== undefined) committer.begin();
    else if (this.#inMulti && !this.#multiOpen) this.#openMulti();
    if (targetDb !== undefined) this.#select(targetDb);
    else if (!this.#selective) this.#select(this.#db);
  }

  /** The databases have changed places, and the key that belongs into database 0 went along: the commit renews it. */
  #bringBack(key: Uint8Array, args: Args): void {
    const dbs = args.slice(1, 3).map((arg) => Number(new TextDecoder().decode(arg)));
    const other = dbs.find((db) => db !== 0);
    if (other === undefined || !dbs.includes(0)) return;
    this.#select(other);
    this.#send([DEL, key]);
  }

  #select(db: number): void {
    if (db === this.#targetDb) return;
    // Found out by the target's error, it would be too late: what follows is on its way to the wrong place.
    if (db >= this.#o.targetDatabases)
      throw noSuchDatabase(this.#o.targetDatabases, db, this.#db, { offset: this.#offset });
    this.#targetDb = db;
    this.#send([SELECT, bytesOf(String(db))]);
  }

  #send(args: Args): void {
    this.#o.out?.from(this.#commandOffset);
    this.#o.out?.command(args);
  }

  /** In a transaction of ours whole databases are emptied where it stands; everything else is done beside it. */
  #empty(given: Omit<ClearRequest, 'kind' | 'offset'>): void {
    const request: ClearRequest = { ...given, kind: 'clear', offset: this.#commandOffset };
    const { committer, gate, lanes } = this.#o;
    // Of a shard's slots only; and a cluster's nodes also hold what is ours.
    const matching = request.matching || gate !== undefined || lanes !== undefined;
    if (matching || committer === undefined) {
      this.#startAside({ ...request, matching });
      return;
    }
    const args = request.async ? [FLUSHDB, ASYNC] : [FLUSHDB];
    for (const db of request.targetDbs) this.#emit(args, db, false);
  }

  /** It happens beside the stream, so a transaction must be closed before and opened anew after. */
  #startAside(request: AsideRequest): void {
    if (this.#multiOpen) {
      this.#send(EXEC);
      this.#multiOpen = false;
    }
    this.#aside = request;
  }

  #report(why: string, args: Args): void {
    this.#o.onReport(why, nameOf(args), this.#commandOffset, this.#db);
  }
}

function nameOf(args: Args): string {
  return new TextDecoder('latin1').decode(args[0]).toUpperCase();
}

/** Commands about data, and messages of a slot. */
function hasSlot(found: CommandClass): boolean {
  return found === 'plain' || found === 'look' || found === 'publish';
}
