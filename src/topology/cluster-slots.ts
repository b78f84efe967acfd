/**
 * `CLUSTER SLOTS` (3.0+): for each range its nodes, the primary first,
 *
 *     first last [host port id [name value …]] [host port id …] …
 *
 * Ids come from 4.0 on. Failing replicas, and from 7.0 on those without data, are left out. It serves where the
 * other commands are forbidden; nodes without slots do not appear.
 */
import { type Reply, replyText } from '../resp/reply-decoder.js';
import type { NodeLine } from './cluster-nodes.js';
import { replyFields, replyList, textField } from './reply-fields.js';

/** What `CLUSTER NODES` would have said of them; undefined when it is no such answer. */
export function parseClusterSlots(reply: Reply | undefined): NodeLine[] | undefined {
  const nodes = new Map<string, NodeLine>();
  const ranges = replyList(reply);
  if (ranges === undefined) return undefined;
  for (const range of ranges) {
    const [first, last, ...owners] = replyList(range) ?? [];
    if (typeof first !== 'number' || typeof last !== 'number') return undefined;
    const known = owners.map(parseOwner);
    const primary = known[0];
    if (primary === undefined || !known.every((node) => node !== undefined)) return undefined;
    const before = nodes.get(primary.id)?.slots ?? [];
    nodes.set(primary.id, { ...primary, slots: [...before, [first, last]] });
    for (const replica of known.slice(1)) {
      nodes.set(replica.id, { ...replica, role: 'replica', flags: ['slave'], primaryId: primary.id });
    }
  }
  return [...nodes.values()];
}

function parseOwner(reply: Reply): NodeLine | undefined {
  const [host, port, id, more] = replyList(reply) ?? [];
  if (host === undefined || typeof port !== 'number') return undefined;
  const name = host === null ? '' : (replyText(host) ?? '');
  const known = name === '?' ? (textField(replyFields(more), 'ip') ?? '') : name;
  return {
    id: (id === undefined ? undefined : replyText(id)) ?? `${known}:${port}`,
    ...{ host: known, port, flags: ['master'], role: 'primary', primaryId: undefined },
    ...{ linkUp: true, slots: [], moving: [] },
  };
}
