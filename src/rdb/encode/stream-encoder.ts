/**
 * Writes a stream from its entries (the layout stands in `decode/stream-body.ts`): entries are packed into
 * nodes as servers do, up to 100 entries or 4 KiB each, with the fields of the first as the node's fields.
 */
import { UNKNOWN_READ } from '../decode/stream-groups.js';
import { compareIds } from '../encodings/stream-id.js';
import type { StreamGroup, StreamId, StreamMeta } from '../value-visitor.js';
import { ByteWriter } from './byte-writer.js';
import { ListpackBuilder } from './packed-builders.js';
import type { StringEncoder } from './string-encoder.js';
import type { ValueLosses } from './losses.js';

const NODE_ENTRIES = 100;
const NODE_BYTES = 4096;
const SAME_FIELDS = 2;
export type StreamType = 15 | 19 | 21 | 26 | 27;

interface Entry {
  readonly id: StreamId;
  /** field, value, field, value …, copied. */
  readonly fields: readonly Uint8Array[];
}

export class StreamEncoder {
  readonly #strings: StringEncoder;
  readonly #nodes = new ByteWriter();
  #nodeCount = 0;
  readonly #pack = new ListpackBuilder();
  #open: Entry[] = [];
  #openBytes = 0;
  #meta: StreamMeta | undefined;
  #groups: StreamGroup[] = [];

  constructor(strings: StringEncoder) {
    this.#strings = strings;
  }

  clear(): void {
    this.#nodes.clear();
    this.#nodeCount = 0;
    this.#open = [];
    this.#openBytes = 0;
    this.#meta = undefined;
    this.#groups = [];
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    const size = fields.reduce((sum, part) => sum + part.length + 4, 16);
    if (
      this.#open.length === NODE_ENTRIES ||
      (this.#open.length > 0 && this.#openBytes + size > NODE_BYTES)
    ) {
      this.#closeNode();
    }
    this.#open.push({ id, fields: fields.map((part) => part.slice()) });
    this.#openBytes += size;
  }

  meta(meta: StreamMeta): void {
    this.#meta = meta;
  }

  group(group: StreamGroup): void {
    this.#groups.push(group);
  }

  /** The oldest type that holds all of this stream, or `newest`. */
  typeUpTo(newest: StreamType): StreamType {
    if (newest <= 21) return newest;
    const unowned = this.#groups.some(({ pending }) =>
      pending.some(({ consumer }) => consumer === undefined),
    );
    return unowned ? newest : 21;
  }

  finish(out: ByteWriter, type: StreamType, losses: ValueLosses): void {
    this.#closeNode();
    const meta = this.#meta!;
    out.len(this.#nodeCount);
    out.raw(this.#nodes.view());
    out.len(meta.length);
    writeId(out, meta.lastId);
    if (type >= 19) {
      writeId(out, meta.firstId);
      writeId(out, meta.maxDeletedId);
      out.bigLen(meta.entriesAdded);
    } else if (meta.exact && countersMatter(meta)) {
      losses.streamCounters++;
    }
    out.len(this.#groups.length);
    for (const group of this.#groups) this.#group(out, group, type, losses);
    // No producers; what servers have by default: ids kept for 100 seconds, 100 of each producer.
    if (type >= 26) for (const value of [100, 100, 0, 0, 0]) out.len(value);
  }

  #closeNode(): void {
    const [first] = this.#open;
    if (first === undefined) return;
    const pack = this.#pack;
    const names = first.fields.filter((_, at) => at % 2 === 0);
    pack.clear();
    pack.integer(this.#open.length);
    pack.integer(0);
    pack.integer(names.length);
    for (const name of names) pack.add(name);
    pack.integer(0);
    for (const entry of this.#open) addEntry(pack, entry, first.id, names);
    this.#nodes.len(16);
    writeRawId(this.#nodes, first.id);
    this.#strings.write(this.#nodes, pack.finish());
    this.#nodeCount++;
    this.#open = [];
    this.#openBytes = 0;
  }

  #group(out: ByteWriter, group: StreamGroup, type: number, losses: ValueLosses): void {
    const pending =
      type === 27 ? group.pending : group.pending.filter(({ consumer }) => consumer !== undefined);
    losses.unownedPending += group.pending.length - pending.length;
    this.#strings.write(out, group.name);
    writeId(out, group.lastId);
    if (type >= 19) out.bigLen(group.entriesRead ?? UNKNOWN_READ);
    else if (group.entriesRead !== undefined && group.entriesRead > 0n) losses.streamCounters++;
    out.len(pending.length);
    for (const { id, deliveryTimeMs, deliveryCount } of pending) {
      writeRawId(out, id);
      out.i64(deliveryTimeMs);
      out.len(deliveryCount);
    }
    out.len(group.consumers.length);
    const owned = new Map(group.consumers.map(({ name }) => [latin1(name), [] as StreamId[]]));
    const unowned: StreamId[] = [];
    for (const { id, consumer } of pending) {
      if (consumer === undefined) unowned.push(id);
      else owned.get(latin1(consumer))?.push(id);
    }
    for (const consumer of group.consumers) {
      this.#strings.write(out, consumer.name);
      out.i64(consumer.seenTimeMs);
      if (type >= 21) out.i64(consumer.activeTimeMs);
      else if (consumer.activeTimeMs !== consumer.seenTimeMs) losses.consumerActivity++;
      writeIds(out, owned.get(latin1(consumer.name))!);
    }
    if (type === 27) writeIds(out, unowned);
  }
}

/** Would a server that is not told guess otherwise? */
function countersMatter({ length, maxDeletedId, entriesAdded }: StreamMeta): boolean {
  return entriesAdded !== BigInt(length) || maxDeletedId.ms !== 0n || maxDeletedId.seq !== 0n;
}

function addEntry(
  pack: ListpackBuilder,
  { id, fields }: Entry,
  master: StreamId,
  names: readonly Uint8Array[],
): void {
  const same =
    fields.length === 2 * names.length && names.every((name, at) => sameBytes(name, fields[2 * at]!));
  pack.integer(same ? SAME_FIELDS : 0);
  pack.bigInteger(BigInt.asIntN(64, id.ms - master.ms));
  pack.bigInteger(BigInt.asIntN(64, id.seq - master.seq));
  if (!same) pack.integer(fields.length / 2);
  fields.forEach((part, at) => {
    if (!same || at % 2 === 1) pack.add(part);
  });
  pack.integer(same ? names.length + 3 : fields.length + 4);
}

function writeIds(out: ByteWriter, ids: readonly StreamId[]): void {
  out.len(ids.length);
  for (const id of ids.toSorted(compareIds)) writeRawId(out, id);
}

function writeRawId(out: ByteWriter, { ms, seq }: StreamId): void {
  out.u64be(ms);
  out.u64be(seq);
}

export function writeId(out: ByteWriter, { ms, seq }: StreamId): void {
  out.bigLen(ms);
  out.bigLen(seq);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Bytes as a map key: one character per byte. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
