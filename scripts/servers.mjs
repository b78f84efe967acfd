/**
 * Real Redis and Valkey servers of several versions, for tests, the demo and benchmarks.
 *
 *   node scripts/servers.mjs [--json] [--no-fetch] [--refresh]
 *
 * finds or fetches them and prints what there is. Sources, first wins per version: the directory that
 * REPLICANT_SERVERS names, PATH, and on Debian and Ubuntu the packages of other suites, unpacked under
 * `.cache/servers/` and run with their own libraries; nothing is installed on the machine.
 */
import { pathToFileURL } from 'node:url';
import { fetchServers } from './lib/fetched-servers.mjs';
import { findLocalServers } from './lib/local-servers.mjs';
import { compareBinaries } from './lib/server-binary.mjs';

export { compareVersions } from './lib/server-binary.mjs';
export { startServer } from './lib/running-server.mjs';

/** @typedef {import('./servers.mjs').Survey} Survey */
/** @typedef {import('./servers.mjs').SurveyOptions} SurveyOptions */

const INSTALL_HINT =
  'no Redis or Valkey server can be had here: install one (e.g. `apt install redis-server`, `brew install valkey`) or set REPLICANT_SERVERS to a directory that holds server binaries';

/**
 * What there is, and why what is not there is not.
 * @param {SurveyOptions} [options]
 * @returns {Promise<Survey>}
 */
export async function surveyServers({ fetch = true, retry = false, refresh = false, log } = {}) {
  const local = await findLocalServers();
  const have = new Set(local.servers.map((server) => server.series));
  const fetched = await fetchServers({ fetch, retry, refresh, have, ...(log === undefined ? {} : { log }) });
  const byId = new Map(
    [...fetched.servers, ...local.servers.toReversed()].map((server) => [server.id, server]),
  );
  const servers = [...byId.values()].toSorted(compareBinaries);
  const missing = [...local.problems.map((why) => ({ series: 'local', why })), ...fetched.missing];
  if (servers.length === 0) missing.push({ series: 'all', why: INSTALL_HINT });
  return { servers, missing };
}

/**
 * The servers that can be run here, oldest first within each family.
 * @param {SurveyOptions} [options]
 */
export async function findServers(options) {
  return (await surveyServers(options)).servers;
}

/** @param {Survey} survey */
function formatTable({ servers, missing }) {
  const rows = servers.map(({ id, series, origin }) => [id, series, origin]);
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [...lines, ...missing.map(({ series, why }) => `missing ${series}: ${why}`)].join('\n');
}

/** @param {string} line */
function printError(line) {
  console.error(line);
}

/** @param {readonly string[]} flags */
async function main(flags) {
  const unknown = flags.find((flag) => !['--json', '--no-fetch', '--refresh'].includes(flag));
  if (unknown !== undefined) {
    console.error(
      `unknown option ${unknown}; usage: node scripts/servers.mjs [--json] [--no-fetch] [--refresh]`,
    );
    return 2;
  }
  const options = {
    fetch: !flags.includes('--no-fetch'),
    refresh: flags.includes('--refresh'),
    retry: true,
    log: printError,
  };
  const survey = await surveyServers(options);
  console.log(flags.includes('--json') ? JSON.stringify(survey, null, 2) : formatTable(survey));
  return survey.servers.length > 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = await main(process.argv.slice(2));
