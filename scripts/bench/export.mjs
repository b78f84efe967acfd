/**
 * Exports against a server that loads the same file, both in one run:
 *
 *   node scripts/bench/export.mjs [--sets S,M,B] [--formats json,csv] [--server redis-7.0] [--runs 3] [--dist DIR]
 *
 * Times are of the whole process, from its start until it has ended and the output file is there. What the
 * figures are held to: other tools' times as ratios to the server's on the machine where all were measured.
 * Exit code 1 when a figure is beyond its limit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { choosePair } from '../demo/choose-servers.mjs';
import { run } from '../lib/run.mjs';
import { findServers } from '../servers.mjs';
import { SET_NAMES } from './datasets.mjs';
import { loadOnce } from './decode-compare.mjs';
import { median } from './measure.mjs';
import { preparedRdb } from './prepared.mjs';
import { formatTable, isOk } from './table.mjs';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const FORMATS = /** @type {const} */ (['ndjson', 'json', 'csv', 'keys', 'resp', 'rdb']);
const TIMEOUT_MS = 600_000;
const MAX_MEMORY_MB = 150;
/** Format → set → at most this times the server's load. @type {Record<string, Record<string, number>>} */
const MAX_RATIO = { json: { S: 2.1, M: 3.7 }, csv: { S: 0.95, M: 1.8 } };
/** Tells the peak of the process's memory when it ends. */
const PEAK = "process.on('exit', () => process.stderr.write(`peak ${process.resourceUsage().maxRSS}\\n`))";

/**
 * @param {string} dist @param {string} rdb @param {string} format @param {string} out
 * @returns {Promise<{seconds: number, peakBytes: number}>}
 */
async function exportOnce(dist, rdb, format, out) {
  const args = ['--import', `data:text/javascript,${encodeURIComponent(PEAK)}`, join(dist, 'cli/main.js')];
  const startedMs = performance.now();
  const ended = await run(process.execPath, [...args, 'export', rdb, '-f', format, '-o', out, '--force'], {
    timeoutMs: TIMEOUT_MS,
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const peak = /^peak (\d+)$/mu.exec(ended.stderr)?.[1];
  if (ended.code !== 0 || peak === undefined)
    throw new Error(`export of ${rdb} failed: ${ended.stderr.trim()}`);
  return { seconds, peakBytes: Number(peak) * 1024 };
}

/**
 * @param {{binary: import('../servers.mjs').ServerBinary, dist: string, rdb: string, set: string, formats: readonly string[], runs: number, out: string}} plan
 * @returns {Promise<import('./table.mjs').Row[]>}
 */
async function compareExports({ binary, dist, rdb, set, formats, runs, out }) {
  /** @type {number[]} */
  const native = [];
  const ours = new Map(
    formats.map((format) => [format, { seconds: /** @type {number[]} */ ([]), peakBytes: 0 }]),
  );
  for (let i = 0; i < runs; i++) {
    native.push(await loadOnce(binary, rdb));
    for (const [format, figures] of ours) {
      const { seconds, peakBytes } = await exportOnce(dist, rdb, format, out);
      figures.seconds.push(seconds);
      figures.peakBytes = Math.max(figures.peakBytes, peakBytes);
      rmSync(out);
    }
  }
  return [...ours].flatMap(([format, { seconds, peakBytes }]) => {
    const maxRatio = MAX_RATIO[format]?.[set];
    const held = maxRatio === undefined ? {} : { maxRatio };
    return [
      { name: `${set} → ${format}`, native: median(native), ours: median(seconds), unit: 's', ...held },
      { name: `${set} → ${format}: peak memory`, ours: peakBytes / 1e6, unit: 'MB', max: MAX_MEMORY_MB },
    ];
  });
}

/** @param {string} text @param {readonly string[]} known @returns {string[]} */
function parseList(text, known) {
  const items = text.split(',').map((item) => item.trim());
  const wrong = items.find((item) => !known.includes(item));
  if (wrong !== undefined) throw new Error(`expected some of ${known.join(', ')}, got '${wrong}'`);
  return items;
}

/** @param {string[]} argv @returns {Promise<number>} */
async function main(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      sets: { type: 'string', default: 'S,M,B' },
      formats: { type: 'string', default: 'json,csv,ndjson' },
      server: { type: 'string' },
      runs: { type: 'string', default: '3' },
      dist: { type: 'string', default: DIST },
    },
  });
  const log = (/** @type {string} */ line) => console.error(line);
  const binary = choosePair(await findServers({ log }), { from: values.server }).from;
  const folder = mkdtempSync(join(tmpdir(), 'replicant-bench-'));
  /** @type {import('./table.mjs').Row[]} */
  const rows = [];
  try {
    for (const set of parseList(values.sets, SET_NAMES)) {
      const name = SET_NAMES.find((known) => known === set);
      if (name === undefined) continue;
      const rdb = await preparedRdb(binary, name, log);
      log(`export ${set}`);
      const formats = parseList(values.formats, FORMATS);
      const plan = { binary, rdb, set, formats, runs: Number(values.runs), out: join(folder, 'out') };
      rows.push(...(await compareExports({ ...plan, dist: resolve(values.dist) })));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Node ${process.version}`;
  console.log(`native: ${binary.id} loads the same file; median of ${values.runs}; ${machine}`);
  console.log(formatTable(rows));
  return rows.some((row) => isOk(row) === false) ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    return 1;
  });
}
