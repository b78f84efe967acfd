import { expect, test } from 'vitest';
import type { Reply } from '../../../src/resp/reply-decoder.js';
import { importsIn } from '../../../src/sync/shards/look.js';

function job(fields: Readonly<Record<string, string>>): Reply {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  return Object.entries(fields).flatMap(([name, value]) => [encode(name), encode(value)]);
}

test('imports under way, as Valkey tells them', () => {
  const reply = [
    job({ name: 'x', operation: 'IMPORT', slot_ranges: '100-101', state: 'receiving-snapshot' }),
    job({ name: 'y', operation: 'EXPORT', slot_ranges: '200-201', state: 'snapshotting' }),
    job({ name: 'z', operation: 'IMPORT', slot_ranges: '300 310-312', state: 'waiting-for-ack' }),
    job({ name: 'o', operation: 'IMPORT', slot_ranges: '7', state: 'success' }),
    job({ name: 'p', operation: 'IMPORT', slot_ranges: '8', state: 'failed' }),
    job({ name: 'q', operation: 'IMPORT', slot_ranges: '9', state: 'cancelled' }),
  ];
  expect(importsIn(reply)).toEqual([
    [100, 101],
    [300, 300],
    [310, 312],
  ]);
});

test('imports under way, as Redis tells them', () => {
  const reply = [
    job({ id: 'x', slots: '0-99', operation: 'import', state: 'sending-sync' }),
    job({ id: 'y', slots: '100-199', operation: 'import', state: 'completed' }),
    job({ id: 'z', slots: '200', operation: 'migrate', state: 'send-bulk-and-stream' }),
  ];
  expect(importsIn(reply)).toEqual([[0, 99]]);
});

test('anything else is none', () => {
  expect(importsIn([])).toEqual([]);
  expect(importsIn('OK')).toEqual([]);
  expect(importsIn([1, null, ['a']])).toEqual([]);
});
