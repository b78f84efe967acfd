/** Scores of sorted sets: binary64 LE in type 5; in type 3 one byte L and L characters of text. */
import type { ByteWriter } from './byte-writer.js';

const PLUS_INFINITY = 254;
const MINUS_INFINITY = 255;

export function writeScore(out: ByteWriter, score: number, form: 3 | 5): void {
  if (form === 5) {
    out.f64(score);
  } else if (score === Infinity) {
    out.byte(PLUS_INFINITY);
  } else if (score === -Infinity) {
    out.byte(MINUS_INFINITY);
  } else {
    // The shortest text that reads back as the same double.
    const text = Object.is(score, -0) ? '-0' : String(score);
    out.byte(text.length);
    out.ascii(text);
  }
}
