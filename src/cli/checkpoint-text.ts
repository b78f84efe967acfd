/** Checkpoints as text for a terminal: a table of all, or one in full; and as JSON. */
import { describeOwner, formatTime } from '../checkpoint/lease.js';
import type { Checkpoint, LaneClaim } from '../checkpoint/record.js';
import type { SurveyedCheckpoint } from '../checkpoint/survey.js';
import { formatError } from '../errors.js';
import { showText } from '../inspect/report-text.js';
import { SlotSet } from '../keyspace/slot-set.js';
import { formatBytes, formatDuration } from '../observe/units.js';
import { formatPosition } from '../replication/position.js';
import { column, table } from './text-table.js';

const TITLES = ['job', 'source', 'state', 'offset', 'db', 'written', 'owner'] as const;
const RIGHT: readonly string[] = ['offset', 'db'];
const MOST_RANGES = 8;
const NODE_LETTERS = 8;

/** A line for each, as wide as they need. */
export function renderTable(found: readonly SurveyedCheckpoint[], nowMs: number): string {
  // Only those of shards have slots.
  const sharded = found.some(({ checkpoint }) => checkpoint?.slots !== undefined);
  const rows = found.map((one) => [...rowOf(one, nowMs), ...(sharded ? [slotsCell(one)] : [])]);
  const columns = [...TITLES, ...(sharded ? ['slots'] : [])].map((title, at) => {
    const width = Math.max(title.length, ...rows.map((cells) => cells[at]?.length ?? 0));
    return column(title, RIGHT.includes(title) ? 'right' : 'left', width);
  });
  return `${table(columns, rows).join('\n')}\n`;
}

function rowOf(found: SurveyedCheckpoint, nowMs: number): string[] {
  const { job, checkpoint } = found;
  if (checkpoint === undefined) return [showText(job), '', 'unreadable'];
  const { source, state, offset, db } = checkpoint;
  return [
    showText(job),
    showText(source),
    state,
    `${offset}`,
    `${db}`,
    age(checkpoint, nowMs),
    holder(found),
  ];
}

function slotsCell({ checkpoint }: SurveyedCheckpoint): string {
  return checkpoint?.slots === undefined ? '' : describeSlots(checkpoint.slots);
}

/** `0-5460 (5461)`; of many ranges only the first. */
function describeSlots(text: string): string {
  if (text === '') return 'none';
  const ranges = showText(text).split(',');
  const count = SlotSet.parse(text)?.size ?? 0;
  const shown = ranges.length > MOST_RANGES ? [...ranges.slice(0, MOST_RANGES), '…'] : ranges;
  return `${shown.join(',')} (${count})`;
}

/** Everything that is in it, in plain words. */
export function renderFull(found: SurveyedCheckpoint, nowMs: number): string {
  const { job, checkpoint } = found;
  const lines =
    checkpoint === undefined
      ? [
          ['job', showText(job)],
          ['problem', formatError(found.error)],
        ]
      : fullLines(found, checkpoint, nowMs);
  return lines.map(([name = '', text = '']) => `${name.padEnd(9)} ${text}\n`).join('');
}

function fullLines(found: SurveyedCheckpoint, checkpoint: Checkpoint, nowMs: number): string[][] {
  const { source, state, db, inMulti, loaded, mirror, owner, refused } = checkpoint;
  const loading =
    state === 'loading'
      ? `, ${formatBytes(loaded)} of the snapshot are on the target${mirror ? ', the rest of its keys will be removed' : ''}`
      : '';
  const since = owner === undefined ? '' : `${showText(describeOwner(owner))}: `;
  return [
    ['job', showText(found.job)],
    ['source', showText(source)],
    ['state', `${state}${loading}`],
    ['position', showText(formatPosition(checkpoint))],
    ['database', `${db}${inMulti ? ', inside a transaction of the source' : ''}`],
    ['written', `${formatTime(checkpoint.timeMs)} (${age(checkpoint, nowMs)})`],
    ['owner', `${since}${ownerState(found)}`],
    ['expiry', describeExpiry(checkpoint)],
    ...(checkpoint.slots === undefined ? [] : [['slots', describeSlots(checkpoint.slots)]]),
    ...(checkpoint.lanes ?? []).map((lane) => ['node', describeLane(lane)]),
    ...(refused === undefined
      ? []
      : [
          ['refused', `${showText(refused.command)} at offset ${refused.offset}: ${showText(refused.error)}`],
        ]),
  ];
}

/** Which slots of the target one node was written through, and from where on its own key counts. */
function describeLane({ node, tag, generation, slots, from, done }: LaneClaim): string {
  const further = done === 0 ? '' : ` and ${done} commands`;
  return `${showText(node.slice(0, NODE_LETTERS))}: slots ${describeSlots(slots)} from offset ${from}${further}, tag ${showText(tag)}, generation ${showText(generation)}`;
}

function holder(found: SurveyedCheckpoint): string {
  const owner = found.checkpoint?.owner;
  return owner === undefined ? 'none' : `pid ${owner.pid} on ${showText(owner.host)}, ${ownerState(found)}`;
}

function ownerState({ ownerState: state, idleSeconds }: SurveyedCheckpoint): string {
  if (state === 'none') return 'none, the last sync stopped cleanly';
  if (state === 'alive') return `alive, last sign of life ${idleSeconds} s ago`;
  if (state === 'stuck') return `stuck, no sign of life for ${idleSeconds} s`;
  return state === 'gone' ? 'gone' : 'unknown whether alive (CLIENT LIST is refused)';
}

/** `12s ago`; clocks of two machines may differ. */
function age({ timeMs }: Checkpoint, nowMs: number): string {
  const seconds = Math.round((nowMs - timeMs) / 1000);
  return seconds < 0 ? `${formatDuration(-seconds)} ahead of this clock` : `${formatDuration(seconds)} ago`;
}

function describeExpiry({ expiry: { mode, state } }: Checkpoint): string {
  if (mode === 'plain') return 'by the clock of the target';
  if (state === 'released') return 'true deadlines stand on the target';
  if (mode === 'import-mode') return 'the target is in import mode and removes nothing by itself';
  return state === 'held' ? 'all deadlines are held back' : 'deadlines of the next minutes are held back';
}

/** What whoever clears it should know; undefined when nothing is left behind. */
export function leftBehind({ checkpoint }: SurveyedCheckpoint): string[] {
  if (checkpoint === undefined) return [];
  const { job, state, mirror, expiry } = checkpoint;
  const deadlines =
    expiry.mode === 'import-mode'
      ? 'the target is still in import mode, so it removes no expired keys'
      : 'the target still holds deadlines that were held back, so keys there outlive them';
  return [
    ...(state === 'loading'
      ? [
          `job ${job}: the copy was not complete: the target holds a part of the source's keys${mirror ? ', and keys the source may not have' : ''}`,
        ]
      : []),
    ...(expiry.mode === 'plain' || expiry.state === 'released'
      ? []
      : [`job ${job}: ${deadlines}; a sync that is run once more and stopped with Ctrl-C puts that right`]),
  ];
}

/** For `--json`. */
export function checkpointJson(found: SurveyedCheckpoint, nowMs: number): object {
  const { job, checkpoint, ownerState: state, idleSeconds } = found;
  if (checkpoint === undefined) {
    return { job, error: { code: found.error.code, message: formatError(found.error) } };
  }
  const { owner, refused } = checkpoint;
  return {
    ...checkpoint,
    job,
    position: formatPosition(checkpoint),
    owner: owner === undefined ? null : { ...owner, state, idleSeconds: idleSeconds ?? null },
    refused: refused ?? null,
    ageSeconds: Math.round((nowMs - checkpoint.timeMs) / 1000),
  };
}
