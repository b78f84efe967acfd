/** The page as text; how it looks and works is tested in a browser (test/browser). */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { renderHtml } from '../../../src/inspect/html/render.js';
import type { InspectReport } from '../../../src/inspect/report.js';
import { fakeReport } from '../../support/browser-report.js';

const page = renderHtml(fakeReport());

/** The page without the content of its scripts and styles. */
function markupOf(text: string): string {
  return text.replaceAll(/(<(script|style)[^>]*>)[\s\S]*?(<\/\2>)/g, '$1$3');
}

/** Its tags, without their titles, which may say anything: in everything else `<` and `>` are escaped. */
const tags = (markupOf(page).match(/<[a-z][^>]*>/g) ?? []).join('\n').replaceAll(/ title="[^"]*"/g, '');

/** What of the page matches, which makes for a readable failure. */
function found(pattern: RegExp, text: string = page): string[] {
  return [...text.matchAll(new RegExp(pattern, 'g'))].map(([match]) => match);
}

/** Content of the elements of a name, in order. */
function contents(name: string): string[] {
  return [...page.matchAll(new RegExp(`<${name}(?: [^>]*)?>([\\s\\S]*?)</${name}>`, 'g'))].map(
    (match) => match[1]!,
  );
}

test('is one file that asks for nothing', () => {
  expect(found(/<(?:link|img|iframe|object|embed|base|form)\b/)).toEqual([]);
  expect(found(/\b(?:src|srcset|href|action|data)=/, tags)).toEqual([]);
  expect(found(/@import|url\(/)).toEqual([]);
  const addresses = page.match(/https?:\/\/[^\s"'`]+/g);
  expect(addresses).toEqual(['http://www.w3.org/2000/svg', 'http://www.w3.org/2000/svg']);
});

test('its policy allows its own style and script, by their sums, and nothing else', () => {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!;
  const sum = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const [, script] = contents('script');
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `style-src ${sum(contents('style')[0]!)}`,
    `script-src ${sum(script!)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
  expect(found(/\s(?:style|on[a-z]+)=/, tags)).toEqual([]);
});

test('has as many script elements as it wrote, whatever the keys are', () => {
  expect(page.match(/<script/g)).toHaveLength(2);
  expect(page.match(/<\/script/g)).toHaveLength(2);
  expect(page.includes('<!--')).toBe(false);
  expect(['\0', '\u001b', '\u202e', '\u2066'].filter((char) => page.includes(char))).toEqual([]);
});

test('the tree in it is the tree of the report', () => {
  const tree: unknown[] = JSON.parse(contents('script')[0]!);
  const { root } = fakeReport().prefixes;
  expect(tree.slice(0, 3)).toEqual(['all keys', root.keys, root.bytes]);
  const children = tree[3] as unknown[][];
  expect(children.map((child) => child[0])).toEqual(root.children.map(({ prefix }) => prefix));
  const below = children[0]![3] as unknown[][];
  expect(below.map((child) => child[0])).toEqual(['html:', 'json:', 'thumb:', 'avatar:']);
});

test('large numbers are for people, the exact ones stand in the titles', () => {
  expect(page.includes('<data value="2184310" title="2,184,310">2.2 M</data>')).toBe(true);
  expect(page.includes('<data value="612804992" title="612,804,992 bytes">612.8 MB</data>')).toBe(true);
});

test('the same report gives the same page', () => {
  expect(renderHtml(fakeReport()) === page).toBe(true);
});

test('a snapshot without keys is a page too', () => {
  const report = fakeReport();
  const none = { min: 0, p50: 0, p90: 0, p99: 0, max: 0, mean: 0 };
  const nothing = { keys: 0, bytes: 0 };
  const empty: InspectReport = {
    ...report,
    totals: {
      ...{ keys: 0, bytes: 0, tableBytes: 0, serializedBytes: 0, elements: 0, keysWithTtl: 0, emptyKeys: 0 },
      size: none,
    },
    ...{ databases: [], types: [], encodings: [], sizes: [], notes: [], filters: [] },
    biggest: { byBytes: [], byElements: [] },
    prefixes: {
      ...{ separator: null, separatorChosenBy: 'none' },
      root: { prefix: '', ...nothing, children: [], rest: nothing },
    },
    ttl: { ...report.ttl, withTtl: nothing, withoutTtl: nothing, expired: nothing, ranges: [] },
    ...{ idle: null, frequency: null, functions: [], modules: [], aux: [] },
    slots: { ...report.slots, used: 0, heaviest: [], skew: [], tags: [], taggedKeys: 0 },
  };
  const text = renderHtml(empty);
  expect(text.includes('<h2>What it is made of</h2>')).toBe(true);
  expect(found(/NaN|undefined|Infinity/, markupOf(text))).toEqual([]);
});

test('nothing in the page is undefined or not a number', () => {
  expect(found(/NaN|undefined|Infinity|\[object/, markupOf(page))).toEqual([]);
});
