/* oxlint-disable vitest/no-conditional-expect -- a model checks itself, as far as the case at hand goes */
/** What RESTORE is given is taken apart again: arguments, times, and the payload with its checksum. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../src/bytes/crc64.js';
import { decodeDumpPayload } from '../../src/rdb/dump-payload.js';
import type { RdbEntry } from '../../src/rdb/handler.js';
import { valueTypes } from '../../src/rdb/value-types.js';
import { Pipeline } from '../../src/target/pipeline.js';
import { type RestoreAbilities, RestoreWriter } from '../../src/target/restore-writer.js';
import { embedded } from '../support/rdb-hex.js';
import { FakeTarget, text } from './support.js';

const ALL: RestoreAbilities = { replace: true, absttl: true, keyMeta: true };
const NOW = 1_700_000_000_000;

interface Parts {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly expiresAtMs?: number;
  readonly expiresAtText?: string | undefined;
  readonly idleSeconds?: number;
  readonly lfuFrequency?: number;
  readonly keyMeta?: Uint8Array | undefined;
}

/** A string of `length` bytes as it stands in a file. */
function stringValue(length: number): Uint8Array {
  const out = new Uint8Array(5 + length).map((_, at) => (at * 31) & 255);
  out.set([0x80, length >>> 24, length >>> 16, length >>> 8, length]);
  return out;
}

/** A KEY_META block of one class whose module has one string of `length` bytes. */
function keyMetaOf(length: number): Uint8Array {
  const out = new Uint8Array(2 + 4 + 1 + 5 + length + 1).fill(7);
  out.set([0xf3, 1, 1, 2, 3, 4, 5, 0x80, 0, 0, length >>> 8, length]);
  out[out.length - 1] = 0;
  return out;
}

function entryOf({ key, value, ...rest }: Parts): RdbEntry {
  return {
    ...{ db: 0, offset: 0, type: valueTypes('redis')[0]! },
    ...{ keyBytes: embedded(key, 7), keyStart: 7, keyEnd: 7 + key.length },
    ...{ bytes: embedded(value), valueStart: 5, valueEnd: 5 + value.length },
    ...{ expiresAtMs: -1, expiresAtText: undefined, idleSeconds: -1, lfuFrequency: -1, keyMeta: undefined },
    ...rest,
  };
}

function commandsFor(
  list: readonly Parts[],
  can: RestoreAbilities,
  slabBytes = 1024,
): (readonly Uint8Array[])[] {
  const target = new FakeTarget();
  const pipeline = new Pipeline(target, {
    slabBytes,
    maxInFlightBytes: 1 << 24,
    onError: () => {},
    onDrain: () => {},
  });
  const writer = new RestoreWriter(pipeline, new Crc64(), can);
  for (const parts of list) writer.write(entryOf(parts), NOW);
  pipeline.flush();
  expect(pipeline.pending).toBe(can.replace ? list.length : 2 * list.length);
  target.settle(pipeline);
  expect(pipeline.pending).toBe(0);
  return target.commands;
}

function expectedOptions(parts: Parts, can: RestoreAbilities): string[] {
  const { expiresAtMs = -1, idleSeconds = -1, lfuFrequency = -1 } = parts;
  const options = can.replace ? ['REPLACE'] : [];
  if (!can.absttl) return options;
  if (expiresAtMs >= 0) options.push('ABSTTL');
  if (idleSeconds >= 0) options.push('IDLETIME', String(idleSeconds));
  else if (lfuFrequency >= 0) options.push('FREQ', String(lfuFrequency));
  return options;
}

const sizes = fc.oneof(
  fc.integer({ min: 0, max: 60 }),
  fc.integer({ min: 500, max: 1100 }),
  fc.constant(5000),
);
const parts: fc.Arbitrary<Parts> = fc
  .record({
    keyBytes: sizes,
    valueBytes: sizes,
    expiresAtMs: fc.oneof(fc.constant(-1), fc.maxSafeInteger().map(Math.abs)),
    idleSeconds: fc.oneof(fc.constant(-1), fc.nat()),
    lfuFrequency: fc.oneof(fc.constant(-1), fc.nat(255)),
    keyMeta: fc.oneof(fc.constant(-1), fc.nat(300), fc.constant(3000)),
  })
  .map(({ keyBytes, valueBytes, keyMeta, ...rest }) => ({
    key: new Uint8Array(keyBytes).map((_, at) => (at * 17) & 255),
    value: stringValue(valueBytes),
    ...(keyMeta < 0 ? {} : { keyMeta: keyMetaOf(keyMeta) }),
    ...rest,
  }));
const abilities: fc.Arbitrary<RestoreAbilities> = fc.record({
  replace: fc.boolean(),
  absttl: fc.boolean(),
  keyMeta: fc.boolean(),
});

test('every key arrives with its value and all that is known of it', () => {
  fc.assert(
    fc.property(
      fc.array(parts, { minLength: 1, maxLength: 6 }),
      abilities,
      fc.integer({ min: 512, max: 2000 }),
      (list, can, slabBytes) => {
        const commands = commandsFor(list, can, slabBytes).slice();
        for (const one of list) {
          if (!can.replace) {
            const [name, key] = commands.shift()!;
            expect([text(name!), text(key!)]).toEqual(['DEL', text(one.key)]);
          }
          const [name, key, ttl, payload, ...options] = commands.shift()!;
          expect(text(name!)).toBe('RESTORE');
          expect(text(key!)).toBe(text(one.key));
          expect(options.map(text)).toEqual(expectedOptions(one, can));
          const { expiresAtMs = -1 } = one;
          const until = can.absttl ? expiresAtMs : expiresAtMs - NOW;
          expect(text(ttl!)).toBe(expiresAtMs < 0 ? '0' : String(Math.max(1, until)));
          // Throws when the checksum is wrong.
          const { type, version, keyMetaEnd, valueStart, valueEnd, ignoredBytes } = decodeDumpPayload(
            payload!,
          );
          expect([type, version, ignoredBytes]).toEqual([0, 6, 0]);
          expect(text(payload!.subarray(valueStart, valueEnd))).toBe(text(one.value));
          const meta = can.keyMeta && one.keyMeta !== undefined ? text(one.keyMeta) : '';
          expect(text(payload!.subarray(0, keyMetaEnd))).toBe(meta);
        }
        expect(commands).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

describe('times', () => {
  const ttlOf = (expiresAtMs: number, can: RestoreAbilities, expiresAtText?: string): string => {
    const [restore] = commandsFor(
      [{ key: stringValue(1), value: stringValue(1), expiresAtMs, expiresAtText }],
      can,
    );
    return text(restore![2]!);
  };

  test('beyond 2^53 keep all their digits', () => {
    expect(ttlOf(2 ** 62, ALL, '4611686018427387905')).toBe('4611686018427387905');
  });

  test('… but not where they must be relative', () => {
    expect(ttlOf(2 ** 53, { ...ALL, absttl: false }, '9007199254740993')).toBe(String(2 ** 53 - NOW));
  });

  test('in the past, or at zero, never mean "none"', () => {
    expect(ttlOf(0, ALL)).toBe('1');
    expect(ttlOf(NOW - 1, { ...ALL, absttl: false })).toBe('1');
    expect(ttlOf(NOW, { ...ALL, absttl: false })).toBe('1');
  });

  test('of a clock with fractions are whole', () => {
    expect(ttlOf(NOW + 1000, { ...ALL, absttl: false })).toBe('1000');
  });
});

test('a checksum does not need memory the engine owns', () => {
  const crc = new Crc64(4096);
  const value = stringValue(200);
  crc.window.set(value, 100);
  const target = new FakeTarget();
  const pipeline = new Pipeline(target, { onError: () => {}, onDrain: () => {} });
  const inside = {
    ...entryOf({ key: value, value }),
    bytes: crc.window,
    valueStart: 100,
    valueEnd: 100 + value.length,
  };
  new RestoreWriter(pipeline, crc, ALL).write(inside, NOW);
  pipeline.flush();
  target.settle(pipeline);
  expect(decodeDumpPayload(target.commands[0]![3]!).valueEnd).toBe(1 + value.length);
});
