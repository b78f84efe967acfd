/** The version matrix in README is the one that the tests have written. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { matrixTable } from '../../scripts/matrix-table.mjs';
import { readMatrix, SERIES } from '../support/matrix.js';

/** Without what the formatter adds to make columns. */
function narrow(text: string): string {
  return text.replaceAll(/ +\|/gu, ' |').replaceAll(/-{3,}/gu, '---');
}

describe('the table of the version matrix', () => {
  test('targets that fare the same share a row; what goes as it is has no place in it', () => {
    const same = { snapshot: { strings: 'exact', streams: 'converted' }, stream: { functions: 'reported' } };
    const other = { snapshot: { strings: 'exact' }, stream: {} };
    const table = matrixTable({
      'redis-7.0': { 'redis-6.0': same, 'valkey-8.0': other, 'valkey-9.1': same },
    });
    expect(table.split('\n').slice(2)).toEqual([
      '| Redis 7.0 | Redis 6.0, Valkey 9.1 | streams | – | – | functions |',
      '| Redis 7.0 | Valkey 8.0 | – | – | – | – |',
    ]);
  });

  test('the file has every pair', () => {
    const matrix = readMatrix();
    expect(Object.keys(matrix)).toEqual(SERIES);
    for (const targets of Object.values(matrix)) expect(Object.keys(targets)).toEqual(SERIES);
  });

  test('README holds what the script prints', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(narrow(readme)).toContain(`\n${narrow(matrixTable(readMatrix()))}\n`);
  });
});
