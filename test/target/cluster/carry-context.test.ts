import { expect, test } from 'vitest';
import { copyKey, markerKey, stageIn } from '../../../src/target/cluster/carry-context.js';

test.each<[marker: string, stage: string]>([
  ['', 'begin'],
  ['8371:140:2:run', 'run'],
  ['8371:140:2:done', 'done'],
  // Of a later command of the unit, which had this one behind it.
  ['8371:140:3:run', 'done'],
  ['8371:140:10:done', 'done'],
  // Of an earlier one, or of another unit.
  ['8371:140:1:done', 'begin'],
  ['8371:14:2:done', 'begin'],
  ['371:140:2:done', 'begin'],
  ['8371:150:2:run', 'begin'],
  ['8371:140:2', 'begin'],
  ['something else', 'begin'],
])('the marker %j says of command 2: %s', (marker, stage) => {
  expect(stageIn(marker, '8371:140:2')).toBe(stage);
});

test('keys are in the slot', () => {
  expect(markerKey(0, 'job')).toBe('__replicant:{1bz}:carry:job');
  expect(copyKey(0, 'job', 3)).toBe('__replicant:{1bz}:carry:job:3');
});
