/** The report as text for a terminal: at most 80 columns, what costs most first. */
import { formatBytes, formatCount, formatDuration } from '../observe/units.js';
import type {
  InspectReport,
  ReportKey,
  ReportPrefix,
  ReportQuantiles,
  ReportRange,
  ReportText,
} from '../inspect/report.js';
import { showText } from '../inspect/report-text.js';
import { column, table, type Column } from './text-table.js';

const WIDTH = 80;
const BAR = 20;
const SHOWN_ENCODINGS = 12;
const SHOWN_KEYS = 10;
const SHOWN_PREFIXES = 12;
const SHOWN_BELOW = 3;

export function renderText(report: InspectReport): string {
  const sections = [
    heading(report),
    types(report),
    databases(report),
    section('Size of a key', ranges(report.sizes, formatBytes)),
    keys('Biggest keys by bytes', report.biggest.byBytes),
    keys('Biggest keys by elements', report.biggest.byElements),
    prefixes(report),
    ttl(report),
    access(report),
    slots(report),
    libraries(report),
    section(
      'Notes',
      report.notes.map((note) => clip(note, WIDTH - 2)),
    ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function heading({ source, totals, model, sampling, filters }: InspectReport): string[] {
  const taken = source.takenAtMs === null ? '' : `, taken ${stamp(source.takenAtMs)}`;
  const used =
    source.usedMemoryBytes === null ? '' : `; the server used ${formatBytes(source.usedMemoryBytes)}`;
  const share = totals.keys === 0 ? 0 : totals.keysWithTtl / totals.keys;
  const checksum =
    source.checksum === 'mismatch'
      ? ', CHECKSUM DOES NOT MATCH'
      : source.checksum === 'ok'
        ? ', checksum ok'
        : '';
  return [
    clip(source.label, WIDTH - 2),
    `  ${source.server ?? `${source.dialect}, version not recorded`}, RDB ${source.rdbVersion}${taken}${checksum}`,
    `  ${formatCount(totals.keys)} keys, ${percent(share)} with a TTL; ${formatBytes(totals.bytes)} in memory, ${formatBytes(source.rdbBytes)} as a file`,
    `  sizes as of ${model.server}${model.chosenBy === 'file' ? '' : ` (${model.chosenBy})`}, ${model.account === 'allocated' ? '' : 'counted as MEMORY USAGE does, '}allocator ${model.allocator}${used}`,
    ...(sampling.every > 1
      ? [`  estimated from 1 key in ${sampling.every} (${formatCount(sampling.keysMeasured)} measured)`]
      : []),
    ...(filters.length > 0 ? [`  only ${clip(filters.join(' '), WIDTH - 8)}`] : []),
  ];
}

function types(report: InspectReport): string[] {
  const total = report.totals.bytes;
  const byType = table(sizeColumns('type', 'keys'), [
    ...report.types.map(({ type, keys: count, bytes, size }) => sizeRow(type, count, bytes, size, total)),
  ]);
  const encodings = report.encodings.slice(0, SHOWN_ENCODINGS);
  const byEncoding = table(
    sizeColumns('encoding', 'keys'),
    encodings.map(({ type, encoding, keys: count, bytes, size }) =>
      sizeRow(`${type} ${encoding}`, count, bytes, size, total),
    ),
  );
  const hidden = report.encodings.length - encodings.length;
  return [
    ...section('Types', byType),
    '',
    ...section('Encodings', [...byEncoding, ...(hidden > 0 ? [`and ${hidden} more`] : [])]),
  ];
}

function sizeColumns(first: string, second: string): Column[] {
  return [
    column(first, 'left', 20),
    column(second, 'right', 8),
    column('bytes', 'right', 9),
    column('', 'right', 5),
    column('median', 'right', 9),
    column('p99', 'right', 9),
    column('largest', 'right', 9),
  ];
}

function sizeRow(name: string, count: number, bytes: number, size: ReportQuantiles, total: number): string[] {
  return [
    name,
    formatCount(count),
    formatBytes(bytes),
    percent(bytes / Math.max(1, total)),
    formatBytes(size.p50),
    formatBytes(size.p99),
    formatBytes(size.max),
  ];
}

function databases({ databases: all, totals }: InspectReport): string[] {
  if (all.length < 2) return [];
  const columns = [
    column('db', 'right', 5),
    column('keys', 'right', 8),
    column('bytes', 'right', 9),
    column('', 'right', 5),
    column('with TTL', 'right', 9),
  ];
  const rows = all.map(({ db, keys: count, bytes, keysWithTtl }) => [
    String(db),
    formatCount(count),
    formatBytes(bytes),
    percent(bytes / Math.max(1, totals.bytes)),
    formatCount(keysWithTtl),
  ]);
  return section('Databases', table(columns, rows));
}

function ranges(all: readonly ReportRange[], format: (value: number) => string): string[] {
  const most = Math.max(1, ...all.map(({ keys: count }) => count));
  const columns = [
    column('from', 'right', 8),
    column('to', 'right', 8),
    column('keys', 'right', 8),
    column('bytes', 'right', 9),
    column('', 'left', BAR),
  ];
  const first = all.findIndex(({ keys: count }) => count > 0);
  const last = all.findLastIndex(({ keys: count }) => count > 0);
  const rows = all
    .slice(Math.max(0, first), last + 1)
    .map(({ from, to, keys: count, bytes }) => [
      format(from),
      to === null ? '' : format(to),
      formatCount(count),
      formatBytes(bytes),
      '█'.repeat(Math.ceil((count / most) * BAR)),
    ]);
  return table(columns, rows);
}

function keys(title: string, all: readonly ReportKey[], extra?: (key: ReportKey) => string): string[] {
  const lines = all.slice(0, SHOWN_KEYS).map((key) => {
    const numbers = `${formatBytes(key.bytes).padStart(9)} ${formatCount(key.elements).padStart(8)}`;
    const what = `${key.type} ${key.encoding}`.padEnd(17).slice(0, 17);
    const more = extra === undefined ? '' : `${extra(key).padStart(8)} `;
    const place = key.db === 0 ? '' : `db${key.db} `;
    const head = `${numbers}  ${what} ${more}${place}`;
    return `${head}${clip(showText(key.key), WIDTH - 2 - head.length)}`;
  });
  const header = `${'bytes'.padStart(9)} ${'elements'.padStart(8)}`;
  return section(title, lines.length === 0 ? [] : [header, ...lines]);
}

function prefixes({ prefixes: { separator, root } }: InspectReport): string[] {
  if (separator === null || root.children.length === 0) return [];
  const lines: string[] = [];
  const shown = root.children.slice(0, SHOWN_PREFIXES);
  for (const child of shown) {
    lines.push(prefixLine(child, 0, root.bytes));
    const single = child.children.length === 1 ? 1 : SHOWN_BELOW;
    for (const below of child.children.slice(0, single)) {
      if (below.bytes * 20 >= child.bytes) lines.push(prefixLine(below, 2, root.bytes));
    }
  }
  const keysShown = shown.reduce((sum, child) => sum + child.keys, 0);
  const bytesShown = shown.reduce((sum, child) => sum + child.bytes, 0);
  if (root.keys > keysShown) {
    lines.push(prefixText('all else', 0, root.keys - keysShown, root.bytes - bytesShown, root.bytes));
  }
  return section(`Prefixes, parted by '${separator}'`, lines);
}

function prefixLine({ prefix, keys: count, bytes }: ReportPrefix, indent: number, total: number): string {
  return prefixText(showText(prefix), indent, count, bytes, total);
}

function prefixText(name: string, indent: number, count: number, bytes: number, total: number): string {
  const room = 44 - indent;
  const share = percent(bytes / Math.max(1, total));
  return `${' '.repeat(indent)}${clip(name, room).padEnd(room)} ${formatCount(count).padStart(8)} ${formatBytes(bytes).padStart(9)} ${share.padStart(5)}`;
}

function ttl({ ttl: all, totals }: InspectReport): string[] {
  const line = (what: string, { keys: count, bytes }: { keys: number; bytes: number }): string =>
    `${what.padEnd(16)} ${formatCount(count).padStart(8)} ${formatBytes(bytes).padStart(9)} ${percent(count / Math.max(1, totals.keys)).padStart(5)} of keys`;
  const fields = all.fieldTtl;
  return section('Time to live', [
    line('without TTL', all.withoutTtl),
    line('with TTL', all.withTtl),
    ...(all.expired.keys > 0 ? [line('expired already', all.expired)] : []),
    ...(fields.fields > 0
      ? [`${formatCount(fields.fields)} fields of ${formatCount(fields.keys)} hashes have a TTL of their own`]
      : []),
    ...ranges(all.ranges, formatDuration),
  ]);
}

function access({ idle, frequency }: InspectReport): string[] {
  if (idle !== null) {
    const coldest = keys('Not used for longest', idle.coldest, (key) => formatDuration(key.idleSeconds ?? 0));
    return [...section('Idle since', ranges(idle.ranges, formatDuration)), '', ...coldest];
  }
  if (frequency === null) return [];
  const hottest = keys('Used most (LFU counter)', frequency.hottest, (key) => String(key.lfuFrequency ?? ''));
  return [...section('LFU counter', ranges(frequency.ranges, String)), '', ...hottest];
}

function slots({ slots: all, totals }: InspectReport): string[] {
  if (totals.keys === 0) return [];
  const shards = all.skew.map((one) => one.shards).join(', ');
  const skew = all.skew.map(({ fullest }) => fullest.toFixed(2)).join(', ');
  const [heaviest] = all.heaviest;
  const tags = all.tags.slice(0, 5).map(({ tag, slot, keys: count, bytes }) => {
    const head = `${formatBytes(bytes).padStart(9)} ${formatCount(count).padStart(8)} keys  slot ${String(slot).padStart(5)}  `;
    return `${head}{${clip(showText(tag), WIDTH - 4 - head.length)}}`;
  });
  return section('Cluster slots', [
    `${all.used} of 16384 in use`,
    `fullest of ${shards} shards: ${skew} × the mean`,
    ...(heaviest === undefined
      ? []
      : [
          `heaviest: slot ${heaviest.slot} with ${formatBytes(heaviest.bytes)} in ${formatCount(heaviest.keys)} keys`,
        ]),
    ...(tags.length > 0 ? ['hash tags with most bytes', ...tags] : []),
  ]);
}

function libraries({ functions, modules }: InspectReport): string[] {
  const known = functions.map(({ name, engine, bytes }) =>
    clip(`${showText(name)} (${engine}), ${formatBytes(bytes)} of source`, WIDTH - 2),
  );
  const used = modules.map(({ name, keys: count, bytes, auxRecords }) => {
    const aux = auxRecords > 0 ? `, ${auxRecords} records besides` : '';
    return `${name}: ${formatCount(count)} keys, about ${formatBytes(bytes)}${aux}`;
  });
  const between = known.length > 0 && used.length > 0 ? [''] : [];
  return [...section('Functions', known), ...between, ...section('Modules', used)];
}

function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)}%`;
}

function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Keeps the start and the end of what is too long: keys differ at both. */
export function clip(text: ReportText & string, room: number): string {
  if (text.length <= room) return text;
  const tail = Math.min(12, Math.floor(room / 3));
  return `${text.slice(0, Math.max(0, room - tail - 1))}…${text.slice(text.length - tail)}`;
}
