/** What `export -f ndjson` writes, loaded back: nothing may be lost on the way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { compareServers, digest } from '../../scripts/lib/compare.mjs';
import { fillEverything } from '../../scripts/workload/fill.mjs';
import { fileDestination } from '../../src/export/destination.js';
import { Exporter } from '../../src/export/run-export.js';
import type { TextFormat } from '../../src/export/text-formats.js';
import { openInput } from '../../src/io/input.js';
import { BINARIES, binaryOf, NO_FILTER, Servers } from '../support/live.js';
import { corpusNames } from '../support/rdb-corpus.js';
import { restore } from './support.js';

const servers = new Servers();
const folder = await mkdtemp(join(tmpdir(), 'replicant-ndjson-'));
afterAll(() => rm(folder, { recursive: true }));

const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/corpus/${name}.rdb`, import.meta.url));

async function exportTo(path: string, source: string, format: TextFormat): Promise<void> {
  const input = await openInput(source);
  const lost: Error[] = [];
  const exporter = new Exporter(
    {
      format,
      filter: NO_FILTER,
      selection: {},
      dbMap: new Map(),
      onError: 'stop',
      checksum: true,
      meta: true,
      escape: false,
      restore: false,
      server: undefined,
      truncatedTail: 'fail',
      toTime: undefined,
    },
    {
      inputs: [input],
      destination: await fileDestination(path, true),
      onLost: (error) => lost.push(error),
      onNote: () => {},
    },
  );
  await exporter.run();
  await input.close();
  expect(lost).toEqual([]);
}

for (const name of corpusNames()) {
  const version = /^(\w+-[\d.]+)/u.exec(name)![1]!;
  // The newest Redis loads what all before it wrote.
  const binary = BINARIES.find(({ id }) => id === version) ?? binaryOf('redis-8.0');

  test.skipIf(binary === undefined)(`${name} as NDJSON, into ${binary?.id}`, async () => {
    const file = join(folder, `${name}.ndjson`);
    await exportTo(file, fileOf(name), 'ndjson');
    const loaded = await servers.start(binary!, { loadRdb: fileOf(name) });
    const target = await servers.start(binary!);
    const { summary } = await restore(file, target);
    expect(summary).toMatchObject({ ok: true, format: 'ndjson' });
    const [a, b] = [await servers.client(loaded), await servers.client(target)];
    const { differences } = await compareServers(a, b, { deep: true, ttlToleranceMs: 60 });
    expect(differences).toEqual([]);
    expect(await digest(b)).toBe(await digest(a));
    await Promise.all([loaded.stop(), target.stop()]);
  });
}

describe.each(['redis-7.0', 'redis-8.0', 'valkey-9.1'])('%s with everything it can hold', (series) => {
  const binary = binaryOf(series);
  const formats: readonly TextFormat[] = ['ndjson', 'resp'];

  test.skipIf(binary === undefined).each(formats)('from the running server, as %s', async (format) => {
    const source = await servers.start(binary!);
    const target = await servers.start(binary!);
    const [from, to] = [await servers.client(source), await servers.client(target)];
    expect(await fillEverything(from, { seed: 4711 })).toMatchObject({ errors: [] });
    const file = join(folder, `${series}.${format}`);
    await exportTo(file, source.url, format);
    await restore(file, target);
    const { differences } = await compareServers(from, to, { deep: true, ttlToleranceMs: 60 });
    // Commands can't set when consumers were last seen, nor make one that is not there.
    const left = differences.filter(({ what }) => format === 'ndjson' || what !== 'stream');
    expect(left).toEqual([]);
    await Promise.all([source.stop(), target.stop()]);
  });
});
