import { expect, test } from 'vitest';
import { bytesOf } from '../../../src/keyspace/words.js';
import { NODE_COMMANDS, planNodeCommand } from '../../../src/sync/shards/node-command.js';

function plan(line: string): string {
  const found = planNodeCommand(line.split(' ').map(bytesOf));
  if (found === undefined) return '-';
  if (found.kind === 'wipe') return `wipe ${found.slots.format()}`;
  if (found.kind === 'clear') return found.async ? 'clear async' : 'clear';
  if (found.kind === 'tolerate') return found.args.map((arg) => new TextDecoder().decode(arg)).join(' ');
  return found.kind;
}

test.each([
  ['FLUSHALL', 'clear'],
  ['flushall async', 'clear async'],
  ['FLUSHDB SYNC', 'clear'],
  ['CLUSTER SYNCSLOTS ACK', 'drop'],
  ['CLUSTER SYNCSLOTS ESTABLISH SOURCE 88f6 NAME 636b SLOTSRANGE 100 101', 'drop'],
  ['CLUSTER FLUSHSLOT 7 ASYNC', 'wipe 7'],
  ['TRIMSLOTS RANGES 2 0 5 100 100', 'wipe 0-5,100'],
  ['SFLUSH 0 5 9 9 ASYNC', 'wipe 0-5,9'],
  ['SFLUSH x 5', 'wipe '],
  ['FUNCTION LOAD code', 'FUNCTION LOAD REPLACE code'],
  ['FUNCTION LOAD REPLACE code', 'FUNCTION LOAD REPLACE code'],
  ['FUNCTION DELETE lib', 'FUNCTION DELETE lib'],
  ['FUNCTION FLUSH', '-'],
  ['SET a b', '-'],
])('%s: %s', (line, expected) => {
  expect(plan(line)).toBe(expected);
});

test('every name that needs a look has a plan of its own', () => {
  const others = NODE_COMMANDS.filter(
    (name) => planNodeCommand([bytesOf(name), bytesOf('DELETE')]) === undefined,
  );
  expect(others).toEqual([]);
});
