/**
 * Times at which hash fields expire (Redis 7.4+, Valkey 9.0+), as absolute ms; NO_EXPIRY where there is none.
 *
 *   type 24       len t before the pair: 0 none, else minExpire + t − 1
 *   type 25, 23   integer behind field and value: absolute, 0 none
 *   type 22       Redis release candidates: len absolute, 0 none; Valkey: i64 LE, −1 none, 0 is the year 1970
 */
import { corrupt } from './corrupt.js';

export const NO_EXPIRY = -1;

/** Redis keeps field times in 48 bits and refuses a larger one. */
const LATEST_MS = 2 ** 48 - 1;

export function expiryFromOffset(minExpireMs: number, offset: number, at: number): number {
  return offset === 0 ? NO_EXPIRY : checkedRedisTime(minExpireMs + offset - 1, at);
}

export function expiryFromAbsolute(value: number | bigint, at: number): number {
  return value === 0 ? NO_EXPIRY : checkedRedisTime(Number(value), at);
}

/** The Valkey form. */
export function expiryFromSigned(value: number, at: number): number {
  if (value < NO_EXPIRY) throw corrupt(`a hash field that expires at ${value}`, at);
  return value;
}

function checkedRedisTime(value: number, at: number): number {
  if (value < 0 || value > LATEST_MS) throw corrupt(`a hash field that expires at ${value}`, at);
  return value;
}
