import type { RdbValue } from '../../src/rdb/value.js';
import type { StreamId } from '../../src/rdb/value-visitor.js';
import { readable } from './rdb-hex.js';

/** A value in a form that can be written down in a test. */
export function plainValue(value: RdbValue): unknown {
  switch (value.kind) {
    case 'string':
      return readable(value.bytes);
    case 'list':
      return value.items.map(readable);
    case 'set':
      return new Set(value.members.map(readable));
    case 'zset':
      return value.members.map(({ member, score }) => [readable(member), score]);
    case 'hash':
      return value.fields.map(({ field, value: text, expiresAtMs }) =>
        expiresAtMs < 0 ? [readable(field), readable(text)] : [readable(field), readable(text), expiresAtMs],
      );
    case 'stream':
      return plainStream(value);
    default:
      return { module: value.moduleId, payload: value.payload };
  }
}

function plainStream(value: Extract<RdbValue, { kind: 'stream' }>): unknown {
  const { meta } = value;
  return {
    entries: value.entries.map(({ id, fields }) => [plainId(id), ...fields.map(readable)]),
    meta: {
      ...meta,
      lastId: plainId(meta.lastId),
      firstId: plainId(meta.firstId),
      maxDeletedId: plainId(meta.maxDeletedId),
    },
    groups: value.groups.map((group) => ({
      name: readable(group.name),
      lastId: plainId(group.lastId),
      entriesRead: group.entriesRead,
      consumers: group.consumers.map(({ name, seenTimeMs, activeTimeMs }) => [
        readable(name),
        seenTimeMs,
        activeTimeMs,
      ]),
      pending: group.pending.map(({ id, consumer, deliveryTimeMs, deliveryCount }) => [
        plainId(id),
        consumer && readable(consumer),
        deliveryTimeMs,
        deliveryCount,
      ]),
    })),
  };
}

function plainId({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}
