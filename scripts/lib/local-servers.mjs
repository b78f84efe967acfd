/**
 * Servers that are already on the machine: in the directory that REPLICANT_SERVERS names, and on PATH.
 */
import { readdir, realpath } from 'node:fs/promises';
import { delimiter, dirname, basename, join } from 'node:path';
import { describeBinary } from './server-binary.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */

const SERVER_NAME = /^(redis|valkey)-server[\w.-]*$/;
const SEARCH_DEPTH = 4;

/**
 * @param {{env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<{servers: ServerBinary[], problems: string[]}>} a directory's own before those on PATH
 */
export async function findLocalServers({ env = process.env } = {}) {
  const given = env.REPLICANT_SERVERS ?? '';
  const places = [];
  if (given !== '') {
    for (const path of await listServerFiles(given)) places.push({ path, origin: 'REPLICANT_SERVERS' });
  }
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    if (dir === '') continue;
    for (const name of ['redis-server', 'valkey-server'])
      places.push({ path: join(dir, name), origin: 'PATH' });
  }
  const found = await Promise.all(places.map(describePlace));
  const problems = found.filter((item) => typeof item === 'string');
  if (
    given !== '' &&
    !found.some((item) => typeof item === 'object' && item.origin.startsWith('REPLICANT_'))
  ) {
    problems.push(`REPLICANT_SERVERS=${given} holds no redis-server or valkey-server that runs`);
  }
  return { servers: found.filter((item) => typeof item === 'object'), problems };
}

/** @returns {Promise<ServerBinary | string | undefined>} undefined when there is no such file */
async function describePlace({ path, origin }) {
  const exists = await realpath(path).catch(() => undefined);
  if (exists === undefined) return undefined;
  return describeBinary({ dir: dirname(path), server: basename(path), origin: `${origin}: ${path}` });
}

/** Files named like a server, in directories by version or the like. */
async function listServerFiles(dir, depth = 1) {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  /** @type {string[]} */
  const files = [];
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && depth < SEARCH_DEPTH) files.push(...(await listServerFiles(path, depth + 1)));
    else if (!entry.isDirectory() && SERVER_NAME.test(entry.name)) files.push(path);
  }
  return files.toSorted();
}
