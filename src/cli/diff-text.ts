/** Differences as text for a terminal: `+` added, `-` removed, `~` changed; at most 80 columns. */
import type { DiffKey, DiffReport, DiffSide, PrefixChange } from '../inspect/diff-report.js';
import { showText } from '../inspect/report-text.js';
import { formatBytes, formatCount } from '../observe/units.js';
import { clip } from './inspect-text.js';

const WIDTH = 80;
const SHOWN_PREFIXES = 20;
const PREFIX_ROOM = 40;

export function renderDiff(report: DiffReport): string {
  const { counts, before, after, limit } = report;
  const sections = [
    [side('-', before), side('+', after), summary(report)],
    list('Added', '+', report.added, counts.added, limit),
    list('Removed', '-', report.removed, counts.removed, limit),
    list('Changed', '~', report.changed, counts.changed, limit),
    prefixes(report.prefixes),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function side(sign: string, { label, server, takenAtMs, keys, bytes }: DiffSide): string {
  const taken =
    takenAtMs === null ? '' : `, ${new Date(takenAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const rest = `  ${server ?? 'unknown server'}${taken}, ${formatCount(keys)} keys, ${formatBytes(bytes)}`;
  return `${sign} ${clip(label, Math.max(16, WIDTH - 2 - rest.length))}${rest}`;
}

function summary({ counts, equal }: DiffReport): string {
  if (equal) return `no difference in ${formatCount(counts.same)} keys`;
  const parts = [
    `${formatCount(counts.added)} added`,
    `${formatCount(counts.removed)} removed`,
    `${formatCount(counts.changed)} changed`,
    `${formatCount(counts.same)} the same`,
  ];
  const how = [
    ...(counts.changedValue > 0 ? [`${formatCount(counts.changedValue)} values`] : []),
    ...(counts.changedType > 0 ? [`${formatCount(counts.changedType)} types`] : []),
    ...(counts.changedTtl > 0 ? [`${formatCount(counts.changedTtl)} TTLs`] : []),
  ];
  return `${parts.join(', ')}${how.length > 0 ? ` (${how.join(', ')})` : ''}`;
}

function list(
  title: string,
  sign: string,
  keys: readonly (DiffKey & { readonly what?: readonly string[] })[],
  total: number,
  limit: number,
): string[] {
  if (keys.length === 0) return [];
  const lines = keys.map(({ db, key, type, bytes, what }) => {
    const size = bytes > 0 ? formatBytes(bytes) : '';
    const head = `${sign} ${type.padEnd(7)}${size.padStart(9)} ${(what ?? []).join('+').padEnd(what === undefined ? 0 : 10)}${db === 0 ? '' : `db${db} `}`;
    return `${head} ${clip(showText(key), WIDTH - 1 - head.length)}`;
  });
  const more = total - keys.length;
  return [title, ...lines, ...(more > 0 ? [`  and ${formatCount(more)} more (--limit ${limit})`] : [])];
}

function prefixes(changes: readonly PrefixChange[]): string[] {
  if (changes.length === 0) return [];
  const lines = changes
    .slice(0, SHOWN_PREFIXES)
    .map(({ prefix, keysBefore, keysAfter, bytesBefore, bytesAfter }) => {
      const name = clip(showText(prefix), PREFIX_ROOM).padEnd(PREFIX_ROOM);
      const keys = signed(keysAfter - keysBefore, formatCount);
      const bytes = signed(bytesAfter - bytesBefore, formatBytes);
      return `  ${name} ${keys.padStart(9)} ${bytes.padStart(10)}  ${growth(bytesBefore, bytesAfter)}`;
    });
  const head = `  ${'prefix'.padEnd(PREFIX_ROOM)} ${'keys'.padStart(9)} ${'bytes'.padStart(10)}`;
  return ['Prefixes that grew or shrank', head, ...lines];
}

function signed(value: number, format: (value: number) => string): string {
  if (value === 0) return '0';
  return `${value > 0 ? '+' : '−'}${format(Math.abs(value))}`;
}

function growth(before: number, after: number): string {
  if (before === 0) return 'new';
  if (after === 0) return 'gone';
  return `${after >= before ? '+' : '−'}${Math.round((Math.abs(after - before) / before) * 100)}%`;
}
