/** Lists of single keys: the biggest ones, and those used least and most. */
import type { InspectReport, ReportKey } from '../report.js';
import { typeColour } from './composition.js';
import { formatBytes, formatExact, formatSeconds, formatTime } from './format.js';
import {
  bar,
  bytesText,
  countText,
  type Html,
  html,
  keyText,
  markup,
  section,
  table,
  text,
} from './parts.js';

/** What stands in a list's last two columns. */
type Measure = 'bytes' | 'elements' | 'idle' | 'frequency';

export function biggestKeys(report: InspectReport): Html {
  const { byBytes, byElements } = report.biggest;
  if (byBytes.length === 0) return html('');
  const withElements = byElements.filter(({ type }) => type !== 'string');
  const second =
    withElements.length === 0
      ? html('')
      : markup`<div><h3>By elements</h3>${keyTable('Keys with most elements', withElements, 'elements', report)}</div>`;
  return section(
    'biggest',
    'Biggest keys',
    '',
    markup`<div class="pair"><div><h3>By memory</h3>${keyTable('Biggest keys', byBytes, 'bytes', report)}</div>${second}</div>`,
  );
}

/** A table of keys: the key with what is known of it below, and one figure with its bar. */
export function keyTable(
  caption: string,
  keys: readonly ReportKey[],
  measure: Measure,
  report: InspectReport,
): Html {
  const top = Math.max(1, ...keys.map((key) => measureOf(key, measure)));
  const rows = keys.map((key) => [
    markup`${keyText(key.key)}<span class="meta">${metaOf(key, measure, report)}</span>`,
    markup`${figureOf(key, measure)}${bar(measureOf(key, measure), top, typeColour(key.type))}`,
  ]);
  const title: Record<Measure, string> = {
    bytes: 'Memory',
    elements: 'Elements',
    idle: 'Idle',
    frequency: 'Counter',
  };
  return table(
    caption,
    [
      { title: 'Key', kind: 'key' },
      { title: title[measure], kind: 'num' },
    ],
    rows,
  );
}

function measureOf(key: ReportKey, measure: Measure): number {
  if (measure === 'bytes') return key.bytes;
  if (measure === 'elements') return key.elements;
  return (measure === 'idle' ? key.idleSeconds : key.lfuFrequency) ?? 0;
}

function figureOf(key: ReportKey, measure: Measure): Html {
  const value = measureOf(key, measure);
  if (measure === 'bytes') return bytesText(value);
  if (measure === 'elements') return countText(value);
  if (measure === 'frequency') return text(String(value));
  return markup`<span title="${text(`${formatExact(value)} seconds`)}">${text(formatSeconds(value))}</span>`;
}

function metaOf(key: ReportKey, measure: Measure, { databases, ttl }: InspectReport): Html {
  const parts: Html[] = [
    markup`<span class="dot ${html(typeColour(key.type))}"></span>${text(key.type)}${key.encoding === key.type ? html('') : text(` ${key.encoding}`)}`,
  ];
  if (databases.length > 1) parts.push(text(`db ${key.db}`));
  if (measure !== 'bytes') parts.push(bytesText(key.bytes));
  if (measure !== 'elements' && key.type !== 'string')
    parts.push(markup`${countText(key.elements)} elements`);
  if (key.largestElementBytes !== null && key.type !== 'string') {
    parts.push(text(`largest element ${formatBytes(key.largestElementBytes)}`));
  }
  if (key.expiresAtMs !== null) {
    const seconds = (key.expiresAtMs - ttl.referenceMs) / 1000;
    const left = seconds > 0 ? `expires in ${formatSeconds(seconds)}` : 'expired';
    parts.push(markup`<span title="${text(formatTime(key.expiresAtMs))}">${text(left)}</span>`);
  }
  return html(parts.map((part) => `<span>${part}</span>`).join(''));
}
