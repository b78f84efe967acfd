/**
 * A server program as it stands on disk: asked for its version, and described as the argv prefixes that run
 * it and the tools beside it. A fetched server runs through the dynamic loader of its own suite, so neither
 * the machine's C library nor its other libraries matter.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf, run } from './run.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */

/** `Redis server v=6.0.16 sha=…`, `Valkey server v=8.1.1 sha=…`; some builds of Valkey say `Server v=`. */
const VERSION_LINE = /\bserver v=(\d+\.\d+\.\d+)/i;

/**
 * The description of one program, or one line saying why it cannot be used.
 * @param {{prefix?: readonly string[], dir: string, server: string, origin: string}} place `prefix` is the loader's
 *   argv when there is one; `server` is the file name in `dir`
 * @returns {Promise<ServerBinary | string>}
 */
export async function describeBinary({ prefix = [], dir, server, origin }) {
  const argv = [...prefix, join(dir, server)];
  const result = await run(argv[0] ?? '', [...argv.slice(1), '--version'], { timeoutMs: 10_000 });
  const version = VERSION_LINE.exec(result.stdout)?.[1];
  if (result.code !== 0) return `${join(dir, server)} does not run: ${reasonOf(result)}`;
  if (version === undefined) return `${join(dir, server)} --version names no version`;
  const family = /valkey/i.test(`${server} ${result.stdout}`) ? 'valkey' : 'redis';
  const tool = (name) => {
    const path = join(dir, server.replace('-server', `-${name}`));
    return existsSync(path) ? [...prefix, path] : undefined;
  };
  return {
    id: `${family}-${version}`,
    family,
    version,
    series: `${family}-${version.split('.').slice(0, 2).join('.')}`,
    command: argv,
    origin,
    ...withoutUndefined({
      cliCommand: tool('cli'),
      benchmarkCommand: tool('benchmark'),
      checkRdbCommand: tool('check-rdb'),
    }),
  };
}

/** @param {Record<string, unknown>} object */
function withoutUndefined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/**
 * Orders servers by family, then version.
 * @param {ServerBinary} a
 * @param {ServerBinary} b
 */
export function compareBinaries(a, b) {
  return a.family === b.family ? compareVersions(a.version, b.version) : a.family < b.family ? -1 : 1;
}

/** @param {string} a @param {string} b @returns {number} */
export function compareVersions(a, b) {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
