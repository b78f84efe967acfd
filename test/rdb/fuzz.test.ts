/**
 * Bad input, in a thread that is watched from outside: every case must end, in time and in bounded memory,
 * in a result or a ReplicantError that names a place. `npm run fuzz` does the same for as long as one likes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { MODULES } from '../../scripts/fuzz/library.mjs';
import { watch } from '../../scripts/fuzz/watch.mjs';
import { buildSources } from '../support/fuzz-build.js';

let build = '';

beforeAll(() => {
  build = buildSources();
});

test('the files that are going to be damaged are sound', async () => {
  const { cases, findings } = await watch({ phase: 'sound', seed: 1, seconds: 40, build });
  expect(findings).toEqual([]);
  expect(cases).toBeGreaterThan(70);
});

test('small files of every type, cut at every byte and flipped in every byte', async () => {
  const { cases, findings } = await watch({ phase: 'cuts', seed: 1, seconds: 40, build });
  expect(findings).toEqual([]);
  expect(cases).toBeGreaterThan(5000);
});

test('random damage to values, small files and the corpus', async () => {
  const { cases, findings } = await watch({ phase: 'random', seed: 20, seconds: 4, build });
  expect(findings).toEqual([]);
  expect(cases).toBeGreaterThan(100);
});

describe('what the watcher would find', () => {
  /** The same build with one function replaced. */
  function broken(name: string, module: string, replacement: string): string {
    const url = new URL(`../broken-${name}/`, build);
    for (const path of MODULES) {
      const file = fileURLToPath(new URL(`${path}.js`, url));
      mkdirSync(fileURLToPath(new URL('.', new URL(`${path}.js`, url))), { recursive: true });
      const whole = `export * from '${new URL(`${path}.js`, build).href}';\n`;
      writeFileSync(file, path === module ? whole + replacement : whole);
    }
    return url.href;
  }

  test.each([
    ['a TypeError', 'throws', 'throw new TypeError("x is not a function");', /^TypeError: x is not/],
    ['a loop without end', 'loops', 'for (;;) {}', /^took more than 2000 ms$/],
    [
      'memory without end',
      'grows',
      'const all = []; for (;;) all.push(new Array(1e5).fill(0));',
      /memory|grew/,
    ],
    ['a result for bad input', 'accepts', 'return {};', /^decodeValue and ValueDecoder: /],
  ])('%s', async (_, name, body, why) => {
    const replacement = `export function decodeValue() { ${body} }\n`;
    const its = broken(name, 'rdb/value', replacement);
    const { findings } = await watch({ phase: 'random', seed: 1, seconds: 30, most: 1, build: its });
    expect(findings).toEqual([expect.objectContaining({ phase: 'random', why: expect.stringMatching(why) })]);
  });
});
