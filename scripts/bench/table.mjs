/** The figures as rows of a table, each with the limit it is held to. */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {number} [native]
 * @property {number} ours
 * @property {'s' | 'ms' | 'MB' | 's/M' | '/s' | ''} unit
 * @property {number} [maxRatio] ours / native may be at most this
 * @property {number} [max] ours may be at most this, in `unit`
 * @property {boolean} [equal] false: source and target differ, which no figure makes good
 */

/** @param {Row} row @returns {number | undefined} */
export function ratioOf({ native, ours }) {
  return native === undefined || native === 0 ? undefined : ours / native;
}

/** @param {Row} row @returns {boolean | undefined} undefined when the row is held to nothing */
export function isOk(row) {
  if (row.equal === false || Number.isNaN(row.ours)) return false;
  const ratio = ratioOf(row);
  if (row.max === undefined && row.maxRatio === undefined) return undefined;
  const withinRatio = row.maxRatio === undefined || ratio === undefined || ratio <= row.maxRatio;
  return withinRatio && (row.max === undefined || row.ours <= row.max);
}

/** @param {number | undefined} value @param {string} unit @returns {string} */
function formatValue(value, unit) {
  if (value === undefined) return '-';
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return unit === '' ? String(value) : `${value.toFixed(digits)} ${unit}`;
}

/** @param {Row} row @returns {string} */
function formatLimit({ maxRatio, max, unit }) {
  const limits = [
    maxRatio === undefined ? '' : `${maxRatio}×`,
    max === undefined ? '' : `${max} ${unit}`.trimEnd(),
  ];
  return limits.filter((text) => text !== '').join(', ') || '-';
}

/** @param {Row} row @returns {string[]} */
function cells(row) {
  const ratio = ratioOf(row);
  const ok = isOk(row);
  const verdict = row.equal === false ? 'DIFFERS' : ok === undefined ? '' : ok ? 'ok' : 'NO';
  return [
    row.name,
    formatValue(row.native, row.unit),
    formatValue(row.ours, row.unit),
    ratio === undefined ? '-' : `${ratio.toFixed(2)}×`,
    formatLimit(row),
    verdict,
  ];
}

/** @param {readonly Row[]} rows @returns {string} */
export function formatTable(rows) {
  const lines = [['', 'native', 'ours', 'ratio', 'limit', 'ok'], ...rows.map(cells)];
  const widths = [0, 1, 2, 3, 4, 5].map((column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join(' │ '),
    )
    .join('\n');
}
