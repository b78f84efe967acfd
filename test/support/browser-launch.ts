/** A headless Chromium for a test file, and pages that remember everything that went wrong on them. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/lib/chromium.mjs';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const found = await findChromium();

/** Why the tests that need a browser are skipped; undefined when there is one. */
export const WHY_NO_BROWSER: string | undefined = typeof found === 'string' ? found : undefined;
if (WHY_NO_BROWSER !== undefined) console.warn(`browser tests are skipped: ${WHY_NO_BROWSER}`);

/** Playwright gives each browser an empty profile of its own, and removes it. */
export async function launchBrowser(): Promise<Browser> {
  if (typeof found === 'string') throw new Error(found);
  const env = { ...process.env, ...found.env } as Record<string, string>;
  return chromium.launch({ executablePath: found.path, env, args: FLAGS, headless: true });
}

export interface WatchedPage {
  readonly page: Page;
  /** Console errors and warnings, exceptions, and refused loads. */
  readonly complaints: string[];
  /** Every address asked for. */
  readonly requests: string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
}

/** A phone of 360 by 740 points. */
export const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};
