/** Where the keys would lie in a cluster: the 16,384 slots in a strip, and what makes some heavier. */
import type { InspectReport, ReportSlots } from '../report.js';
import { exactBytes, formatBytes, formatExact, formatShare } from './format.js';
import {
  bar,
  bytesText,
  type Column,
  countText,
  type Html,
  html,
  keyText,
  markup,
  section,
  table,
  text,
} from './parts.js';

const SLOTS = 16384;

export function slotSkew({ slots, totals }: InspectReport): Html {
  if (totals.keys === 0) return html('');
  return section(
    'slots',
    'Cluster slots',
    `${formatExact(slots.used)} of ${formatExact(SLOTS)} slots hold keys; ${formatShare(slots.taggedKeys, totals.keys)} of the keys have a hash tag.`,
    strip(slots),
    markup`<div class="pair"><div><h3>Balance over equal shards</h3>${skewTable(slots)}</div><div><h3>Heaviest slots</h3>${heaviestTable(slots)}</div></div>`,
    slots.tags.length === 0 ? html('') : markup`<h3>Heaviest hash tags</h3>${tagTable(slots)}`,
  );
}

/** Memory per group of slots, drawn over each other's mean: an even keyspace is a flat band. */
function strip({ groups, slotsPerGroup }: ReportSlots): Html {
  const top = Math.max(1, ...groups.map(({ bytes }) => bytes));
  const mean = groups.reduce((sum, { bytes }) => sum + bytes, 0) / Math.max(1, groups.length);
  const width = 100 / Math.max(1, groups.length);
  const bars = groups.map(({ keys, bytes }, at) => {
    const height = (100 * bytes) / top;
    const first = at * slotsPerGroup;
    const title = `slots ${first} to ${Math.min(SLOTS, first + slotsPerGroup) - 1}: ${formatExact(keys)} keys, ${exactBytes(bytes)}`;
    return markup`<rect x="${html((at * width).toFixed(3))}%" y="${html((100 - height).toFixed(2))}%" width="${html((width * 0.9).toFixed(3))}%" height="${html(height.toFixed(2))}%"><title>${text(title)}</title></rect>`;
  });
  const line = html((100 - (100 * mean) / top).toFixed(2));
  return markup`<figure class="strip"><svg class="c5" role="img" aria-label="Memory by slot">${bars}<line x1="0" x2="100%" y1="${line}%" y2="${line}%"/></svg>
<figcaption><span>slot 0</span><span>mean ${text(formatBytes(mean))} per ${slotsPerGroup} slots</span><span>${SLOTS - 1}</span></figcaption></figure>`;
}

function skewTable({ skew }: ReportSlots): Html {
  const columns: Column[] = [
    { title: 'Shards', kind: 'plain' },
    { title: 'Fullest shard', kind: 'num' },
    { title: '', kind: 'bar' },
  ];
  const top = Math.max(1, ...skew.map(({ fullest }) => fullest));
  const rows = skew.map(({ shards, fullest }) => [
    text(String(shards)),
    markup`<span title="${text(`${fullest.toFixed(4)} times the mean`)}">${text(`${fullest.toFixed(2)} × mean`)}</span>`,
    bar(fullest, top, fullest > 1.5 ? 'warn' : 'c5'),
  ]);
  return table('Balance', columns, rows);
}

function heaviestTable({ heaviest }: ReportSlots): Html {
  const columns: Column[] = [
    { title: 'Slot', kind: 'plain' },
    { title: 'Keys', kind: 'num' },
    { title: 'Memory', kind: 'num' },
  ];
  const rows = heaviest.map(({ slot, keys, bytes }) => [
    text(String(slot)),
    countText(keys),
    bytesText(bytes),
  ]);
  return table('Heaviest slots', columns, rows);
}

function tagTable({ tags }: ReportSlots): Html {
  const columns: Column[] = [
    { title: 'Tag', kind: 'key' },
    { title: 'Slot', kind: 'num', wide: true },
    { title: 'Keys', kind: 'num' },
    { title: 'Memory', kind: 'num' },
  ];
  const rows = tags.map(({ tag, slot, keys, bytes }) => [
    keyText(tag),
    text(String(slot)),
    countText(keys),
    bytesText(bytes),
  ]);
  return table('Heaviest hash tags', columns, rows);
}
