/** Decoding a file: our decoder in a process of its own, against a server that loads the same file. */
import { fileURLToPath } from 'node:url';
import { run } from '../lib/run.mjs';
import { startServer } from '../servers.mjs';
import { median } from './measure.mjs';

const SCRIPT = fileURLToPath(new URL('decode.mjs', import.meta.url));
const TIMEOUT_MS = 600_000;

/** @param {string} file @param {'entries' | 'values'} level @returns {Promise<{seconds: number, checksum: string, keys: number}>} */
async function decodeOnce(file, level) {
  const result = await run(process.execPath, [SCRIPT, file, '--level', level], { timeoutMs: TIMEOUT_MS });
  if (result.code !== 0)
    throw new Error(`decoding ${file} failed: ${result.stderr.trim().split('\n').slice(-3).join(' ')}`);
  return JSON.parse(result.stdout);
}

/** @param {import('../servers.mjs').ServerBinary} binary @param {string} file @returns {Promise<number>} seconds, as its log says */
export async function loadOnce(binary, file) {
  const server = await startServer(binary, { loadRdb: file, startTimeoutMs: TIMEOUT_MS });
  const seconds = /DB loaded from disk: ([\d.]+) seconds/.exec(server.logText())?.[1];
  await server.stop();
  if (seconds === undefined) throw new Error(`${binary.id} does not say how long it took to load ${file}`);
  return Number(seconds);
}

/**
 * @param {{binary: import('../servers.mjs').ServerBinary, rdb: string, runs: number}} options
 * @returns {Promise<{nativeSeconds: number, entriesSeconds: number, valuesSeconds: number, checksumOk: boolean}>}
 */
export async function compareDecode({ binary, rdb, runs }) {
  /** @type {{native: number[], entries: number[], values: number[]}} */
  const seconds = { native: [], entries: [], values: [] };
  let checksumOk = true;
  for (let i = 0; i < runs; i++) {
    seconds.native.push(await loadOnce(binary, rdb));
    for (const level of /** @type {const} */ (['entries', 'values'])) {
      const result = await decodeOnce(rdb, level);
      seconds[level].push(result.seconds);
      checksumOk &&= result.checksum === 'ok';
    }
  }
  return {
    nativeSeconds: median(seconds.native),
    entriesSeconds: median(seconds.entries),
    valuesSeconds: median(seconds.values),
    checksumOk,
  };
}
