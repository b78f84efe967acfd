/** What stands behind a stream's entries, in the lossless form. */
import type {
  StreamConsumer,
  StreamGroup,
  StreamId,
  StreamMeta,
  StreamPending,
} from '../rdb/value-visitor.js';
import { writeJsonText } from './json-text.js';
import type { Output } from './output.js';

export function streamIdText({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

/** Up to and including the opening of the list of groups. */
export function writeStreamMeta(out: Output, meta: StreamMeta): void {
  const { length, lastId, firstId, maxDeletedId } = meta;
  // Servers before 7.0 did not count; one that loads this is to guess as it would from their file.
  const entriesAdded = meta.exact ? meta.entriesAdded : null;
  out.ascii(`,"length":${length},"lastId":"${streamIdText(lastId)}","firstId":"${streamIdText(firstId)}"`);
  out.ascii(`,"maxDeletedId":"${streamIdText(maxDeletedId)}","entriesAdded":${entriesAdded},"groups":[`);
}

export function writeStreamGroup(out: Output, group: StreamGroup): void {
  out.ascii('{"name":');
  writeText(out, group.name);
  out.ascii(`,"lastId":"${streamIdText(group.lastId)}","entriesRead":${group.entriesRead ?? 'null'}`);
  out.ascii(',"consumers":[');
  group.consumers.forEach((consumer, index) => writeConsumer(out, consumer, index));
  out.ascii('],"pending":[');
  group.pending.forEach((pending, index) => writePending(out, pending, index));
  out.ascii(']}');
}

function writeConsumer(out: Output, { name, seenTimeMs, activeTimeMs }: StreamConsumer, index: number): void {
  out.ascii(index > 0 ? ',{"name":' : '{"name":');
  writeText(out, name);
  out.ascii(`,"seenTime":${seenTimeMs},"activeTime":${activeTimeMs}}`);
}

function writePending(out: Output, pending: StreamPending, index: number): void {
  const { id, consumer, deliveryTimeMs, deliveryCount } = pending;
  out.ascii(`${index > 0 ? ',' : ''}{"id":"${streamIdText(id)}","consumer":`);
  // Given back with XNACK: no one owns it.
  if (consumer === undefined) out.ascii('null');
  else writeText(out, consumer);
  out.ascii(`,"deliveryTime":${deliveryTimeMs},"deliveryCount":${deliveryCount}}`);
}

function writeText(out: Output, bytes: Uint8Array): void {
  writeJsonText(out, bytes, 0, bytes.length, 'lossless');
}
