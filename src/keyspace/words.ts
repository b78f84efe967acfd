/**
 * Arguments of commands are bytes; names and options are ASCII words in any case. These helpers compare and
 * build them without making strings on the way.
 */

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Is bytes[start, end) the option or name `word` (given in upper case), in whatever case it was sent? */
export function isWord(bytes: Uint8Array, word: string, start = 0, end: number = bytes.length): boolean {
  if (end - start !== word.length) return false;
  for (let at = 0; at < word.length; at++) {
    if (upper(bytes[start + at]!) !== word.charCodeAt(at)) return false;
  }
  return true;
}

export function upper(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) {
    if (a[at] !== b[at]) return false;
  }
  return true;
}

/** Do bytes[start, end) begin with `prefix`? */
export function startsWith(bytes: Uint8Array, prefix: Uint8Array, start: number, end: number): boolean {
  if (end - start < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) {
    if (bytes[start + at] !== prefix[at]) return false;
  }
  return true;
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A non-negative decimal number such as a database index or a count; undefined when it is none. */
export function parseCount(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.length > 15) return undefined;
  let value = 0;
  for (const byte of bytes) {
    if (byte < 0x30 || byte > 0x39) return undefined;
    value = value * 10 + (byte - 0x30);
  }
  return value;
}

const SHOWN_BYTES = 64;

/** A key as it can stand in a message: printable ASCII as it is, other bytes escaped, cut when long. */
export function showKey(key: Uint8Array): string {
  let text = '';
  for (const byte of key.subarray(0, SHOWN_BYTES)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${text}${key.length > SHOWN_BYTES ? '…' : ''}"`;
}
