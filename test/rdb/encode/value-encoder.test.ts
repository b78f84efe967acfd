import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { visitValue } from '../../../src/rdb/encode/encode-rdb.js';
import { formsOf } from '../../../src/rdb/encode/forms.js';
import { noLosses } from '../../../src/rdb/encode/losses.js';
import { ValueEncoder } from '../../../src/rdb/encode/value-encoder.js';
import { acceptsType, parseServerName } from '../../../src/rdb/server-support.js';
import { decodeValue, type RdbValue } from '../../../src/rdb/value.js';
import { hash, value as anyValue } from '../../support/rdb-arbitrary.js';
import { expectSame } from '../../support/same.js';
import { SERVER_NAMES, withoutNews } from '../../support/rdb-downgrade.js';

describe.each(SERVER_NAMES)('for %s', (name) => {
  const server = parseServerName(name);
  const forms = formsOf(server);

  test('values come back as far as the server can hold them', () => {
    const encoders = [new ValueEncoder(forms), new ValueEncoder(forms, { compress: true })];
    fc.assert(
      fc.property(anyValue, (value) => {
        if (value.kind === 'stream' && forms.stream === undefined) return;
        for (const encoder of encoders) {
          encoder.begin(value.kind);
          visitValue(value, encoder);
          const { type, bytes, elements, losses } = encoder.finish();
          expect(acceptsType(server, type, forms.dialect)).toBe(true);
          expect(elements).toBe(countOf(value));
          const expected = withoutNews(value, forms);
          expectSame(decodeValue(type, forms.dialect, bytes, 0, bytes.length), expected.value);
          expect(losses).toEqual({ ...noLosses(), ...expected.losses });
        }
      }),
      { numRuns: 150 },
    );
  });
});

test('TTLs of hashes stand relative to the earliest', () => {
  const encoder = new ValueEncoder(formsOf(parseServerName('redis-8.0')));
  fc.assert(
    fc.property(hash, (value) => {
      encoder.begin('hash');
      visitValue(value, encoder);
      const { type, bytes } = encoder.finish();
      const times = value.fields.map(({ expiresAtMs }) => expiresAtMs).filter((time) => time >= 0);
      expect(type).toBe(times.length > 0 ? 24 : 4);
      const first = new DataView(bytes.buffer, bytes.byteOffset);
      expect(times.length === 0 || Number(first.getBigInt64(0, true)) === Math.min(...times)).toBe(true);
    }),
  );
});

test('times that Redis cannot hold are left out and counted; those long past stay', () => {
  const field = new Uint8Array([102]);
  const times = [0, 2 ** 48 - 1, 2 ** 48, -1];
  const timed = (name: string): { times: number[]; lost: number } => {
    const server = parseServerName(name);
    const encoder = new ValueEncoder(formsOf(server));
    encoder.begin('hash');
    times.forEach((time, at) => encoder.hashField(Uint8Array.of(at), field, time));
    const { type, bytes, losses } = encoder.finish();
    const value = decodeValue(type, formsOf(server).dialect, bytes, 0, bytes.length);
    if (value.kind !== 'hash') throw new Error('not a hash');
    return { times: value.fields.map(({ expiresAtMs }) => expiresAtMs), lost: losses.fieldTtls };
  };
  expect(timed('redis-8.0')).toEqual({ times: [1, 2 ** 48 - 1, -1, -1], lost: 1 });
  expect(timed('valkey-9.1')).toEqual({ times: [0, 2 ** 48 - 1, 2 ** 48, -1], lost: 0 });
  expect(timed('redis-7.2')).toEqual({ times: [-1, -1, -1, -1], lost: 3 });
});

function countOf(value: RdbValue): number {
  switch (value.kind) {
    case 'list':
      return value.items.length;
    case 'set':
    case 'zset':
      return value.members.length;
    case 'hash':
      return value.fields.length;
    case 'stream':
      return value.entries.length;
    default:
      return 1;
  }
}
