/** Replies that are lists of names and values in turn, as RESP2 has maps. */
import { type Reply, replyText } from '../resp/reply-decoder.js';

export function replyList(reply: Reply | undefined): readonly Reply[] | undefined {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : undefined;
}

/** Undefined when it is no such list. */
export function replyFields(reply: Reply | undefined): ReadonlyMap<string, Reply> | undefined {
  const items = replyList(reply);
  if (items === undefined || items.length % 2 !== 0) return undefined;
  const fields = new Map<string, Reply>();
  for (let at = 0; at < items.length; at += 2) {
    const name = replyText(items[at]!);
    if (name === undefined) return undefined;
    fields.set(name, items[at + 1]!);
  }
  return fields;
}

export function textField(fields: ReadonlyMap<string, Reply> | undefined, name: string): string | undefined {
  const value = fields?.get(name);
  if (typeof value === 'number') return String(value);
  return value === undefined ? undefined : replyText(value);
}
