/**
 * A sorted set's score as servers print it: the shortest text that reads back to the same double (Redis 8;
 * older ones print 17 digits where they are needed), an exponent from 10^17 on, `inf` and `-inf`.
 */
import type { Output } from './output.js';

/** Exponents of ten from which on, and below which, it is written with an exponent. */
const EXPONENT_FROM = 17;
const EXPONENT_BELOW = -6;
/** Up to here a thousandfold is exact enough for the short way. */
const SHORT_BELOW = 1e11;

/**
 * The shortest digits are those of `toExponential`. `String` has the same, but keeps the text of the last
 * numbers in a cache, which with a million different ones costs more memory than everything else here.
 */
export function formatScore(score: number): string {
  if (score === Infinity) return 'inf';
  if (score === -Infinity) return '-inf';
  if (score === 0) return Object.is(score, -0) ? '-0' : '0';
  const text = score.toExponential();
  const e = text.indexOf('e');
  const exponent = Number(text.slice(e + 1));
  if (exponent >= EXPONENT_FROM || exponent < EXPONENT_BELOW) return text;
  const sign = score < 0 ? '-' : '';
  const digits = text.slice(sign.length, e).replace('.', '');
  return sign + placePoint(digits, exponent + 1);
}

/** `digits` with the point behind the first `whole` of them. */
function placePoint(digits: string, whole: number): string {
  if (whole <= 0) return `0.${'0'.repeat(-whole)}${digits}`;
  if (whole >= digits.length) return digits + '0'.repeat(whole - digits.length);
  return `${digits.slice(0, whole)}.${digits.slice(whole)}`;
}

/**
 * Most scores are integers or have up to three decimals. If those read back to the same double they are its
 * shortest text: no two decimals of 15 digits or less are the same double.
 */
export function writeScore(out: Output, score: number): void {
  if ((score | 0) === score && (score !== 0 || !Object.is(score, -0))) {
    out.integer(score);
    return;
  }
  const size = Math.abs(score);
  const thousandth = Math.round(size * 1000);
  if (!(size < SHORT_BELOW) || thousandth / 1000 !== size || size === 0) {
    out.ascii(formatScore(score));
    return;
  }
  const whole = Math.floor(thousandth / 1000);
  if (score < 0) out.byte(45);
  out.integer(whole);
  writeDecimals(out, thousandth - whole * 1000);
}

/** 0 … 999 thousandths, trailing zeros left out. */
function writeDecimals(out: Output, decimals: number): void {
  if (decimals === 0) return;
  const tenth = (decimals / 100) | 0;
  const hundredth = ((decimals / 10) | 0) % 10;
  out.byte(46);
  out.byte(48 + tenth);
  if (decimals % 100 === 0) return;
  out.byte(48 + hundredth);
  if (decimals % 10 !== 0) out.byte(48 + (decimals % 10));
}
