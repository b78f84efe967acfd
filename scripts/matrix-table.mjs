/**
 * The version matrix as a table in Markdown:
 *
 *   node scripts/matrix-table.mjs [fixtures/version-matrix.json]
 *
 * README.md holds what this prints; a test compares the two.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** @typedef {Record<string, string>} Cells */
/** @typedef {Record<string, Record<string, {snapshot: Cells, stream: Cells}>>} Matrix */

const HEAD = [
  '| from | to | values: converted | values: reported | commands: converted | commands: reported |',
  '| --- | --- | --- | --- | --- | --- |',
];

/** @param {Cells} cells @param {string} outcome */
function families(cells, outcome) {
  const names = Object.keys(cells).filter((family) => cells[family] === outcome);
  return names.join(', ') || '–';
}

/** @param {string} series */
function shown(series) {
  const [family, version] = series.split('-');
  return `${family === 'redis' ? 'Redis' : 'Valkey'} ${version}`;
}

/** Targets of one source that fare the same share a row. @param {Matrix[string]} targets @returns {[string[], string[]][]} */
function rowsOf(targets) {
  /** @type {Map<string, [string[], string[]]>} */
  const rows = new Map();
  for (const [target, { snapshot, stream }] of Object.entries(targets)) {
    const cells = [snapshot, stream].flatMap((part) => [
      families(part, 'converted'),
      families(part, 'reported'),
    ]);
    const same = rows.get(cells.join('|'));
    if (same === undefined) rows.set(cells.join('|'), [[shown(target)], cells]);
    else same[0].push(shown(target));
  }
  return [...rows.values()];
}

/**
 * What is neither converted nor reported goes as it is.
 * @param {Matrix} matrix
 * @returns {string}
 */
export function matrixTable(matrix) {
  const rows = Object.entries(matrix).flatMap(([source, targets]) =>
    rowsOf(targets).map(([names, cells]) => `| ${[shown(source), names.join(', '), ...cells].join(' | ')} |`),
  );
  return [...HEAD, ...rows].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = process.argv[2] ?? new URL('../fixtures/version-matrix.json', import.meta.url);
  console.log(matrixTable(JSON.parse(readFileSync(file, 'utf8'))));
}
