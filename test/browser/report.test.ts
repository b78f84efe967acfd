/** The HTML report as a reader meets it: opened as a file in a real Chromium. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderHtml } from '../../src/inspect/html/render.js';
import { launchBrowser, openPage, PHONE, WHY_NO_BROWSER } from '../support/browser-launch.js';
import { runInspect } from '../../src/inspect/run-inspect.js';
import { fakeReport } from '../support/browser-report.js';
import { NO_FILTER } from '../support/live.js';
import { corpusNames } from '../support/rdb-corpus.js';

/** Pictures for people; git ignores the folder. */
const PICTURES = fileURLToPath(new URL('../../.cache/browser/', import.meta.url));
const CORPUS = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));
const WIDE = { viewport: { width: 1200, height: 900 } };

const tiles = (page: Page) => page.locator('.stage > button');
const where = (page: Page) => page.locator('.crumbs [aria-current]');

describe.skipIf(WHY_NO_BROWSER !== undefined)('the report', () => {
  const dir = mkdtempSync(join(tmpdir(), 'replicant-report-'));
  const url = pathToFileURL(join(dir, 'report.html')).href;
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(join(dir, 'report.html'), renderHtml(fakeReport()));
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
    ['light', { ...WIDE, colorScheme: 'light' }],
    ['dark', { ...WIDE, colorScheme: 'dark' }],
    ['phone', { ...PHONE, colorScheme: 'light' }],
    ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
  ];

  test.each(LOOKS)('%s: opens without a complaint, loads nothing, fits its window', async (name, options) => {
    const { page, complaints, requests } = await openPage(browser, url, options);
    await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
    expect(complaints).toEqual([]);
    expect(requests).toEqual([url]);
    expect(await page.title()).toBe('/var/lib/redis/dump-<prod>&"eu".rdb · snapshot report');
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(options.viewport!.width);
    expect(await tiles(page).count()).toBeGreaterThan(3);
    await page.context().close();
  });

  test('light and dark have different paper and enough contrast', async () => {
    const shades: number[][] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await openPage(browser, url, { ...WIDE, colorScheme });
      const style = await page.evaluate<string[]>(
        `(() => { const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]; })()`,
      );
      shades.push(style.map(luminance));
      await page.context().close();
    }
    const [light, dark] = shades as [number[], number[]];
    expect(light[0]).toBeGreaterThan(0.8);
    expect(dark[0]).toBeLessThan(0.05);
    for (const [paper, ink] of [light, dark] as [number, number][]) {
      expect((Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05)).toBeGreaterThan(7);
    }
  });

  test('a click looks inside a prefix; the breadcrumb and the browser go back', async () => {
    const { page, complaints } = await openPage(browser, url, WIDE);
    expect(await where(page).textContent()).toBe('all keys');
    const first = await tiles(page).first().locator('.head bdi').first().textContent();
    await tiles(page).first().click();
    expect(await where(page).textContent()).toBe(first);
    expect(await page.locator('#map-table tbody tr').first().textContent()).toContain('html:');
    await tiles(page).first().click();
    expect(await page.locator('.crumbs li').count()).toBe(3);
    await page.screenshot({ path: join(PICTURES, 'inside.png') });
    await page.goBack();
    expect(await where(page).textContent()).toBe(first);
    await page.locator('.crumbs button').first().click();
    expect(await where(page).textContent()).toBe('all keys');
    await page.locator('#map-table button.link').nth(1).click();
    expect(await where(page).textContent()).toBe('user:');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('by keyboard: enter goes in, escape comes out, and the focus stays where the reader is', async () => {
    const { page } = await openPage(browser, url, WIDE);
    const label = 'document.activeElement.getAttribute("aria-label") ?? document.activeElement.tagName';
    await tiles(page).nth(1).focus();
    const before = await page.evaluate(label);
    await page.keyboard.press('Enter');
    expect(await where(page).textContent()).toBe('user:');
    expect(await page.evaluate(label)).not.toBe('BODY');
    expect(await page.locator('[aria-live]').textContent()).toMatch(/^user:: [\d.]+ k keys, [\d.]+ MB$/);
    await page.keyboard.press('Escape');
    expect(await where(page).textContent()).toBe('all keys');
    expect(await page.evaluate(label)).toBe(before);
    await page.context().close();
  });

  test('areas can show keys instead of memory', async () => {
    const { page } = await openPage(browser, url, WIDE);
    const widths = () =>
      page.evaluate<string>(`[...document.querySelectorAll('.tile')].map((t) => t.title).join()`);
    const byMemory = await widths();
    await page.getByRole('button', { name: 'Keys', exact: true }).click();
    expect(await widths()).not.toBe(byMemory);
    expect(await page.locator('.switch [aria-pressed=true]').textContent()).toBe('Keys');
    await page.context().close();
  });

  test('on a phone a tap goes in, and the areas fill the width', async () => {
    const { page } = await openPage(browser, url, PHONE);
    await tiles(page).first().tap();
    expect(await where(page).textContent()).toBe('session:');
    const right = await page.evaluate<number>(
      `Math.max(...[...document.querySelectorAll('.tile')].map((t) => t.getBoundingClientRect().right))`,
    );
    expect(right).toBeGreaterThan(300);
    expect(right).toBeLessThanOrEqual(360);
    await page.context().close();
  });

  test('areas are as large as what they stand for, and do not overlap', async () => {
    const { page } = await openPage(browser, url, WIDE);
    const boxes = await page.evaluate<Box[]>(`[...document.querySelectorAll('.tile')].map((tile) => {
      const { left, top, width, height } = tile.getBoundingClientRect();
      return { left, top, width, height, bytes: Number(/([\\d,]+) bytes/.exec(tile.title)[1].replaceAll(',', '')) };
    })`);
    const whole = boxes.reduce((sum, { bytes }) => sum + bytes, 0);
    const area = boxes.reduce((sum, box) => sum + (box.width + 2) * (box.height + 2), 0);
    for (const box of boxes) {
      expect(((box.width + 2) * (box.height + 2)) / area).toBeCloseTo(box.bytes / whole, 3);
    }
    expect(boxes.some((one, at) => boxes.slice(at + 1).some((other) => overlaps(one, other)))).toBe(false);
    await page.context().close();
  });

  test('keys are shown and never obeyed', async () => {
    const { page, complaints, requests } = await openPage(browser, url, WIDE);
    await page.locator('#map-table button.link', { hasText: 'cache:' }).click();
    const body = (await page.locator('body').textContent())!;
    expect(body).toContain('</script><script>document.title="pwned"</script>');
    expect(body).toContain('right\\u202eto\\u2066left');
    expect(body).toContain('nul\\x00and\\x1b[31mescape\\x0d\\x0alines');
    expect(body).toContain('\\x00\\xff<b>\\xc3(');
    expect(body).not.toContain('k'.repeat(600));
    expect(
      await page.locator('img, iframe, object, embed, link, base, [onmouseover], [onerror]').count(),
    ).toBe(0);
    expect(await page.locator('script').count()).toBe(2);
    expect([await page.title(), complaints, requests]).toEqual([
      '/var/lib/redis/dump-<prod>&"eu".rdb · snapshot report',
      [],
      [url],
    ]);
    await page.context().close();
  });

  test('the policy of the page lets nothing run and nothing out', async () => {
    const { page } = await openPage(browser, url, WIDE);
    const seen = await page.evaluate<string[]>(`new Promise((resolve) => {
      const refused = [];
      document.addEventListener('securitypolicyviolation', (event) => {
        refused.push(event.effectiveDirective);
        if (refused.length === 3) resolve(refused.toSorted());
      });
      const script = document.createElement('script');
      script.textContent = 'document.title = "pwned"';
      document.body.append(script);
      const image = document.createElement('img');
      image.src = 'http://127.0.0.1:9/x.png';
      document.body.append(image);
      fetch('http://127.0.0.1:9/x').catch(() => {});
    })`);
    expect(seen).toEqual(['connect-src', 'img-src', 'script-src-elem']);
    expect(await page.title()).not.toBe('pwned');
    await page.context().close();
  });

  test('without scripts the prefixes are a table', async () => {
    const { page, complaints } = await openPage(browser, url, { ...WIDE, javaScriptEnabled: false });
    expect(await page.locator('#map').isVisible()).toBe(false);
    expect(await page.locator('#map-table tbody tr').count()).toBe(12);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe.skipIf(WHY_NO_BROWSER !== undefined)('reports of real snapshots', () => {
  const dir = mkdtempSync(join(tmpdir(), 'replicant-reports-'));
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.each(corpusNames())('%s opens, can be walked in, and fits a phone', async (name) => {
    const run = runInspect({
      source: `${CORPUS}${name}.rdb`,
      input: {},
      filter: NO_FILTER,
      filterWords: [],
      top: 20,
      sampleEvery: 1,
      separator: undefined,
      server: undefined,
      allocator: 'found',
      account: 'allocated',
      nowMs: 1_800_000_000_000,
      checksum: true,
      onError: 'stop',
    });
    const { report } = await run.done;
    const file = join(dir, `${name}.html`);
    writeFileSync(file, renderHtml(report));
    const { page, complaints, requests } = await openPage(browser, pathToFileURL(file).href, PHONE);
    await tiles(page).first().tap();
    expect(await where(page).textContent()).not.toBe('all keys');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect((await page.innerText('main')).match(/NaN|Infinity|undefined|\[object/g)).toBeNull();
    expect([complaints, requests.length]).toEqual([[], 1]);
    await page.context().close();
  });
});

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

function overlaps(one: Box, other: Box): boolean {
  return (
    one.left < other.left + other.width - 0.5 &&
    other.left < one.left + one.width - 0.5 &&
    one.top < other.top + other.height - 0.5 &&
    other.top < one.top + one.height - 0.5
  );
}

/** Relative luminance of `rgb(r, g, b)`, as WCAG defines it. */
function luminance(colour: string): number {
  const [r, g, b] = colour.match(/\d+/g)!.map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
