import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS, NO_KEYS } from '../../src/keyspace/command-data.js';
import { argsSlot, commandSlot, MANY_SLOTS, NO_KEY, UNKNOWN } from '../../src/keyspace/command-slot.js';
import { BUILTIN_COMMANDS, createTable, keyPositions } from '../../src/keyspace/command-table.js';
import { hashSlot } from '../../src/keyspace/hash-slot.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { CommandScanner } from '../../src/resp/command-scanner.js';
import { encodeCommand } from '../../src/resp/encode.js';
import { args } from './support.js';

/** The command in the middle of other bytes, looked at as the stream's reader does. */
function slotInBuffer(command: readonly Uint8Array[], table = BUILTIN_COMMANDS): number {
  const bytes = encodeCommand(command);
  const buffer = new Uint8Array(bytes.length + 20).fill(0x39);
  buffer.set(bytes, 7);
  const scanner = new CommandScanner();
  const end = scanner.find(buffer, 7, buffer.length);
  return commandSlot(buffer, 7, end, scanner.nameFrom, scanner.nameBytes, table);
}

function slotOf(line: string): number {
  const command = args(line);
  const slot = slotInBuffer(command);
  expect(argsSlot(command)).toBe(slot);
  return slot;
}

/** As the specification has it. */
function keySlot(key: Uint8Array): number {
  const left = key.indexOf(0x7b);
  const right = left < 0 ? -1 : key.indexOf(0x7d, left + 1);
  const hashed = right > left + 1 ? key.subarray(left + 1, right) : key;
  let crc = 0;
  for (const byte of hashed) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x8000) === 0 ? 0 : 0x1021);
    crc &= 0xffff;
  }
  return crc % 16384;
}

const KEY = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(fc.constantFrom('{', '}', 'a', 'b'), { maxLength: 12 })
    .map((letters) => bytesOf(letters.join(''))),
);

describe('hashSlot', () => {
  test.each<[string, number]>([
    ['123456789', 0x31c3],
    ['{abc}x', 7638],
    ['abc', 7638],
    ['', 0],
    // What servers answer to CLUSTER KEYSLOT.
    ['foo{}{bar}', 8363],
    ['{}}', 14790],
    ['{{a}}', 10276],
  ])('%s is in slot %i', (key, slot) => {
    const bytes = bytesOf(`<${key}>`);
    expect(hashSlot(bytes, 1, bytes.length - 1)).toBe(slot);
  });

  test('is CRC16 of the hashed part, wherever the key stands', () => {
    fc.assert(
      fc.property(KEY, fc.nat(9), fc.uint8Array({ maxLength: 9 }), (key, before, after) => {
        const buffer = new Uint8Array([...new Uint8Array(before).fill(0x7b), ...key, ...after]);
        expect(hashSlot(buffer, before, before + key.length)).toBe(keySlot(key));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('commandSlot', () => {
  test.each<[string, number | string]>([
    ['SET k v', 'k'],
    ['set {k}1 v PXAT 99', 'k'],
    ['DEL {k}1 {k}2 {k}3', 'k'],
    ['DEL a b', MANY_SLOTS],
    ['MSET {k}1 a {k}2 b', 'k'],
    ['MSET {k}1 {k}2 b {k}2', MANY_SLOTS],
    ['BLPOP {k}1 {k}2 0', 'k'],
    ['BITOP AND {k}1 {k}2', 'k'],
    ['PFDEBUG GETREG k', 'k'],
    ['EVAL return 2 {k}1 {k}2 x', 'k'],
    ['EVAL return 0 x', UNKNOWN],
    ['EVAL return', UNKNOWN],
    ['ZUNIONSTORE {k}d 2 {k}a {k}b', 'k'],
    ['ZUNIONSTORE {k}d 2 {k}a b', MANY_SLOTS],
    ['SORT k', 'k'],
    ['SORT k STORE {k}d', 'k'],
    ['SORT k STORE d', MANY_SLOTS],
    ['XGROUP CREATE k g $', 'k'],
    ['XGROUP HELP', NO_KEY],
    ['MIGRATE h 1 k 0 5', 'k'],
    ['MIGRATE h 1  0 5', UNKNOWN],
    ['SPUBLISH k m', 'k'],
    ['PUBLISH k m', NO_KEY],
    ['PING', NO_KEY],
    ['DEL', NO_KEY],
    ['FLUSHALL ASYNC', NO_KEY],
    ['FUNCTION LOAD x', NO_KEY],
    ['NOSUCH k', UNKNOWN],
  ])('%s', (line, expected) => {
    expect(slotOf(line)).toBe(typeof expected === 'string' ? keySlot(bytesOf(expected)) : expected);
  });

  test('commands with subcommands are looked at by those', () => {
    const single = COMMANDS.find(({ name }) => name === 'SET')!;
    const subcommands = new Map([
      ['PUT', { ...single, name: 'PUT', keys: { at: 'range', first: 2, last: 2, step: 1 } as const }],
      ['LIST', { ...single, name: 'LIST', role: 'keyless' as const, keys: NO_KEYS }],
    ]);
    const table = createTable([{ ...single, name: 'BOX', role: 'keyless', keys: NO_KEYS, subcommands }]);
    expect(slotInBuffer(args('BOX PUT k 1'), table)).toBe(keySlot(bytesOf('k')));
    expect(slotInBuffer(args('BOX LIST k'), table)).toBe(NO_KEY);
    expect(slotInBuffer(args('BOX BURN k'), table)).toBe(UNKNOWN);
  });

  test('of every command: what its key positions say', () => {
    const word = fc.oneof(
      fc
        .constantFrom('1', '2', '{t}a', '{t}b', 'STORE', 'STREAMS', 'KEYS', 'SET', '')
        .map((text) => bytesOf(text)),
      KEY,
    );
    fc.assert(
      fc.property(fc.constantFrom(...COMMANDS), fc.array(word, { maxLength: 9 }), (spec, rest) => {
        const command = [bytesOf(spec.name), ...rest];
        const slots = new Set(keyPositions(command).map((at) => keySlot(command[at]!)));
        const slot = slotInBuffer(command);
        expect(argsSlot(command)).toBe(slot);
        if (spec.name === 'SPUBLISH') return;
        const declared = slots.size > 0 || !['script', 'group'].includes(spec.role);
        expect(slot).toBe(slots.size > 1 ? MANY_SLOTS : ([...slots][0] ?? (declared ? NO_KEY : slot)));
      }),
      { numRuns: 5000 },
    );
  });
});
