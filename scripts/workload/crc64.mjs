/** CRC-64 (Jones polynomial, reflected, no final xor), slow and short: for the few DUMP payloads the generators make. */
const POLYNOMIAL = 0x95ac9329ac4bc9b5n;

/** @param {Uint8Array} bytes @returns {bigint} */
export function crc64(bytes) {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ POLYNOMIAL : crc >> 1n;
  }
  return crc;
}

/**
 * The DUMP payload of a string of at most 63 bytes, in RDB version 6, which every server accepts.
 * @param {Buffer} value
 * @returns {Buffer}
 */
export function stringPayload(value) {
  const body = Buffer.concat([Buffer.from([0, value.length]), value, Buffer.from([6, 0])]);
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(crc64(body));
  return Buffer.concat([body, sum]);
}
