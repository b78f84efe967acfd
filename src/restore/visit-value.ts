/** Tells a visitor what is in a value that was put together whole. */
import type { RdbValue } from '../rdb/value.js';
import type { ValueVisitor } from '../rdb/value-visitor.js';

export function visitValue(value: RdbValue, visitor: ValueVisitor): void {
  switch (value.kind) {
    case 'string':
      visitor.stringStart(value.bytes.length);
      if (value.bytes.length > 0) visitor.stringChunk(value.bytes);
      return;
    case 'list':
      for (const item of value.items) visitor.listItem(item);
      return;
    case 'set':
      for (const member of value.members) visitor.setMember(member);
      return;
    case 'zset':
      for (const { member, score } of value.members) visitor.zsetMember(member, score);
      return;
    case 'hash':
      for (const { field, value: text, expiresAtMs } of value.fields)
        visitor.hashField(field, text, expiresAtMs);
      return;
    case 'stream':
      for (const { id, fields } of value.entries) visitor.streamEntry(id, fields);
      visitor.streamMeta(value.meta);
      for (const group of value.groups) visitor.streamGroup(group);
      return;
    default:
      visitor.moduleValue(value.moduleId, value.payload);
  }
}
