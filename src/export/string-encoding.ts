/**
 * How a server holds a string in memory, which is not what the file says: `int` for the decimal text of a
 * 64-bit integer, `embstr` up to 44 bytes (since 3.2; 39 before; Valkey 9 also embeds longer ones beside a
 * short key), else `raw`.
 */
const EMBSTR_MOST = 44;
const MINUS = 45;
const ZERO = 48;
/** The digits of 2^63; one less is the largest positive. */
const LIMIT = '9223372036854775808';

export function stringEncoding(bytes: Uint8Array, start: number, end: number): 'int' | 'embstr' | 'raw' {
  const length = end - start;
  if (length > EMBSTR_MOST) return 'raw';
  return isInteger(bytes, start, end) ? 'int' : 'embstr';
}

/** Of a string that the file has compressed, which servers only do with more than 20 bytes: no integer. */
export function compressedEncoding(length: number): 'embstr' | 'raw' {
  return length > EMBSTR_MOST ? 'raw' : 'embstr';
}

/** Canonical: no leading zeros, no plus, not `-0`. */
function isInteger(bytes: Uint8Array, start: number, end: number): boolean {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  const digits = end - first;
  if (digits < 1 || digits > LIMIT.length) return false;
  if (bytes[first] === ZERO) return digits === 1 && !negative;
  for (let at = first; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return false;
  }
  if (digits < LIMIT.length) return true;
  const text = String.fromCharCode(...bytes.subarray(first, end));
  return negative ? text <= LIMIT : text < LIMIT;
}
