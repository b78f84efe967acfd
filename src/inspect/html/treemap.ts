/**
 * The prefix tree: data for the treemap's script, and a plain table of the first level, which is what a
 * reader without scripts sees. The script (treemap-script.ts) draws and walks.
 */
import type { InspectReport, ReportPrefix } from '../report.js';
import { cutText, escapeJson, visibleText, visibleWhole } from './escape.js';
import { formatShare } from './format.js';
import { bar, bytesText, countText, type Html, html, markup, section, table, text } from './parts.js';

/** label, keys, bytes, children, keys and bytes of the rest. */
type Node = readonly [string, number, number, readonly Node[], number, number];

export function treemap({ prefixes, totals }: InspectReport): Html {
  const { root, separator, separatorChosenBy } = prefixes;
  if (root.children.length === 0) return html('');
  const found =
    separator === null
      ? ''
      : ` Keys are taken apart at “${visibleText(separator)}”${separatorChosenBy === 'found' ? ' (found)' : ''}.`;
  const rows = root.children.map((child) => [
    markup`<bdi>${text(labelOf(child, root))}</bdi>`,
    countText(child.keys),
    bytesText(child.bytes),
    markup`${text(formatShare(child.bytes, totals.bytes))}`,
    bar(child.bytes, root.bytes, 'c0'),
  ]);
  const columns = [
    { title: 'Prefix', kind: 'key' },
    { title: 'Keys', kind: 'num' },
    { title: 'Memory', kind: 'num' },
    { title: 'Share', kind: 'num', wide: true },
    { title: '', kind: 'bar', wide: true },
  ] as const;
  return section(
    'prefixes',
    'Where the memory is',
    `Each area is a prefix, as large as the memory of the keys below it. Click one to look inside.${found}`,
    markup`<div id="map" hidden></div><div id="map-table">${table('Prefixes', columns, rows)}</div>`,
    html(`<script type="application/json" id="tree">${escapeJson(nodeOf(root, undefined))}</script>`),
  );
}

function nodeOf(node: ReportPrefix, parent: ReportPrefix | undefined): Node {
  const label = parent === undefined ? 'all keys' : labelOf(node, parent);
  const children = node.children.map((child) => nodeOf(child, node));
  return [label, node.keys, Math.round(node.bytes), children, node.rest.keys, Math.round(node.rest.bytes)];
}

/** What the prefix adds to its parent's. */
function labelOf({ prefix }: ReportPrefix, parent: ReportPrefix): string {
  const whole = visibleWhole(prefix);
  const before = visibleWhole(parent.prefix);
  const added = whole.startsWith(before) && whole.length > before.length ? whole.slice(before.length) : whole;
  return cutText(added) || '(empty)';
}
