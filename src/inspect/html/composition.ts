/** Keys and bytes by type, encoding and database. */
import type { InspectReport, ReportEncoding, ReportType } from '../report.js';
import { exactBytes, formatExact, formatShare } from './format.js';
import {
  bar,
  bytesText,
  type Column,
  countText,
  type Html,
  html,
  markup,
  section,
  table,
  text,
} from './parts.js';

const COLOURS: Readonly<Record<string, string>> = {
  string: 'c0',
  hash: 'c1',
  list: 'c2',
  set: 'c3',
  zset: 'c4',
  stream: 'c5',
  module: 'c6',
};

export function typeColour(type: string): string {
  return COLOURS[type] ?? 'c7';
}

export function composition(report: InspectReport): Html {
  return section(
    'types',
    'What it is made of',
    'Memory is what the allocator hands out for keys and values on the server, not their length in the file.',
    stack(report.types),
    typesTable(report.types),
    markup`<h3>Encodings</h3>${encodingsTable(report.encodings)}`,
    report.databases.length < 2 ? html('') : markup`<h3>Databases</h3>${databasesTable(report)}`,
  );
}

/** All types on one bar. */
function stack(types: readonly ReportType[]): Html {
  const whole = sumBytes(types);
  let x = 0;
  const parts = types.map(({ type, bytes }) => {
    const width = whole > 0 ? (100 * bytes) / whole : 0;
    const rect = markup`<rect class="${html(typeColour(type))}" x="${html(x.toFixed(3))}%" width="${html(width.toFixed(3))}%" height="100%"><title>${text(`${type}: ${exactBytes(bytes)}, ${formatShare(bytes, whole)}`)}</title></rect>`;
    x += width;
    return rect;
  });
  const legend = types.map(
    ({ type, bytes }) =>
      markup`<li><span class="dot ${html(typeColour(type))}"></span>${text(type)} <span class="soft">${text(formatShare(bytes, whole))}</span></li>`,
  );
  return markup`<svg class="stack" role="img" aria-label="Memory by type">${parts}</svg><ul class="legend">${legend}</ul>`;
}

const SIZES: readonly Column[] = [
  { title: 'Keys', kind: 'num' },
  { title: 'Memory', kind: 'num' },
  { title: '', kind: 'bar', wide: true },
  { title: 'Median', kind: 'num', wide: true },
  { title: '99 %', kind: 'num', wide: true },
  { title: 'Biggest', kind: 'num' },
];

function typesTable(types: readonly ReportType[]): Html {
  const whole = sumBytes(types);
  const columns: Column[] = [
    { title: 'Type', kind: 'plain' },
    ...SIZES,
    { title: 'Elements per key', kind: 'num', wide: true },
  ];
  const rows = types.map((row) => [
    markup`<span class="dot ${html(typeColour(row.type))}"></span>${text(row.type)}`,
    ...sizeCells(row, whole),
    row.type === 'string'
      ? html('')
      : markup`<span title="${text(`median ${formatExact(row.length.p50)}, at most ${formatExact(row.length.max)}`)}">${text(row.length.mean.toFixed(1))}</span>`,
  ]);
  return table('Types', columns, rows);
}

function encodingsTable(encodings: readonly ReportEncoding[]): Html {
  const whole = sumBytes(encodings);
  const columns: Column[] = [{ title: 'Encoding', kind: 'plain' }, ...SIZES];
  const rows = encodings.map((row) => [
    markup`<span class="dot ${html(typeColour(row.type))}"></span>${text(row.type)} <span class="soft">${text(row.encoding === row.type ? '' : row.encoding)}</span>`,
    ...sizeCells(row, whole),
  ]);
  return table('Encodings', columns, rows);
}

function sizeCells(row: ReportType | ReportEncoding, whole: number): Html[] {
  return [
    countText(row.keys),
    bytesText(row.bytes),
    bar(row.bytes, whole, typeColour(row.type)),
    bytesText(row.size.p50),
    bytesText(row.size.p99),
    bytesText(row.size.max),
  ];
}

function databasesTable({ databases, totals }: InspectReport): Html {
  const columns: Column[] = [
    { title: 'Database', kind: 'plain' },
    { title: 'Keys', kind: 'num' },
    { title: 'Memory', kind: 'num' },
    { title: '', kind: 'bar', wide: true },
    { title: 'With a TTL', kind: 'num' },
  ];
  const rows = databases.map(({ db, keys, bytes, keysWithTtl }) => [
    text(`db ${db}`),
    countText(keys),
    bytesText(bytes),
    bar(bytes, totals.bytes, 'c0'),
    text(formatShare(keysWithTtl, keys)),
  ]);
  return table('Databases', columns, rows);
}

function sumBytes(rows: readonly { readonly bytes: number }[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0);
}
