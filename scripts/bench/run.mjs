/**
 * Benchmarks against the server's own replication, both sides in one run:
 *
 *   node scripts/bench/run.mjs [full-sync latency stream decode memory stalled cost]
 *                              [cluster: cluster-sync cluster-target cluster-stream]
 *                              [--sets S,M,B] [--set-mb N] [--server redis-7.0] [--runs 3]
 *                              [--stream-n 2000000] [--samples 2000] [--stall-seconds 60] [--json FILE]
 *
 * Without a name the first five; the others take long. `--only a,b` is another way to name them. The data sets
 * are described in datasets.mjs (those with clusters take S unless told otherwise), what the figures are held to
 * in limits.mjs. `--set-mb` takes of each set only the first N MB of commands, to try a benchmark itself. Exit
 * code 1 when a figure is beyond its limit or source and target differ.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { choosePair } from '../demo/choose-servers.mjs';
import { prepare } from '../demo/prepare.mjs';
import { findServers } from '../servers.mjs';
import { BENCHMARKS } from './benchmarks.mjs';
import { SET_NAMES } from './datasets.mjs';
import { formatTable, isOk } from './table.mjs';

const NAMES = /** @type {const} */ ([
  'full-sync',
  'latency',
  'stream',
  'decode',
  'memory',
  'stalled',
  'cost',
  'cluster-sync',
  'cluster-target',
  'cluster-stream',
]);
const USUAL = NAMES.slice(0, 5);
const CLUSTER = NAMES.filter((name) => name.startsWith('cluster-'));

/** @template {string} T @param {string} text @param {readonly T[]} known @param {string} option @returns {T[]} */
function parseList(text, known, option) {
  return text.split(',').map((item) => {
    const found = known.find((name) => name === item.trim());
    if (found === undefined) throw new Error(`${option}: expected ${known.join(', ')}, got '${item}'`);
    return found;
  });
}

/** @param {string} line */
const log = (line) => console.error(line);

/** @param {string} text @param {string} option @returns {number} */
function parseCount(text, option) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${option}: expected a number from 1 on, got '${text}'`);
  return value;
}

/** @param {string[]} argv */
function readOptions(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      sets: { type: 'string' },
      'set-mb': { type: 'string' },
      server: { type: 'string' },
      runs: { type: 'string', default: '3' },
      'stream-n': { type: 'string', default: '2000000' },
      samples: { type: 'string', default: '2000' },
      'stall-seconds': { type: 'string', default: '60' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const words = [...positionals, ...(values.only === undefined ? [] : [values.only])].join(',').split(',');
  const named = words.map((word) => (word.trim() === 'cluster' ? CLUSTER.join(',') : word)).join(',');
  const megabytes = values['set-mb'];
  return {
    server: values.server,
    json: values.json,
    sets: parseList(values.sets ?? 'S,M,B', SET_NAMES, '--sets'),
    clusterSets: parseList(values.sets ?? 'S', SET_NAMES, '--sets'),
    mostBytes: megabytes === undefined ? Number.POSITIVE_INFINITY : parseCount(megabytes, '--set-mb') * 1e6,
    only: named === '' ? USUAL : parseList(named, NAMES, '--only'),
    runs: parseCount(values.runs, '--runs'),
    streamCount: parseCount(values['stream-n'], '--stream-n'),
    samples: parseCount(values.samples, '--samples'),
    stallSeconds: parseCount(values['stall-seconds'], '--stall-seconds'),
  };
}

/** @param {string[]} argv @returns {Promise<number>} exit code */
async function main(argv) {
  const options = readOptions(argv);
  // Leaving by way of `exit` ends what is running and removes its directories.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => process.exit(130));
  prepare(log);
  const servers = await findServers({ log });
  if (servers.length === 0) throw new Error('no server found; see node scripts/servers.mjs');
  const binary = choosePair(servers, { from: options.server }).from;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Node ${process.version}`;
  /** @type {import('./table.mjs').Row[]} */
  const rows = [];
  for (const name of options.only) rows.push(...(await BENCHMARKS[name]({ ...options, binary, log })));
  console.log(`${binary.id} to itself, median of ${options.runs}; ${machine}`);
  console.log(formatTable(rows));
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ server: binary.id, machine, runs: options.runs, rows }, null, 2)}\n`,
    );
  }
  return rows.some((row) => isOk(row) === false) ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    return 1;
  });
}
