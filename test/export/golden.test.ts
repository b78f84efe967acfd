/**
 * Every text format of some snapshots, byte for byte as it is meant to stay. `UPDATE_GOLDEN=1` writes the
 * files anew: look at the difference before it is kept.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TEXT_FORMATS } from '../../src/export/text-formats.js';
import { readSnapshotBytes } from '../support/rdb-corpus.js';
import { exportText } from '../support/text-export.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/golden/', import.meta.url));
const NAMES = ['redis-2.8.24', 'redis-7.4.1', 'valkey-9.1.2-lfu'];
/** Keeps the files small enough to be read; the rest of the corpus is compared in ndjson.test.ts. */
const SELECTION = { maxBytes: 160 };
const FILTER = { excludeKeys: ['*:lzf', '*:zeros', '*bitmap'] };
/** Sizes are the memory model's business, and have tests there. */
const SIZE_COLUMN = /,\d+(?=,\w+,\d+,\d+,[^,\n]*$)/gm;

test.each(NAMES.flatMap((name) => TEXT_FORMATS.map((format) => [name, format] as const)))(
  '%s as %s',
  (name, format) => {
    const exported = exportText(readSnapshotBytes(name), {
      ...{ format, selection: SELECTION, filter: FILTER, dbMap: new Map([[3, 5]]) },
      ...{ meta: true, escape: true },
    });
    const text = exported.bytes.toString('latin1');
    const stable = format === 'csv' ? text.replaceAll(SIZE_COLUMN, ',SIZE') : text;
    const path = `${FOLDER}${name}.${format}`;
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(path, stable, 'latin1');
    }
    expect(stable.length).toBeGreaterThan(500);
    expect(stable).toBe(readFileSync(path, 'latin1'));
  },
);
