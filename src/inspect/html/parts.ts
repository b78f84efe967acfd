/**
 * The pieces the sections are made of. What has the type `Html` is escaped already; strings go through
 * `escapeHtml` on their way in. There are no style attributes, since the page's policy forbids them: widths
 * and heights are attributes of SVG shapes.
 */
import type { ReportRange, ReportText } from '../report.js';
import { escapeHtml, visibleText } from './escape.js';
import { exactBytes, formatBytes, formatCount, formatExact, formatShare } from './format.js';

/** Markup, safe to be put into the page. */
export type Html = string & { readonly html: true };

/** Says that a text is markup: only for literals and for what is made of escaped parts. */
export function html(text: string): Html {
  return text as Html;
}

/** `html` with escaped holes: strings and numbers are escaped, Html is put in as it is, lists are joined. */
export function markup(texts: TemplateStringsArray, ...holes: readonly Hole[]): Html {
  return html(texts.map((text, at) => text + (at < holes.length ? holeText(holes[at]!) : '')).join(''));
}

type Hole = Html | number | readonly Html[] | { readonly text: string };

function holeText(hole: Hole): string {
  if (typeof hole === 'number') return String(hole);
  if (typeof hole === 'string') return hole;
  return 'text' in hole ? escapeHtml(hole.text) : hole.join('');
}

/** A text, to be escaped. */
export function text(value: string): Html {
  return html(escapeHtml(value));
}

export function keyText(key: ReportText): Html {
  const shown = visibleText(key);
  if (shown === '') return html('<i>(empty)</i>');
  return markup`<bdi title="${text(shown)}">${text(shown)}</bdi>`;
}

export function bytesText(bytes: number): Html {
  return markup`<data value="${Math.round(bytes)}" title="${text(exactBytes(bytes))}">${text(formatBytes(bytes))}</data>`;
}

export function countText(count: number): Html {
  return markup`<data value="${Math.round(count)}" title="${text(formatExact(count))}">${text(formatCount(count))}</data>`;
}

/** A bar of `part` of `whole`, in one of the page's colours (a class name). */
export function bar(part: number, whole: number, colour: string): Html {
  const width = whole > 0 ? Math.min(100, Math.max(part > 0 ? 0.6 : 0, (100 * part) / whole)) : 0;
  return markup`<svg class="bar ${html(colour)}" aria-hidden="true"><rect width="${html(width.toFixed(2))}%" height="100%" rx="2"/></svg>`;
}

export interface Column {
  readonly title: string;
  /** `num`: right-aligned figures; `key`: takes what is left and is cut; `wide`: hidden on a phone. */
  readonly kind: 'num' | 'key' | 'bar' | 'plain';
  readonly wide?: boolean;
}

/** A table with one row per list of cells. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Html[])[]): Html {
  const classOf = (column: Column): Html => html(`${column.kind}${column.wide === true ? ' wide' : ''}`);
  const head = columns.map(
    (column) => markup`<th scope="col" class="${classOf(column)}">${text(column.title)}</th>`,
  );
  const body = rows.map((cells) => {
    const tds = cells.map((cell, at) => markup`<td class="${classOf(columns[at]!)}">${cell}</td>`);
    return markup`<tr>${tds}</tr>`;
  });
  return markup`<table><caption class="sr">${text(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

/** A section with its heading; `id` to be linked to. */
export function section(id: string, title: string, lead: string, ...content: readonly Html[]): Html {
  const intro = lead === '' ? html('') : markup`<p class="lead">${text(lead)}</p>`;
  return markup`<section id="${html(id)}"><h2>${text(title)}</h2>${intro}${content}</section>`;
}

export interface Chart {
  readonly title: string;
  readonly ranges: readonly ReportRange[];
  readonly measure: 'keys' | 'bytes';
  readonly colour: string;
  /** Names a range on the axis and in its title. */
  readonly tick: (range: ReportRange) => string;
  readonly name: (range: ReportRange) => string;
}

const TICKS = 6;

/** A histogram: one column per range, its exact numbers in its title, and the same as text for readers aloud. */
export function histogram({ title, ranges, measure, colour, tick, name }: Chart): Html {
  const values = ranges.map((range) => range[measure]);
  const top = Math.max(...values, 0);
  const sum = values.reduce((total, value) => total + value, 0);
  const every = Math.ceil(ranges.length / TICKS);
  const shown = measure === 'keys' ? formatCount : formatBytes;
  const columns = ranges.map((range, at) => {
    const height = top > 0 ? Math.max(range[measure] > 0 ? 1 : 0, (100 * range[measure]) / top) : 0;
    const exact = `${formatExact(range.keys)} keys, ${exactBytes(range.bytes)}`;
    const label = `${name(range)}: ${exact} (${formatShare(range[measure], sum)} of all ${measure === 'keys' ? 'keys' : 'memory'})`;
    // The last ones would stick out to the right.
    const end = ranges.length > 2 * TICKS && ranges.length - at < ranges.length / TICKS ? ' end' : '';
    const minor = at % (2 * every) === every ? ' minor' : '';
    const mark =
      at % every === 0
        ? markup`<span class="tick${html(minor)}${html(end)}">${text(tick(range))}</span>`
        : html('');
    return markup`<li title="${text(label)}"><svg class="${html(colour)}" aria-hidden="true"><rect y="${html((100 - height).toFixed(2))}%" width="100%" height="${html(height.toFixed(2))}%" rx="2"/></svg><span class="sr">${text(label)}</span>${mark}</li>`;
  });
  return markup`<figure class="chart"><figcaption>${text(title)} <span class="soft">highest ${text(shown(top))}</span></figcaption><ol>${columns}</ol></figure>`;
}
