/** How keys spread over sizes, times to live, idle times and access counters. */
import type { InspectReport, ReportRange } from '../report.js';
import { formatExact, formatPower, formatSeconds, formatShare } from './format.js';
import { keyTable } from './keys.js';
import { bytesText, countText, histogram, type Html, html, markup, section, text } from './parts.js';

export function sizeDistribution({ sizes }: InspectReport): Html {
  if (sizes.length === 0) return html('');
  const chart = (measure: 'keys' | 'bytes', title: string): Html =>
    histogram({
      title,
      ranges: sizes,
      measure,
      colour: measure === 'keys' ? 'c0' : 'c1',
      tick: ({ from }) => formatPower(from),
      name: (range) => rangeName(range, formatPower),
    });
  return section(
    'sizes',
    'Sizes',
    'Each column holds the keys that take up to twice as much as those of the column before.',
    markup`<div class="pair">${chart('keys', 'Keys by what one takes')}${chart('bytes', 'Memory by what one key takes')}</div>`,
  );
}

export function ttlDistribution(report: InspectReport): Html {
  const { withTtl, withoutTtl, expired, fieldTtl, ranges } = report.ttl;
  const facts = [
    markup`<li><b>${countText(withTtl.keys)}</b> keys expire <span class="soft">${bytesText(withTtl.bytes)}</span></li>`,
    markup`<li><b>${countText(withoutTtl.keys)}</b> stay <span class="soft">${bytesText(withoutTtl.bytes)}, ${text(formatShare(withoutTtl.bytes, withTtl.bytes + withoutTtl.bytes))} of the memory</span></li>`,
    ...(expired.keys === 0
      ? []
      : [
          markup`<li><b>${countText(expired.keys)}</b> had expired and were still there <span class="soft">${bytesText(expired.bytes)}</span></li>`,
        ]),
    ...(fieldTtl.fields === 0
      ? []
      : [
          markup`<li><b>${countText(fieldTtl.fields)}</b> hash fields expire on their own, in ${countText(fieldTtl.keys)} keys</li>`,
        ]),
  ];
  const charts = ranges.every(({ keys }) => keys === 0)
    ? html('')
    : markup`<div class="pair">${timeChart('Keys by time to live', ranges, 'keys', 'c2')}${timeChart('Memory by time to live', ranges, 'bytes', 'c3')}</div>`;
  return section('ttl', 'Time to live', '', markup`<ul class="facts">${facts}</ul>`, charts);
}

export function accessPatterns(report: InspectReport): Html {
  return markup`${idleSection(report)}${frequencySection(report)}`;
}

function idleSection(report: InspectReport): Html {
  const { idle } = report;
  if (idle === null) return html('');
  return section(
    'idle',
    'Idle keys',
    'The server kept track of the last access (an LRU policy). These are the biggest keys among the tenth that has waited longest.',
    timeChart('Memory by time since the last access', idle.ranges, 'bytes', 'c4'),
    keyTable('Idle keys', idle.coldest, 'idle', report),
  );
}

function frequencySection(report: InspectReport): Html {
  const { frequency } = report;
  if (frequency === null) return html('');
  const chart = histogram({
    title: 'Keys by access counter',
    ranges: frequency.ranges,
    measure: 'keys',
    colour: 'c4',
    tick: ({ from }) => String(from),
    name: (range) => rangeName(range, formatExact),
  });
  return section(
    'hot',
    'Hot keys',
    'The server counted accesses (an LFU policy). The counter is logarithmic: 255 is about a million.',
    chart,
    keyTable('Hot keys', frequency.hottest, 'frequency', report),
  );
}

function timeChart(
  title: string,
  ranges: readonly ReportRange[],
  measure: 'keys' | 'bytes',
  colour: string,
): Html {
  return histogram({
    title,
    ranges,
    measure,
    colour,
    tick: ({ from, to }) => (from === 0 && to !== null ? `< ${formatSeconds(to)}` : formatSeconds(from)),
    name: (range) => rangeName(range, formatSeconds),
  });
}

function rangeName({ from, to }: ReportRange, format: (value: number) => string): string {
  if (to === null) return `${format(from)} or more`;
  return from === 0 ? `less than ${format(to)}` : `${format(from)} to ${format(to)}`;
}
