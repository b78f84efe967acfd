/**
 * Makes an RDB file of values, for those who have them in memory: tests, tools, users of the library.
 *
 *   encodeRdb([{ key, value: { kind: 'string', bytes } }], { server: parseServerName('redis-7.2') })
 *
 * Every value is written in the oldest form that the server has for its kind, so newer ones load it as well.
 */
import { ReplicantError } from '../../errors.js';
import { formatFor, type ServerIdentity } from '../server-support.js';
import type { RdbValue } from '../value.js';
import type { ValueVisitor } from '../value-visitor.js';
import { ByteWriter, type ByteSink } from './byte-writer.js';
import { RdbFileWriter } from './file-writer.js';
import { formsOf } from './forms.js';
import { listLosses, LOSS_TEXTS } from './losses.js';
import { ValueEncoder } from './value-encoder.js';

export interface RdbKey {
  /** Default 0. */
  readonly db?: number;
  readonly key: Uint8Array;
  readonly value: RdbValue;
  /** Absolute, in ms. */
  readonly expiresAtMs?: number;
  readonly idleSeconds?: number;
  readonly lfuFrequency?: number;
}

export interface EncodeRdbOptions {
  /** Which server is to load it; default Redis 7.0. */
  readonly server?: ServerIdentity;
  /** Compress strings that gain by it; default false. */
  readonly compress?: boolean;
  /** Texts to stand in front, such as redis-ver. */
  readonly aux?: Readonly<Record<string, string>>;
}

const DEFAULT_SERVER: ServerIdentity = { family: 'redis', version: [7, 0, 0] };

/** The whole file. What the server can't hold is an error. */
export function encodeRdb(keys: Iterable<RdbKey>, options: EncodeRdbOptions = {}): Uint8Array {
  const out = new ByteWriter();
  writeRdb(keys, (bytes) => out.raw(bytes), options);
  return out.view();
}

/** The same piece by piece; keys of one database should follow each other. */
export function writeRdb(keys: Iterable<RdbKey>, sink: ByteSink, options: EncodeRdbOptions = {}): void {
  const server = options.server ?? DEFAULT_SERVER;
  const writer = new RdbFileWriter(sink, formatFor(server));
  const encoder = new ValueEncoder(formsOf(server), { compress: options.compress ?? false });
  const text = new TextEncoder();
  for (const [name, value] of Object.entries(options.aux ?? {})) {
    writer.aux(text.encode(name), text.encode(value));
  }
  for (const key of keys) {
    encoder.begin(key.value.kind);
    visitValue(key.value, encoder);
    const { type, bytes, losses } = encoder.finish();
    const [lost] = listLosses(losses);
    if (lost !== undefined) {
      throw new ReplicantError('RDB_UNSUPPORTED', `the server has no place for ${LOSS_TEXTS[lost[0]]}`);
    }
    writer.entry(key.db ?? 0, recordOf(key), type, bytes, 0, bytes.length);
  }
  writer.end();
}

function recordOf({ key, expiresAtMs = -1, idleSeconds = -1, lfuFrequency = -1 }: RdbKey): {
  keyBytes: Uint8Array;
  keyStart: number;
  keyEnd: number;
  expiresAtMs: number;
  idleSeconds: number;
  lfuFrequency: number;
} {
  return { keyBytes: key, keyStart: 0, keyEnd: key.length, expiresAtMs, idleSeconds, lfuFrequency };
}

/** Tells a visitor what is in a value. */
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
