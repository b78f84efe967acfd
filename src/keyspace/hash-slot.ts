/**
 * The cluster slot of a key that stands in the middle of a buffer: CRC16/XMODEM (polynomial 0x1021, init 0, not
 * reflected; crc("123456789") = 0x31c3) modulo 16384 of its hashed part. That is what stands between the first
 * `{` and the next `}` behind it, if at least one byte does, else the whole key.
 *
 * For the stream's path: no view, no string is made. Four bytes are summed at a time, as each step has to wait
 * for the one before.
 */

const LEFT_BRACE = 0x7b;
const RIGHT_BRACE = 0x7d;
const POLYNOMIAL = 0x1021;
const SLOT_MASK = 0x3fff;

/** tables[256 * k + b]: the CRC of byte b followed by k zero bytes. */
const tables: Uint16Array = buildTables();

function buildTables(): Uint16Array {
  const out = new Uint16Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ POLYNOMIAL;
    out[byte] = crc;
  }
  for (let at = 256; at < out.length; at++) {
    const before = out[at - 256]!;
    out[at] = (before << 8) ^ out[before >> 8]!;
  }
  return out;
}

/** The slot of the key bytes[start, end). */
export function hashSlot(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] === LEFT_BRACE) return taggedSlot(bytes, start, end, at + 1);
  }
  return crc16(bytes, start, end) & SLOT_MASK;
}

/** `tag` stands behind the first brace. */
function taggedSlot(bytes: Uint8Array, start: number, end: number, tag: number): number {
  let stop = tag;
  while (stop < end && bytes[stop] !== RIGHT_BRACE) stop++;
  return (stop === end || stop === tag ? crc16(bytes, start, end) : crc16(bytes, tag, stop)) & SLOT_MASK;
}

function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc =
      tables[768 + (bytes[at]! ^ (crc >> 8))]! ^
      tables[512 + (bytes[at + 1]! ^ (crc & 255))]! ^
      tables[256 + bytes[at + 2]!]! ^
      tables[bytes[at + 3]!]!;
  }
  for (; at < end; at++) crc = ((crc << 8) & 0xffff) ^ tables[bytes[at]! ^ (crc >> 8)]!;
  return crc;
}
