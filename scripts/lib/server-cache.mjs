/**
 * The cache of fetched servers, `.cache/servers/`:
 *
 *   manifest.json          what is there and what failed, when; paths relative, so the tree may move
 *   <id>_<suite>/          one server: its packages and the libraries of its suite, unpacked
 *   work-<random>/         a fetch in progress; removed afterwards, or by the next fetch
 *   lock                   locked with flock(1), which the kernel releases even when its holder is killed
 *
 * A server appears under its name by one rename, after it answered `--version`; so readers need no lock.
 */
import { spawn } from 'node:child_process';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {{why: string, series: string, at: number}} Failure `at` is a clock time in ms */
/**
 * @typedef {object} Manifest
 * @property {number} format
 * @property {string} arch
 * @property {Record<string, ServerBinary>} servers by `suite/package`
 * @property {Record<string, Failure>} failures by `suite/package`
 */

export const CACHE_DIR = fileURLToPath(new URL('../../.cache/servers', import.meta.url));
const MANIFEST_FORMAT = 1;
const LOCK_TIMEOUT_S = 600;

/** What an interrupted fetch left behind; called with the lock held. */
export async function removeLeftovers() {
  const names = (await readdir(CACHE_DIR)).filter((name) => name.startsWith('work-'));
  await Promise.all(
    names.map((name) => rm(join(CACHE_DIR, name), { recursive: true, force: true }).catch(() => {})),
  );
}

/**
 * Reads the manifest; a server whose files are gone is as good as never fetched.
 * @param {string} arch
 * @returns {Promise<Manifest>}
 */
export async function readManifest(arch) {
  const empty = { format: MANIFEST_FORMAT, arch, servers: {}, failures: {} };
  const text = await readFile(join(CACHE_DIR, 'manifest.json'), 'utf8').catch(() => '');
  /** @type {Manifest} */
  let stored;
  try {
    stored = JSON.parse(text.replaceAll('${cache}', () => JSON.stringify(CACHE_DIR).slice(1, -1)));
  } catch {
    return empty;
  }
  if (stored.format !== MANIFEST_FORMAT || stored.arch !== arch) return empty;
  const present = Object.entries(stored.servers).filter(([, server]) => isRunnable(server.command));
  return { ...empty, failures: stored.failures, servers: Object.fromEntries(present) };
}

/** Loader and program are both there (the library path in between is a list, not a file). */
function isRunnable(command) {
  return [command[0], command.at(-1)].every((path) => path !== undefined && existsSync(path));
}

/**
 * Synchronous, so that suites that end at the same moment write one after the other.
 * @param {Manifest} manifest
 */
export function writeManifest(manifest) {
  const text = JSON.stringify(manifest, null, 2).replaceAll(
    JSON.stringify(CACHE_DIR).slice(1, -1),
    '${cache}',
  );
  const temporary = join(CACHE_DIR, `manifest.json.${process.pid}`);
  writeFileSync(temporary, `${text}\n`);
  renameSync(temporary, join(CACHE_DIR, 'manifest.json'));
}

/**
 * Runs `work` while no other process fetches. flock(1) holds the lock for as long as its stdin, a pipe from
 * this process, is open; so a killed holder cannot leave a stale lock.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(work) {
  await mkdir(CACHE_DIR, { recursive: true });
  const holder = spawn(
    'flock',
    ['-w', `${LOCK_TIMEOUT_S}`, join(CACHE_DIR, 'lock'), 'sh', '-c', 'echo locked; cat'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  const ended = new Promise((resolve) => holder.once('close', resolve));
  try {
    await new Promise((resolve, reject) => {
      holder.once('error', (error) => reject(new Error(`cannot run flock: ${error.message}`)));
      holder.once('close', () => reject(new Error(`another process kept the lock for ${LOCK_TIMEOUT_S} s`)));
      holder.stdout.once('data', resolve);
    });
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
