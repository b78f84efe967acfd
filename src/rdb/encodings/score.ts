/**
 * Scores written as text: in ziplists and listpacks, and in sorted sets of type 3. The servers print with
 * `%.17g` or shorter and read with strtod; NaN is never a score.
 */
import { corrupt } from './corrupt.js';

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITY = /^([+-]?)inf(?:inity)?$/i;
/** No double needs more digits than this; longer text is not from a server. */
const LONGEST_TEXT = 400;
/** Up to 15 digits and 10^22 are exact in a double, so one division rounds correctly. */
const EXACT_DIGITS = 15;

export function parseScore(bytes: Uint8Array, start: number, end: number): number {
  const quick = parseShortDecimal(bytes, start, end);
  if (quick === quick) return quick;
  if (end - start > LONGEST_TEXT) throw corrupt(`a score of ${end - start} characters`, start);
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  if (DECIMAL.test(text)) return Number(text);
  const infinity = INFINITY.exec(text);
  if (infinity !== null) return infinity[1] === '-' ? -Infinity : Infinity;
  throw corrupt(`${JSON.stringify(text)} is not a score`, start);
}

/** `-12.5` and the like, without building a string; NaN when it is anything else. */
function parseShortDecimal(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === 45;
  const first = negative ? start + 1 : start;
  if (end - first > EXACT_DIGITS || first >= end) return NaN;
  let mantissa = 0;
  let point = -1;
  for (let at = first; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (digit === -2 && point < 0 && at > first && at + 1 < end) point = at;
    else return NaN;
  }
  const value = point < 0 ? mantissa : mantissa / 10 ** (end - 1 - point);
  return negative ? -value : value;
}
