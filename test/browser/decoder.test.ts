/**
 * The decoder in a browser: bundled from the sources into one script without imports, and run in a real
 * Chromium on every snapshot of the corpus, with the same result as here.
 */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeSnapshot } from '../support/browser-decode.js';
import { launchBrowser, openPage, WHY_NO_BROWSER } from '../support/browser-launch.js';
import { corpusNames, readSnapshotBytes } from '../support/rdb-corpus.js';

const ENTRY = fileURLToPath(new URL('../support/browser-decode.ts', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));

interface Bundle {
  readonly code: string;
  /** What it imports at run time. */
  readonly imports: readonly string[];
  /** The sources in it, by their path in src/. */
  readonly sources: readonly string[];
}

async function bundle(): Promise<Bundle> {
  const build = await rolldown({
    input: ENTRY,
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    external: /^node:/,
    logLevel: 'silent',
  });
  const { output } = await build.generate({ format: 'iife', name: 'decoder' });
  await build.close();
  const [chunk] = output;
  const modules = chunk.moduleIds.filter((id) => id.startsWith(SOURCES));
  return {
    code: chunk.code,
    imports: [...chunk.imports, ...chunk.dynamicImports],
    sources: modules.map((id) => id.slice(SOURCES.length)),
  };
}

describe('the decoder as a bundle for browsers', () => {
  let built: Bundle;

  beforeAll(async () => {
    built = await bundle();
  });

  test('has everything in it, nothing of Node, and nothing but the pure layers', () => {
    expect(built.imports).toEqual([]);
    expect(built.code).not.toMatch(/node:|\brequire\b|\bBuffer\b|\bprocess\./);
    expect(built.sources).toContain('rdb/file-decoder.ts');
    expect(built.sources).toContain('bytes/crc64.ts');
    expect(built.sources.filter((source) => !/^(?:rdb|bytes)\/|^errors\.ts$/.test(source))).toEqual([]);
  });

  describe.skipIf(WHY_NO_BROWSER !== undefined)('in Chromium', () => {
    let browser: Browser;
    let page: Page;
    let complaints: readonly string[];

    beforeAll(async () => {
      browser = await launchBrowser();
      ({ page, complaints } = await openPage(browser, 'about:blank'));
      await page.addScriptTag({ content: built.code });
    });

    afterAll(async () => browser?.close());

    test.each(corpusNames())('reads %s as Node does', async (name) => {
      const bytes = readSnapshotBytes(name);
      const base64 = Buffer.from(bytes).toString('base64');
      const inBrowser = await page.evaluate<string>(
        `decoder.describeSnapshot(Uint8Array.from(atob('${base64}'), (char) => char.charCodeAt(0)))`,
      );
      const here = describeSnapshot(bytes);
      expect(here.split('\n').length).toBeGreaterThan(100);
      expect(inBrowser === here).toBe(true);
      expect(complaints).toEqual([]);
    });

    test('names the same error in the same place', async () => {
      const message = await page.evaluate<string>(`(() => {
        try {
          decoder.describeSnapshot(new TextEncoder().encode('REDIS0011\\xfe'));
          return 'no error';
        } catch (error) {
          return error.name + ' ' + error.code + ' ' + error.place.offset;
        }
      })()`);
      expect(message).toBe('ReplicantError RDB_UNSUPPORTED 9');
    });
  });
});
