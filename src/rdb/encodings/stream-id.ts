/**
 * Stream ids: two u64, milliseconds and a sequence number. As 16 raw bytes both are big-endian.
 */
import type { StreamId } from '../value-visitor.js';

export const ZERO_ID: StreamId = { ms: 0n, seq: 0n };

export const ID_BYTES = 16;

export function readStreamId(bytes: Uint8Array, at: number): StreamId {
  return { ms: u64be(bytes, at), seq: u64be(bytes, at + 8) };
}

/** Negative, zero or positive: a before, equal to or after b. */
export function compareIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  if (a.seq === b.seq) return 0;
  return a.seq < b.seq ? -1 : 1;
}

export function formatId(id: StreamId): string {
  return `${id.ms}-${id.seq}`;
}

function u64be(bytes: Uint8Array, at: number): bigint {
  const high = u32be(bytes, at);
  const low = u32be(bytes, at + 4);
  if (high < 0x20_0000) return BigInt(high * 4_294_967_296 + low);
  return (BigInt(high) << 32n) | BigInt(low);
}

function u32be(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
