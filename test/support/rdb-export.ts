/** Runs of the export to RDB on files, for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { type RdbExportDeps, type RdbExportOptions, runRdbExport } from '../../src/export/rdb-export.js';
import type { RdbExportSummary } from '../../src/export/rdb-report.js';
import { openInput } from '../../src/io/input.js';
import { NO_FILTER } from './no-filter.js';

const CORPUS = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));

export function corpusFile(name: string): string {
  return `${CORPUS}${name}.rdb`;
}

/** A folder that goes when the test file has ended. */
export function temporaryFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'rdb-export-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

export function exportRdb(
  inputs: readonly string[],
  out: string | undefined,
  options: Partial<RdbExportOptions> = {},
  deps: Partial<RdbExportDeps> = {},
): Promise<RdbExportSummary> {
  return runRdbExport(
    {
      ...{
        inputs,
        out,
        filter: NO_FILTER,
        selection: {},
        dbMap: new Map(),
        server: undefined,
        split: undefined,
      },
      ...{ duplicates: 'fail', onError: 'stop', checksum: true, compress: false },
      ...options,
    },
    { openInput: (spec) => openInput(spec), nowMs: () => Date.now(), ...deps },
  );
}
