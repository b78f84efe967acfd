/** The report of a dry run as text for a terminal, at most 80 columns where it is a table. */
import { showText } from '../inspect/report-text.js';
import { formatBytes, formatCount, formatDuration } from '../observe/units.js';
import type {
  DryRunCommand,
  DryRunCommands,
  DryRunKeys,
  DryRunLeftOut,
  DryRunReport,
} from '../sync/dry-run-report.js';
import { column, type Column, table } from './text-table.js';

const SHOWN_REASONS = 20;

export function renderDryRun(report: DryRunReport): string {
  const sections = [
    heading(report),
    section(
      'What would end the sync',
      report.refusals.map(({ message }) => message),
    ),
    section('Where it would start', start(report)),
    section('Keys, and how they would go', keys(report.keys)),
    section('Databases', databases(report)),
    section('Of the keys', aside(report)),
    section('Left out', leftOut(report.leftOut)),
    section('Functions and modules', extras(report)),
    section('Commands of the stream', commands(report.commands)),
    section('Estimates', estimates(report)),
    section('Notes', report.notes),
    [verdict(report)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${showText(line)}`)];
}

function heading({ name, source, target }: DryRunReport): string[] {
  return [
    `Dry run of job ${name}: nothing has been written`,
    `  source  ${source.address}, ${source.server ?? 'version not known'}, ${formatCount(source.keys)} keys`,
    `  target  ${target.address}, ${formatCount(target.keys)} keys`,
    ...target.abilities.map((line) => `          ${showText(line)}`),
  ];
}

function start({ start: { text, removedBefore, removedAfter } }: DryRunReport): string[] {
  return [
    text,
    ...(removedBefore > 0 ? [`${count(removedBefore, 'key')} of the target would be deleted first`] : []),
    ...(removedAfter === null
      ? []
      : [`${count(removedAfter, 'key')} of the target would be removed behind the copy`]),
  ];
}

const WAYS: readonly (readonly [title: string, of: (row: DryRunKeys) => number])[] = [
  ['as is', (row) => row.asIs],
  ['batched', (row) => row.batched],
  ['converted', (row) => row.converted],
  ['commands', (row) => row.asCommands],
  ['left out', (row) => row.leftOut],
];

function keys(rows: readonly DryRunKeys[]): string[] {
  // A column that would be empty tells nothing.
  const ways = WAYS.filter(([, of]) => rows.some((row) => of(row) > 0));
  const columns: Column[] = [
    column('db', 'right', 3),
    column('type', 'left', 18),
    column('keys', 'right', 7),
    column('bytes', 'right', 8),
    ...ways.map(([title]) => column(title, 'right', Math.max(7, title.length))),
  ];
  return table(
    columns,
    rows.map((row) => [
      String(row.db),
      row.encoding === row.type ? row.type : `${row.type} ${row.encoding}`,
      formatCount(row.keys),
      formatBytes(row.bytes),
      ...ways.map(([, of]) => (of(row) === 0 ? '' : formatCount(of(row)))),
    ]),
  );
}

function databases({ databases: all }: DryRunReport): string[] {
  if (all.length < 2 && all.every(({ db, targetDb }) => db === targetDb)) return [];
  const columns = [
    column('db', 'right', 3),
    column('to', 'right', 3),
    column('keys', 'right', 8),
    column('bytes', 'right', 9),
    column('in memory', 'right', 10),
  ];
  return table(
    columns,
    all.map(({ db, targetDb, keys: number, bytes, memoryBytes }) => [
      String(db),
      String(targetDb),
      formatCount(number),
      formatBytes(bytes),
      formatBytes(memoryBytes),
    ]),
  );
}

function aside({ totals }: DryRunReport): string[] {
  const past = totals.expiredCarried
    ? 'past their time, carried as to any replica'
    : 'past their time, dropped';
  const lines: readonly (readonly [number: number, what: string])[] = [
    [totals.withTtl, 'with a TTL'],
    [totals.filtered, 'kept back by the filters'],
    [totals.expired, past],
    [totals.empty, 'without elements, which are no keys'],
    [totals.renamed, 'with another name on the target'],
    [totals.collisions, 'that overwrite another key of the source'],
  ];
  return lines.filter(([number]) => number > 0).map(([number, what]) => `${numberOf(number)} ${what}`);
}

function leftOut(reasons: readonly DryRunLeftOut[]): string[] {
  const shown = reasons
    .slice(0, SHOWN_REASONS)
    .flatMap(({ type, why, count: number, inPart, examples }) => [
      `${numberOf(number)} ${type}${inPart ? ', in part' : ''}: ${why}`,
      ...examples.map(({ db, key }) => `${' '.repeat(9)}db ${db} ${key}`),
    ]);
  const hidden = reasons.length - SHOWN_REASONS;
  return hidden > 0 ? [...shown, `and for ${hidden} more reasons (--json has them all)`] : shown;
}

function extras({ functions: { libraries, carried }, modules }: DryRunReport): string[] {
  const answers = new Map([
    [true, 'the target takes them'],
    [false, 'the target does not take them'],
    [null, 'whether the target takes them is not known'],
  ]);
  return [
    ...(libraries === 0
      ? []
      : [`${count(libraries, 'function library', 'function libraries')}${carried ? '' : ', left out'}`]),
    ...modules.map(
      ({ type, keys: number, accepted }) =>
        `${count(number, 'key')} of the module type ${type}: ${answers.get(accepted)}`,
    ),
  ];
}

function commands({ changed, filtered }: DryRunCommands): string[] {
  const called = changed.filter(({ calls }) => calls !== 0);
  const rest = changed.filter(({ calls }) => calls === 0);
  const notGiven = filtered.map(({ name, calls }) => commandLine(name, calls, 'kept back by the filters'));
  return [
    ...called.map((one) => commandLine(one.name, one.calls, fate(one))),
    ...fatesOf(rest),
    ...notGiven,
    ...(changed.length + filtered.length === 0 ? ['all go as they come'] : []),
  ];
}

function commandLine(name: string, calls: number | null, what: string): string {
  const number = calls === null ? '' : `${formatCount(calls)} calls`;
  return `${name.padEnd(18)} ${number.padStart(13)}  ${what}`;
}

function fate({ becomes, why }: DryRunCommand): string {
  switch (becomes) {
    case 'other form':
      return 'given another form where the target needs it';
    case 'no effect':
      return 'dropped: without effect on the target';
    case 'in part':
      return `carried in part: ${why}`;
    default:
      return `left out: ${why}`;
  }
}

/** Those that no client has called, in a line for each fate. */
function fatesOf(rest: readonly DryRunCommand[]): string[] {
  const fates: readonly (readonly [becomes: DryRunCommand['becomes'], what: string])[] = [
    ['other form', 'would be given another form'],
    ['no effect', 'would be dropped as without effect'],
    ['in part', 'would be carried in part'],
    ['left out', 'would be left out'],
  ];
  return fates.flatMap(([becomes, what]) => {
    const names = rest.filter((one) => one.becomes === becomes).map(({ name }) => name);
    return names.length === 0 ? [] : [`not called so far, ${what}: ${names.join(' ')}`];
  });
}

function estimates({ estimates: all }: DryRunReport): string[] {
  const rate = all.snapshotSeconds > 0 ? ` (${formatBytes(all.snapshotBytes / all.snapshotSeconds)}/s)` : '';
  return [
    `read     ${formatBytes(all.snapshotBytes)} of snapshot, which took ${formatDuration(all.snapshotSeconds)}${rate}`,
    `sent     ${formatBytes(all.sentBytes)} in ${count(all.sentCommands, 'command')}`,
    `memory   about ${formatBytes(all.memoryBytes)} on the target, by a model of ${all.memoryModel}`,
    `time     at least ${formatDuration(all.leastSeconds)} for the copy, as long as the snapshot took to come; a target that is slower sets the pace`,
  ];
}

function verdict({ ok, refusals, exitCode, totals }: DryRunReport): string {
  if (ok) return `Everything would go: ${count(totals.keys, 'key')}.`;
  if (refusals.length > 0) return `As things stand, the sync would end with exit code ${exitCode}.`;
  return `${count(totals.keys, 'key')} would go, but not everything: exit code ${exitCode}.`;
}

function numberOf(value: number): string {
  return formatCount(value).padStart(8);
}

function count(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}
