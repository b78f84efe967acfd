/**
 * LZF, the compression of RDB strings (string form 3), whole in memory.
 *
 *   000lllll + l+1 bytes                        literal run of 1 … 32 bytes
 *   nnnddddd dddddddd            n = 1 … 6      copy n+2 bytes from distance d+1 (1 … 8192)
 *   111ddddd nnnnnnnn dddddddd                  copy n+9 bytes; the length byte comes first
 *
 * Source and destination of a copy may overlap: distance 1 repeats one byte. There is no end mark: the
 * lengths stored beside the data must both come out exactly.
 */
import { corrupt } from './corrupt.js';

/** Three bytes make at most 264, so no stream grows more than this. */
const MAX_EXPANSION = 88;
/** Below this a byte loop beats `copyWithin`. */
const LONG_COPY = 48;

/** Refuses a claimed length before anything is allocated for it. */
export function checkLzfLength(fileBytes: number, outBytes: number, at: number): void {
  if (outBytes > fileBytes * MAX_EXPANSION) {
    throw corrupt(`${fileBytes} bytes of LZF can't hold the ${outBytes} bytes they claim`, at);
  }
}

/** Decompresses bytes[start, end), which must make exactly `outLength` bytes. */
export function decompressLzf(
  bytes: Uint8Array,
  start: number,
  end: number,
  outLength: number,
): Uint8Array<ArrayBuffer> {
  checkLzfLength(end - start, outLength, start);
  const out = new Uint8Array(outLength);
  decompressLzfInto(out, bytes, start, end);
  return out;
}

/** The same into memory of the caller, which the output must fill exactly. */
export function decompressLzfInto(out: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
  const outEnd = out.length;
  let from = start;
  let to = 0;
  while (from < end) {
    const at = from;
    const control = bytes[from++]!;
    if (control < 32) {
      const stop = from + control + 1;
      if (stop > end) throw corrupt('an LZF literal run goes beyond its data', at);
      if (to + control >= outEnd) throw tooLong(outEnd, at);
      do out[to++] = bytes[from++]!;
      while (from < stop);
      continue;
    }
    let length = control >> 5;
    if (from + (length === 7 ? 2 : 1) > end) throw corrupt('an LZF reference goes beyond its data', at);
    if (length === 7) length += bytes[from++]!;
    const stop = to + length + 2;
    let source = to - (((control & 31) << 8) | bytes[from++]!) - 1;
    if (source < 0) throw corrupt('an LZF reference points before the start of the output', at);
    if (stop > outEnd) throw tooLong(outEnd, at);
    if (length >= LONG_COPY) {
      copyBack(out, source, to, stop);
      to = stop;
      continue;
    }
    do out[to++] = out[source++]!;
    while (to < stop);
  }
  if (to !== outEnd) throw corrupt(`LZF data makes ${to} bytes instead of ${outEnd}`, end);
}

function tooLong(outLength: number, at: number): Error {
  return corrupt(`LZF data makes more than the ${outLength} bytes it claims`, at);
}

/** Fills out[to, stop) with what starts at `source`, byte by byte where the ranges overlap. */
export function copyBack(out: Uint8Array, source: number, to: number, stop: number): void {
  if (source === to - 1) out.fill(out[source]!, to, stop);
  else if (source + stop - to <= to) out.copyWithin(to, source, source + stop - to);
  else for (let at = to, from = source; at < stop;) out[at++] = out[from++]!;
}
