/**
 * Deadlines of hash fields, held back where a plain command can't do it:
 *
 * - Inside the payload of a RESTORE. Servers take fields that are past (Redis 8.0, Valkey 9.1 answer OK), but
 *   nobody sees them and they are soon removed; so the hash is written anew with held ones.
 * - HPEXPIREAT with GT or LT compares with what stands there, held or not; so a script compares the true ones.
 */
import { bytesOf } from '../keyspace/words.js';
import { decodeDumpPayload, encodeDumpPayload } from '../rdb/dump-payload.js';
import { NO_EXPIRY } from '../rdb/encodings/field-expiry.js';
import type { ValueForms } from '../rdb/encode/forms.js';
import { ValueEncoder } from '../rdb/encode/value-encoder.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import { FIELD_HOLD_MS, FIELD_RANGE_MS, heldFieldDeadline, type HoldPolicy } from './held-time.js';

/** Types 22 to 25 are hashes whose fields have deadlines: see `rdb/value-types.ts`. */
const FIRST_TIMED_HASH = 22;
const LAST_TIMED_HASH = 25;
const KEY_META = 0xf3;

const FORMS: ValueForms = {
  zset: 5,
  timedHash: 24,
  stream: undefined,
  quicklist: true,
  dialect: 'redis',
};
const VALKEY_FORMS: ValueForms = { ...FORMS, timedHash: 22, dialect: 'valkey' };

class HoldingEncoder extends ValueEncoder {
  readonly #policy: HoldPolicy;
  changed = false;

  constructor(forms: ValueForms, policy: HoldPolicy) {
    super(forms);
    this.#policy = policy;
  }

  override hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    const held = expiresAtMs === NO_EXPIRY ? NO_EXPIRY : heldFieldDeadline(expiresAtMs, this.#policy);
    if (held !== expiresAtMs) this.changed = true;
    super.hashField(field, value, held);
  }
}

/** A DUMP payload with the deadlines in it held; undefined when there is nothing to change, or no reading it. */
export function holdPayloadFields(payload: Uint8Array, policy: HoldPolicy): Uint8Array | undefined {
  const first = payload[0];
  if (first === undefined || (first !== KEY_META && !isTimedHash(first))) return undefined;
  try {
    return rewritten(payload, policy);
  } catch {
    // What can't be read here is for the target to judge.
    return undefined;
  }
}

function isTimedHash(type: number): boolean {
  return type >= FIRST_TIMED_HASH && type <= LAST_TIMED_HASH;
}

function rewritten(payload: Uint8Array, policy: HoldPolicy): Uint8Array | undefined {
  const { type, dialect, version, keyMetaEnd, valueStart, valueEnd } = decodeDumpPayload(payload);
  if (!isTimedHash(type)) return undefined;
  const encoder = new HoldingEncoder(dialect === 'valkey' ? VALKEY_FORMS : FORMS, policy);
  encoder.begin('hash');
  new ValueDecoder(type, dialect, encoder).feed(payload, valueStart, valueEnd);
  if (!encoder.changed) return undefined;
  const value = encoder.finish();
  return encodeDumpPayload(value.type, value.bytes, version, payload.subarray(0, keyMetaEnd));
}

const EVAL: Uint8Array = bytesOf('EVAL');
const ONE: Uint8Array = bytesOf('1');
const GT: Uint8Array = bytesOf('GT');
const LT: Uint8Array = bytesOf('LT');
/** A field that is not there has -2, one without a deadline -1, which GT never beats and LT always does. */
const COMPARE: Uint8Array = bytesOf(`
local time = tonumber(ARGV[2])
for at = 4, #ARGV do
  local reply = redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', '1', ARGV[at])
  local stands = reply and reply[1] or -2
  if stands >= ${FIELD_HOLD_MS} and stands < ${FIELD_HOLD_MS + FIELD_RANGE_MS} then
    stands = stands - ${FIELD_HOLD_MS}
  end
  local holds
  if ARGV[1] == 'GT' then holds = stands >= 0 and time > stands
  else holds = stands == -1 or stands > time end
  if holds then redis.call('HPEXPIREAT', KEYS[1], ARGV[3], 'FIELDS', '1', ARGV[at]) end
end
`);

/** HPEXPIREAT key time GT|LT FIELDS n field …, compared with the true deadlines; `held` is what is set. */
export function compareFieldDeadlines(
  key: Uint8Array,
  greater: boolean,
  timeMs: number,
  held: Uint8Array,
  fields: readonly Uint8Array[],
): readonly Uint8Array[] {
  return [EVAL, COMPARE, ONE, key, greater ? GT : LT, bytesOf(String(timeMs)), held, ...fields];
}
