/**
 * Between the replication link and the pipeline of one target connection: feeds the snapshot to the decoder
 * and the stream to the applier, and knows how far both have got. It lives as long as the target connection
 * does; links may come and go (partial resync).
 */
import type { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { BUILTIN_COMMANDS } from '../keyspace/command-table.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { bytesOf } from '../keyspace/words.js';
import { RdbDecoder } from '../rdb/file-decoder.js';
import type { LinkHandler } from '../replication/link.js';
import type { Position } from '../replication/position.js';
import type { TransferHeader } from '../replication/replies.js';
import type { Capabilities } from '../target/capabilities.js';
import type { Pipeline } from '../target/pipeline.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { type ClearRequest, StreamApplier } from './stream-applier.js';
import type { Tally } from './tally.js';

export interface ReplayOptions {
  readonly pipeline: Pipeline;
  readonly crc: Crc64;
  readonly capabilities: Capabilities;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly tally: Tally;
  readonly clockOffsetMs: number | undefined;
  readonly sourceDatabases: number;
  readonly targetDatabases: number;
  /** The target has keys when the snapshot begins. */
  readonly targetHasKeys: boolean;
  /** Commands that empty the target before a further snapshot; none when its other keys must stay. */
  readonly emptying: readonly (readonly string[])[];
  readonly events: ReplayEvents;
}

export interface ReplayEvents {
  fullResync(position: Position, again: boolean): void;
  continued(replid: string, changed: boolean): void;
  snapshotReceived(): void;
  getAck(offset: number): void;
  clearRequested(request: ClearRequest): void;
  unsupported(error: ReplicantError): void;
  reported(why: string, name: string, offset: number, db: number): void;
}

const STREAM_IN_FLIGHT = 24 * 1024 * 1024;

export class Replay implements LinkHandler {
  readonly #o: ReplayOptions;
  #decoder: RdbDecoder | undefined;
  #writer: SnapshotWriter | undefined;
  #applier: StreamApplier | undefined;
  #replid = '';
  #base = -1;
  #snapshots = 0;
  #clearing = false;
  /** Size of the snapshot; 0 when the source does not say. */
  rdbBytesTotal = 0;
  #ackWanted = -1;

  constructor(options: ReplayOptions) {
    this.#o = options;
  }

  /** Where a new link may go on; undefined when only a full resync will do. */
  get position(): Position | undefined {
    if (this.#applier === undefined || this.#replid === '') return undefined;
    return { replid: this.#replid, offset: this.#applier.offset };
  }

  get replid(): string {
    return this.#replid;
  }

  /** The offset the snapshot includes; -1 before one. */
  get base(): number {
    return this.#base;
  }

  get rdbBytes(): number {
    return this.#decoder?.offset ?? 0;
  }

  get keysHint(): number {
    return this.#writer?.keysHint ?? 0;
  }

  /** Offset behind the last stream byte taken; -1 before the stream. */
  get receivedOffset(): number {
    return this.#applier?.offset ?? -1;
  }

  /** Everything up to here has been answered by the target; -1 while a snapshot is being applied. */
  get appliedOffset(): number {
    const { applied } = this.#o.pipeline;
    return this.#applier === undefined ? -1 : applied;
  }

  /** The target's connection is in the middle of a transaction or a command. */
  get open(): boolean {
    return this.#applier?.open ?? false;
  }

  get streaming(): boolean {
    return this.#applier !== undefined;
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------

  get snapshotDone(): boolean {
    return this.#decoder?.done ?? false;
  }

  get needed(): number {
    return this.#applier?.needed ?? this.#decoder?.needed ?? 0;
  }

  get blocked(): boolean {
    return this.#o.pipeline.blocked || this.#clearing;
  }

  get acknowledged(): number {
    return Math.max(0, this.appliedOffset);
  }

  fullResync(replid: string, offset: number): void {
    if (this.open) {
      throw new ReplicantError(
        'TARGET_UNREACHABLE',
        'the history broke off inside a transaction; starting over',
        {
          hint: 'nothing is to be done',
        },
      );
    }
    this.#replid = replid;
    this.#base = Math.max(0, offset);
    this.#applier = undefined;
    this.#ackWanted = -1;
    this.#o.pipeline.forgetMarks();
    this.#o.events.fullResync({ replid, offset: this.#base }, this.#snapshots > 0);
    if (this.#snapshots > 0) {
      for (const args of this.#o.emptying) this.#o.pipeline.command(args.map((arg) => bytesOf(arg)));
    }
    this.#snapshots++;
    this.#o.tally.fullSyncs++;
    const { pipeline, crc, capabilities, filter, dbMap, tally, clockOffsetMs } = this.#o;
    this.#writer = new SnapshotWriter({
      ...{ out: pipeline, crc, capabilities, filter, dbMap, tally, clockOffsetMs },
      targetDatabases: this.#o.targetDatabases,
      targetHasKeys: this.#o.targetHasKeys,
      onUnsupported: (error) => this.#o.events.unsupported(error),
    });
    this.#decoder = new RdbDecoder(this.#writer, { crc });
  }

  continued(replid: string | undefined): void {
    const changed = replid !== undefined && replid !== this.#replid;
    if (changed) this.#replid = replid;
    this.#applier?.resumed();
    this.#o.tally.partialResyncs++;
    this.#o.events.continued(this.#replid, changed);
  }

  transferHeader(header: TransferHeader): void {
    this.rdbBytesTotal = header.kind === 'sized' ? header.bytes : 0;
  }

  snapshot(bytes: Uint8Array, start: number, end: number): number {
    this.#writer!.tick(Date.now());
    const next = this.#decoder!.feed(bytes, start, end);
    this.#o.tally.bytes += next - start;
    this.#writer!.flush();
    this.#o.pipeline.flush();
    return next;
  }

  snapshotEnd(): void {
    const writer = this.#writer!;
    const { checksum } = writer;
    if (checksum?.state === 'mismatch') {
      throw new ReplicantError(
        'RDB_CORRUPT',
        `the snapshot's checksum is wrong: it says ${checksum.stored}, its bytes give ${checksum.computed}`,
        {
          place: { offset: this.#decoder!.offset },
          hint: 'what the target holds now is not a copy of the source; start again',
        },
      );
    }
    const { pipeline, capabilities, filter, dbMap, tally, clockOffsetMs = 0, sourceDatabases } = this.#o;
    pipeline.maxInFlightBytes = STREAM_IN_FLIGHT;
    this.#applier = new StreamApplier({
      ...{ out: pipeline, capabilities, filter, dbMap, tally, clockOffsetMs, sourceDatabases },
      table: BUILTIN_COMMANDS,
      targetDatabases: this.#o.targetDatabases,
      relativeTtls: writer.writesRelativeTtls,
      offset: this.#base,
      db: writer.streamDb,
      targetDb: writer.targetDb,
      onGetAck: (offset) => {
        this.#ackWanted = offset;
      },
      onReport: (why, name, offset, db) => this.#o.events.reported(why, name, offset, db),
    });
    pipeline.flush(this.#base);
    this.#o.events.snapshotReceived();
  }

  stream(bytes: Uint8Array, start: number, end: number): number {
    const applier = this.#applier!;
    const next = applier.feed(bytes, start, end, Date.now());
    this.#o.tally.bytes += next - start;
    if (this.#ackWanted >= 0) this.applied();
    if (applier.clear !== undefined && !this.#clearing) {
      this.#clearing = true;
      this.#o.events.clearRequested(applier.clear);
    }
    return next;
  }

  // ---- the pipeline's news -----------------------------------------------------------------------------

  /** The applied offset has moved: a GETACK that waited for it is answered. */
  applied(): void {
    if (this.#ackWanted < 0 || this.appliedOffset < this.#ackWanted) return;
    const offset = this.#ackWanted;
    this.#ackWanted = -1;
    this.#o.events.getAck(offset);
  }

  /** The databases have been emptied: the stream goes on. */
  cleared(): void {
    this.#clearing = false;
    this.#applier?.cleared();
  }
}
