import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { replaceFile, startStatusFile } from '../../src/observe/status-file.js';
import { syncStatus } from '../cli/fake-engine.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replicant-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('a reader sees a whole document at every moment', async () => {
  const path = join(folder, 'status.json');
  await replaceFile(path, `"${'a'.repeat(100_000)}"`);
  const writer = (async () => {
    for (let round = 0; round < 50; round += 1) {
      await replaceFile(path, `"${(round % 2 === 0 ? 'b' : 'a').repeat(100_000)}"`);
    }
  })();
  const progress = { writing: true, reads: 0 };
  void writer.finally(() => (progress.writing = false));
  while (progress.writing) {
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatch(/^(?:a{100000}|b{100000})$/);
    progress.reads += 1;
  }
  await writer;
  expect(progress.reads).toBeGreaterThan(0);
  expect(await readdir(folder)).toEqual(['status.json']);
});

test('the first status is written at once, the last one at the end, and nothing is left over', async () => {
  const path = join(folder, 'status.json');
  const read = async (): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));
  let status = syncStatus;
  const file = startStatusFile(
    path,
    () => status,
    () => {},
  );
  await vi.waitFor(async () => expect(await read()).toEqual(syncStatus));
  status = { ...syncStatus, phase: 'stopped' };
  await file.close();
  await file.close();
  expect(await read()).toEqual(status);
  expect(await readdir(folder)).toEqual(['status.json']);
});

test.each([
  ['a missing directory', 'gone/status.json', async () => {}],
  [
    'a directory in its place',
    'status.json',
    async () => void (await mkdir(join(folder, 'status.json', 'x'), { recursive: true })),
  ],
  ['a file as directory', 'plain/status.json', async () => writeFile(join(folder, 'plain'), '')],
])('%s is one warning and no more', async (_name, name, prepare) => {
  await prepare();
  const warnings: string[] = [];
  const path = join(folder, name);
  const before = await readdir(folder);
  const file = startStatusFile(
    path,
    () => syncStatus,
    (message) => void warnings.push(message),
  );
  await file.close();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`cannot write the status file ${path}`);
  expect(await readdir(folder)).toEqual(before);
});
