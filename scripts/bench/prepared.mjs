/** A data set as an RDB file made by the server itself, kept under `.cache/bench` for the next run. */
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../servers.mjs';
import { DATASET_VERSION, datasetChunks } from './datasets.mjs';
import { loadRaw } from './raw-load.mjs';

const CACHE = fileURLToPath(new URL('../../.cache/bench/', import.meta.url));
/** The first keys of set S expire after 20 days: a file is made anew long before. */
const MAX_AGE_MS = 10 * 86_400_000;
const SAVE_TIMEOUT_MS = 300_000;

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */

/** @param {string} file @returns {boolean} */
function isFresh(file) {
  return existsSync(file) && Date.now() - statSync(file).mtimeMs < MAX_AGE_MS;
}

/**
 * @param {ServerBinary} binary
 * @param {import('./datasets.mjs').SetName} name
 * @param {(line: string) => void} log
 * @param {number} [mostBytes] as `datasetChunks` has it
 * @returns {Promise<string>} path of the file
 */
export async function preparedRdb(binary, name, log, mostBytes = Number.POSITIVE_INFINITY) {
  const part = Number.isFinite(mostBytes) ? `-first-${mostBytes}` : '';
  const file = join(CACHE, `${name}-${DATASET_VERSION}${part}-${binary.id}.rdb`);
  if (isFresh(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  const server = await startServer(binary);
  try {
    const startedMs = performance.now();
    await loadRaw(server.port, datasetChunks(name, mostBytes));
    const client = await server.client({ timeoutMs: SAVE_TIMEOUT_MS });
    await client.call('SAVE');
    await client.close();
    copyFileSync(join(server.dir, 'dump.rdb'), `${file}.part`);
    renameSync(`${file}.part`, file);
    log(`made data set ${name} for ${binary.id} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  } finally {
    await server.stop();
  }
  return file;
}
