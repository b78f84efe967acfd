/**
 * RESTORE in the stream carries what some server dumped: a footer version that the target may refuse, a type
 * that it may not know. The payload becomes one that the target takes:
 *
 *   as it is       type and footer are taken
 *   new footer     the type is taken: version 6, which every server takes, or 80 where the type needs it
 *   re-encoded     by the converter that also makes files for other versions
 *
 * HIMPORT of Redis 8.10 sends payloads whose checksum is zero, which only replicas take; it is filled in.
 */
import { ReplicantError } from '../../errors.js';
import {
  decodeDumpPayload,
  type DumpPayload,
  encodeDumpPayload,
  UNIVERSAL_VERSION,
  writeFooter,
} from '../../rdb/dump-payload.js';
import { lacksModule, moduleTypeName } from '../../rdb/encode/module-home.js';
import { LOSS_TEXTS, remarkableLosses, type ValueLosses } from '../../rdb/encode/losses.js';
import { ValueConverter } from '../../rdb/encode/value-converter.js';
import { valueTypes } from '../../rdb/value-types.js';
import type { TargetAbilities } from './abilities.js';

export type PayloadForm =
  | { readonly kind: 'payload'; readonly bytes: Uint8Array; readonly report?: string }
  /** A collection without elements: there is no such key. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'unsupported'; readonly why: string };

const FOOTER_BYTES = 10;
const VALKEY_FOOTER = 80;
const VALKEY_HASH_2 = 22;

export class PayloadConverter {
  readonly #can: TargetAbilities;
  #converter: ValueConverter | undefined;

  constructor(can: TargetAbilities) {
    this.#can = can;
  }

  convert(sent: Uint8Array): PayloadForm {
    const payload = withChecksum(sent);
    let parts: DumpPayload;
    try {
      parts = decodeDumpPayload(payload);
    } catch (error) {
      // Nobody here can take it apart: the target may know better.
      if (error instanceof ReplicantError) return { kind: 'payload', bytes: payload };
      throw error;
    }
    const why = this.#lacksModule(payload, parts);
    if (why !== undefined) return { kind: 'unsupported', why };
    const losesMeta = parts.keyMetaEnd > 0 && !this.#can.keyMetadata;
    if (!this.#can.acceptsType(parts.type, parts.dialect)) return this.#reencode(payload, parts, losesMeta);
    if (this.#can.acceptsFooter(parts.version) && !losesMeta) return { kind: 'payload', bytes: payload };
    const value = payload.subarray(parts.valueStart, parts.valueEnd);
    const meta = losesMeta ? undefined : payload.subarray(0, parts.keyMetaEnd);
    const version = footerOf(parts.type, parts.dialect === 'valkey');
    return this.#made(encodeDumpPayload(parts.type, value, version, meta), losesMeta);
  }

  #lacksModule(payload: Uint8Array, { type, dialect, valueStart }: DumpPayload): string | undefined {
    if (valueTypes(dialect)[type]?.kind !== 'module') return undefined;
    const name = moduleTypeName(payload, valueStart);
    const known = lacksModule(this.#can.server, name) === undefined && this.#can.acceptsType(type, dialect);
    return known ? undefined : `values of the module type ${name}`;
  }

  #reencode(payload: Uint8Array, parts: DumpPayload, losesMeta: boolean): PayloadForm {
    const type = valueTypes(parts.dialect)[parts.type];
    if (type === undefined) return { kind: 'unsupported', why: `value type ${parts.type}` };
    this.#converter ??= new ValueConverter(this.#can.server, { compress: true });
    const made = this.#converter.convert(type, parts.dialect, payload, parts.valueStart, parts.valueEnd);
    switch (made.kind) {
      case 'same':
        return { kind: 'unsupported', why: `value type ${parts.type}` };
      case 'converted': {
        const version = footerOf(made.type, this.#can.server.family === 'valkey');
        return this.#made(encodeDumpPayload(made.type, made.bytes, version), losesMeta, made.losses);
      }
      default:
        return made;
    }
  }

  #made(bytes: Uint8Array, losesMeta: boolean, losses?: Readonly<ValueLosses>): PayloadForm {
    const lost = losses === undefined ? [] : remarkableLosses(losses).map(([kind]) => LOSS_TEXTS[kind]);
    if (losesMeta) lost.push('metadata of modules');
    if (lost.length === 0) return { kind: 'payload', bytes };
    return { kind: 'payload', bytes, report: `the target can't hold ${lost.join(', ')}` };
  }
}

function footerOf(type: number, valkey: boolean): number {
  return valkey && type === VALKEY_HASH_2 ? VALKEY_FOOTER : UNIVERSAL_VERSION;
}

function withChecksum(payload: Uint8Array): Uint8Array {
  if (payload.length <= FOOTER_BYTES || payload.subarray(-8).some((byte) => byte !== 0)) return payload;
  const whole = new Uint8Array(payload);
  const bodyEnd = whole.length - FOOTER_BYTES;
  writeFooter(whole, bodyEnd, whole[bodyEnd]! | (whole[bodyEnd + 1]! << 8));
  return whole;
}

/** A payload with a footer the target takes; FUNCTION RESTORE has the same one. */
export function refooted(payload: Uint8Array, can: TargetAbilities): Uint8Array {
  const bodyEnd = payload.length - FOOTER_BYTES;
  if (bodyEnd < 0 || can.acceptsFooter(payload[bodyEnd]! | (payload[bodyEnd + 1]! << 8))) return payload;
  const whole = new Uint8Array(payload);
  writeFooter(whole, bodyEnd, UNIVERSAL_VERSION);
  return whole;
}
