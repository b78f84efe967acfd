/** What an older server can hold of a value, worked out on the value itself. */
import type { ValueForms } from '../../src/rdb/encode/forms.js';
import type { ValueLosses } from '../../src/rdb/encode/losses.js';
import type { RdbValue } from '../../src/rdb/value.js';
import type { StreamGroup } from '../../src/rdb/value-visitor.js';

/** One of each kind of target. */
export const SERVER_NAMES = [
  ...[
    'redis-2.8',
    'redis-3.2',
    'redis-4.0',
    'redis-5.0',
    'redis-6.2',
    'redis-7.0',
    'redis-7.2',
    'redis-7.4',
    'redis-8.0',
  ],
  ...['redis-8.6', 'redis-8.8', 'valkey-7.2', 'valkey-8.1', 'valkey-9.1'],
] as const;

export interface Downgraded {
  readonly value: RdbValue;
  /** Those that are not 0. */
  readonly losses: Partial<ValueLosses>;
}

export function withoutNews(value: RdbValue, forms: ValueForms): Downgraded {
  if (value.kind === 'hash' && forms.timedHash === undefined) {
    const fieldTtls = value.fields.filter(({ expiresAtMs }) => expiresAtMs >= 0).length;
    const fields = value.fields.map((field) => ({ ...field, expiresAtMs: -1 }));
    return { value: { kind: 'hash', fields }, losses: fieldTtls > 0 ? { fieldTtls } : {} };
  }
  return value.kind === 'stream' ? olderStream(value, forms.stream ?? 15) : { value, losses: {} };
}

type Stream = Extract<RdbValue, { kind: 'stream' }>;

function olderStream(value: Stream, type: number): Downgraded {
  const losses = { unownedPending: 0, consumerActivity: 0, streamCounters: 0 };
  const { length, maxDeletedId, entriesAdded, exact } = value.meta;
  const zero = { ms: 0n, seq: 0n };
  if (type < 19 && exact && (entriesAdded !== BigInt(length) || maxDeletedId.ms + maxDeletedId.seq > 0n)) {
    losses.streamCounters++;
  }
  const olderMeta = {
    ...value.meta,
    firstId: value.entries[0]?.id ?? zero,
    maxDeletedId: zero,
    entriesAdded: BigInt(length),
    exact: false,
  };
  const groups = value.groups.map((group) => olderGroup(group, type, losses));
  const found = Object.fromEntries(Object.entries(losses).filter(([, count]) => count > 0));
  return { value: { ...value, meta: type < 19 ? olderMeta : value.meta, groups }, losses: found };
}

function olderGroup(group: StreamGroup, type: number, losses: Record<string, number>): StreamGroup {
  const pending =
    type === 27 ? group.pending : group.pending.filter(({ consumer }) => consumer !== undefined);
  losses['unownedPending']! += group.pending.length - pending.length;
  if (type < 19 && (group.entriesRead ?? 0n) > 0n) losses['streamCounters']!++;
  const consumers = group.consumers.map((consumer) => {
    if (type >= 21) return consumer;
    if (consumer.activeTimeMs !== consumer.seenTimeMs) losses['consumerActivity']!++;
    return { ...consumer, activeTimeMs: consumer.seenTimeMs };
  });
  return { ...group, pending, consumers, entriesRead: type < 19 ? undefined : group.entriesRead };
}
