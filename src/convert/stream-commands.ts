/**
 * Makes a stream anew by commands, in this order:
 *
 *   XADD key id field value …           per entry, in id order
 *   XGROUP CREATE key _ 0-0 MKSTREAM, XGROUP DESTROY key _        only for a stream without entries
 *   XSETID key last-id [ENTRIESADDED n MAXDELETEDID id]           the options since 7.0
 *   XGROUP CREATE key group last-id [ENTRIESREAD n]               per group; the option since 7.0
 *   XGROUP CREATECONSUMER key group consumer                      since 6.2
 *   XCLAIM key group consumer 0 id… TIME t RETRYCOUNT n FORCE JUSTID    pending entries
 *
 * What commands cannot bring back: seen and active times of consumers, and pending entries whose entry was
 * deleted from the stream: XCLAIM FORCE leaves those out in silence (seen from 6.0 to Valkey 9.1). Before 6.2
 * a consumer without pending entries cannot be created. Pending entries without an owner (XNACK, 8.8+) have no
 * command form here.
 */
import { bytesOf } from '../keyspace/words.js';
import type { StreamGroup, StreamId, StreamMeta, StreamPending } from '../rdb/value-visitor.js';
import { CommandBatch, copyBytes, type BatchLimits, type Emit } from './command-batch.js';

export interface StreamAbilities {
  /** XSETID … ENTRIESADDED MAXDELETEDID and XGROUP CREATE … ENTRIESREAD: 7.0 and up. */
  readonly xsetidFull: boolean;
  /** XGROUP CREATECONSUMER: 6.2 and up. */
  readonly createConsumer: boolean;
}

export interface StreamLosses {
  /** Pending entries that no consumer owns. */
  pendingWithoutOwner: number;
  /** Consumers without pending entries on a target that cannot create them. */
  idleConsumers: number;
}

const words = (text: string): Uint8Array[] => text.split(' ').map((word) => bytesOf(word));
const XADD: Uint8Array = bytesOf('XADD');
const XSETID: Uint8Array = bytesOf('XSETID');
const XCLAIM: Uint8Array = bytesOf('XCLAIM');
const ZERO: Uint8Array = bytesOf('0');
const XGROUP: Uint8Array = bytesOf('XGROUP');
const CREATE: Uint8Array = bytesOf('CREATE');
const DESTROY: Uint8Array = bytesOf('DESTROY');
const CREATECONSUMER: Uint8Array = bytesOf('CREATECONSUMER');

export class StreamCommands {
  readonly #key: Uint8Array;
  readonly #abilities: StreamAbilities;
  readonly #emit: Emit;
  readonly #limits: BatchLimits;
  readonly #losses: StreamLosses;
  #entries = 0;

  constructor(
    key: Uint8Array,
    abilities: StreamAbilities,
    limits: BatchLimits,
    losses: StreamLosses,
    emit: Emit,
  ) {
    this.#key = key;
    this.#abilities = abilities;
    this.#limits = limits;
    this.#losses = losses;
    this.#emit = emit;
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#entries++;
    this.#emit([XADD, this.#key, idBytes(id), ...fields.map(copyBytes)]);
  }

  meta(meta: StreamMeta): void {
    if (this.#entries === 0) {
      this.#emit([XGROUP, CREATE, this.#key, ...words('_ 0-0 MKSTREAM')]);
      this.#emit([XGROUP, DESTROY, this.#key, ...words('_')]);
    }
    const counters =
      meta.exact && this.#abilities.xsetidFull
        ? words(`ENTRIESADDED ${meta.entriesAdded} MAXDELETEDID ${idText(meta.maxDeletedId)}`)
        : [];
    this.#emit([XSETID, this.#key, idBytes(meta.lastId), ...counters]);
  }

  group(group: StreamGroup): void {
    const name = copyBytes(group.name);
    const read = this.#abilities.xsetidFull ? group.entriesRead : undefined;
    const counter = read === undefined ? [] : words(`ENTRIESREAD ${read}`);
    this.#emit([XGROUP, CREATE, this.#key, name, idBytes(group.lastId), ...counter]);
    this.#consumers(group, name);
    this.#pending(group, name);
  }

  #consumers(group: StreamGroup, name: Uint8Array): void {
    if (this.#abilities.createConsumer) {
      for (const consumer of group.consumers) {
        this.#emit([XGROUP, CREATECONSUMER, this.#key, name, copyBytes(consumer.name)]);
      }
      return;
    }
    const busy = new Set(
      group.pending.map(({ consumer }) => (consumer === undefined ? '' : latin1(consumer))),
    );
    this.#losses.idleConsumers += group.consumers.filter(
      (consumer) => !busy.has(latin1(consumer.name)),
    ).length;
  }

  /** Ids share a command when consumer, time and count are the same, as after one XREADGROUP. */
  #pending(group: StreamGroup, name: Uint8Array): void {
    const alike = new Map<string, StreamPending[]>();
    for (const entry of group.pending) {
      if (entry.consumer === undefined) {
        this.#losses.pendingWithoutOwner++;
        continue;
      }
      const sameAs = `${entry.deliveryTimeMs} ${entry.deliveryCount} ${latin1(entry.consumer)}`;
      const entries = alike.get(sameAs);
      if (entries === undefined) alike.set(sameAs, [entry]);
      else entries.push(entry);
    }
    const batch = new CommandBatch(this.#emit, this.#limits);
    for (const entries of alike.values()) {
      const { consumer, deliveryTimeMs, deliveryCount } = entries[0]!;
      batch.begin(
        [XCLAIM, this.#key, name, copyBytes(consumer!), ZERO],
        words(`TIME ${deliveryTimeMs} RETRYCOUNT ${deliveryCount} FORCE JUSTID`),
      );
      for (const { id } of entries) batch.add(idBytes(id));
    }
    batch.flush();
  }
}

function idText(id: StreamId): string {
  return `${id.ms}-${id.seq}`;
}

function idBytes(id: StreamId): Uint8Array {
  return bytesOf(idText(id));
}

/** Bytes as a map key: one character per byte. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
