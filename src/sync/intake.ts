/**
 * From the link into the spool: everything the source sends is taken as it comes, whatever the target is doing.
 * Only a spool that can take no more keeps the link waiting.
 *
 * A snapshot is taken up to its frame's end; whether it is one is found out when it is applied. In the stream
 * every byte counts as a position, so nothing is left out but the newlines a source may send ahead of it.
 */
import { randomBytes } from 'node:crypto';
import type { LinkHandler } from '../replication/link.js';
import { MarkFinder } from '../replication/mark-finder.js';
import type { Position } from '../replication/position.js';
import type { TransferHeader } from '../replication/replies.js';
import type { Spool } from '../spool/spool.js';
import { History } from './history.js';
import type { Tally } from './tally.js';

export interface IntakeEvents {
  /** The source starts over: what was spooled is gone. `before`: where we were in its former history. */
  fullResync(position: Position, before: Position | undefined): void;
  continued(replid: string, changed: boolean): void;
  snapshotReceived(): void;
  /** There are new bytes. */
  received(): void;
}

export interface IntakeOptions {
  readonly spool: Spool;
  readonly tally: Tally;
  /** Offset to acknowledge to the source. */
  readonly acknowledged: () => number;
  readonly events: IntakeEvents;
}

const LF = 10;
const ID_BYTES = 8;

export class Intake implements LinkHandler {
  readonly #o: IntakeOptions;
  /** No byte of the stream has come yet behind the snapshot: a newline there only keeps us patient. */
  #fresh = false;
  #finder: MarkFinder | undefined;
  /** Bytes of a sized snapshot still to come. */
  #left = 0;
  #done = false;
  /** Size of the snapshot; 0 when the source does not say. */
  rdbBytesTotal = 0;

  constructor(options: IntakeOptions) {
    this.#o = options;
  }

  /** Where the next link goes on; undefined when only a full resync will do. */
  get position(): Position | undefined {
    const { stream } = this.#o.spool;
    const { replid } = History.of(stream.meta);
    return !stream.open || replid === '' ? undefined : { replid, offset: stream.end };
  }

  /** A snapshot that a broken link has left unfinished is of no use to anybody. */
  linkLost(): boolean {
    const { snapshot } = this.#o.spool;
    if (!snapshot.open || snapshot.complete) return false;
    snapshot.drop();
    return true;
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------

  get snapshotDone(): boolean {
    return this.#done;
  }

  get needed(): number {
    return 0;
  }

  get blocked(): boolean {
    return this.#o.spool.blocked;
  }

  get acknowledged(): number {
    return this.#o.acknowledged();
  }

  fullResync(replid: string, offset: number): void {
    const base = Math.max(0, offset);
    const { spool, events } = this.#o;
    const before = this.position;
    spool.stream.drop();
    spool.snapshot.begin(
      { ...History.begin(replid).meta, base, id: randomBytes(ID_BYTES).toString('hex') },
      0,
    );
    this.#done = false;
    events.fullResync({ replid, offset: base }, before);
  }

  continued(replid: string | undefined): void {
    const { stream } = this.#o.spool;
    const history = History.of(stream.meta);
    const changed = replid !== undefined && replid !== history.replid;
    if (changed) stream.changeMeta({ ...stream.meta, ...history.continuedAs(replid, stream.end).meta });
    this.#fresh = false;
    this.#o.tally.partialResyncs++;
    this.#o.events.continued(replid ?? history.replid, changed);
  }

  transferHeader(header: TransferHeader): void {
    this.#finder = header.kind === 'marked' ? new MarkFinder(header.mark) : undefined;
    this.#left = header.kind === 'sized' ? header.bytes : 0;
    this.rdbBytesTotal = this.#left;
  }

  snapshot(bytes: Uint8Array, start: number, end: number): number {
    const next = this.#finder?.feed(bytes, start, end) ?? Math.min(end, start + this.#left);
    if (this.#finder === undefined) this.#left -= next - start;
    this.#done = this.#finder?.found ?? this.#left === 0;
    if (next > start) this.#append(this.#o.spool.snapshot, bytes, start, next);
    return next;
  }

  snapshotEnd(): void {
    const { spool, events } = this.#o;
    const { base } = spool.snapshot.meta;
    spool.stream.begin(spool.snapshot.meta, Number(base));
    spool.snapshot.finish();
    this.#fresh = true;
    events.snapshotReceived();
  }

  stream(bytes: Uint8Array, start: number, end: number): number {
    let from = start;
    if (this.#fresh) {
      while (from < end && bytes[from] === LF) from++;
      if (from === end) return end;
      this.#fresh = false;
    }
    this.#append(this.#o.spool.stream, bytes, from, end);
    return end;
  }

  #append(log: Spool['stream'], bytes: Uint8Array, start: number, end: number): void {
    log.append(bytes, start, end, Date.now());
    this.#o.tally.bytes += end - start;
    this.#o.events.received();
  }
}
