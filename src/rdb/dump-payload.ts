/**
 * What DUMP answers and RESTORE takes.
 *
 *   [f3 … KEY_META, Redis 8.6], type byte, value, [bytes that servers ignore], u16 LE version, u64 LE CRC64
 *
 * The CRC is over everything before it. Servers compare the version with their own but never with the type
 * byte, so a payload we make says 6: the one version that every server from 2.6 to Valkey 9.1 accepts. But
 * the version also tells the dialect (80 and up: Valkey), so what a server dumped keeps its footer.
 */
import { crc64, formatCrc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { corrupt } from './encodings/corrupt.js';
import { type Dialect, dialectOfFooter } from './dialect.js';
import { u16le, u32le } from './encodings/packed-cursor.js';
import { INCOMPLETE } from './primitives.js';
import { skipKeyMeta } from './skip-record.js';
import { ValueSkipper } from './skip-value.js';
import { describeType, valueTypes } from './value-types.js';

/** Accepted by every server. */
export const UNIVERSAL_VERSION = 6;

const VERSION_BYTES = 2;
const FOOTER_BYTES = 10;
const OP_KEY_META = 0xf3;

export interface DumpPayload {
  readonly type: number;
  readonly dialect: Dialect;
  readonly version: number;
  /** A KEY_META block takes bytes[0, keyMetaEnd); 0: there is none. */
  readonly keyMetaEnd: number;
  /** The value is bytes[valueStart, valueEnd). */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** Bytes between value and footer, which servers ignore (KeyDB puts an AUX record there). */
  readonly ignoredBytes: number;
}

/** Wraps a value as it stands in a file. `keyMeta` is a KEY_META block with its opcode. */
export function encodeDumpPayload(
  type: number,
  valueBytes: Uint8Array,
  version: number = UNIVERSAL_VERSION,
  keyMeta: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bodyEnd = keyMeta.length + 1 + valueBytes.length;
  const out = new Uint8Array(bodyEnd + FOOTER_BYTES);
  out.set(keyMeta);
  out[keyMeta.length] = type;
  out.set(valueBytes, keyMeta.length + 1);
  writeFooter(out, bodyEnd, version);
  return out;
}

/** Writes the footer behind the `bodyEnd` bytes of a payload. */
export function writeFooter(payload: Uint8Array, bodyEnd: number, version: number): void {
  payload[bodyEnd] = version & 0xff;
  payload[bodyEnd + 1] = version >> 8;
  const { lo, hi } = crc64(payload, 0, bodyEnd + VERSION_BYTES);
  for (let byte = 0; byte < 4; byte++) {
    payload[bodyEnd + 2 + byte] = lo >>> (8 * byte);
    payload[bodyEnd + 6 + byte] = hi >>> (8 * byte);
  }
}

/** Checks the footer and returns the version. The payload's body ends ten bytes before its end. */
export function checkFooter(bytes: Uint8Array): number {
  if (bytes.length <= FOOTER_BYTES) {
    throw new ReplicantError('RDB_TRUNCATED', `a DUMP payload of ${bytes.length} bytes`, {
      place: { offset: bytes.length },
    });
  }
  const at = bytes.length - 8;
  const { lo, hi } = crc64(bytes, 0, at);
  const storedLo = u32le(bytes, at);
  const storedHi = u32le(bytes, at + 4);
  if (storedLo !== lo >>> 0 || storedHi !== hi >>> 0) {
    const [stored, computed] = [formatCrc64(storedLo, storedHi), formatCrc64(lo, hi)];
    throw corrupt(`a DUMP payload whose checksum is ${computed}, not ${stored} as it says`, at);
  }
  return u16le(bytes, at - VERSION_BYTES);
}

/** Takes a payload apart; the value itself is not looked into. */
export function decodeDumpPayload(bytes: Uint8Array): DumpPayload {
  const version = checkFooter(bytes);
  const dialect = dialectOfFooter(version);
  const bodyEnd = bytes.length - FOOTER_BYTES;
  const keyMetaEnd = dialect === 'redis' && bytes[0] === OP_KEY_META ? skipKeyMeta(bytes, 1, bodyEnd) : 0;
  if (keyMetaEnd === INCOMPLETE || keyMetaEnd >= bodyEnd) {
    throw corrupt('a DUMP payload that ends inside its key metadata', bodyEnd);
  }
  const type = bytes[keyMetaEnd]!;
  const valueStart = keyMetaEnd + 1;
  const valueEnd = findValueEnd(type, dialect, bytes, valueStart, bodyEnd);
  return { type, dialect, version, keyMetaEnd, valueStart, valueEnd, ignoredBytes: bodyEnd - valueEnd };
}

function findValueEnd(id: number, dialect: Dialect, bytes: Uint8Array, start: number, end: number): number {
  const type = valueTypes(dialect)[id];
  if (type === undefined) {
    throw new ReplicantError('RDB_UNSUPPORTED', `can't take apart ${describeType(id, dialect)}`, {
      place: { offset: start - 1 },
      hint: 'the payload as a whole can still be given to a server that knows the type',
    });
  }
  const valueEnd = new ValueSkipper(type).find(bytes, start, end);
  if (valueEnd === INCOMPLETE) throw corrupt('a DUMP payload whose value goes beyond its end', end);
  return valueEnd;
}
