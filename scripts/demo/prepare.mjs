/** Makes sure there is a built command line: installs the dependencies and builds where that is needed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** @param {string} dir @returns {number} mtime of the newest file, 0 when there is none */
function newestMs(dir) {
  const times = readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  return Math.max(0, ...times);
}

/** @param {string} root @returns {boolean} */
export function needsBuild(root = ROOT) {
  const built = join(root, 'dist/cli/main.js');
  if (!existsSync(built)) return true;
  const sources = Math.max(newestMs(join(root, 'src')), statSync(join(root, 'tsconfig.json')).mtimeMs);
  return sources > newestMs(join(root, 'dist'));
}

/** @param {string[]} args of npm */
function runNpm(args) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['--loglevel=error', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status === 0) return;
  const why =
    result.error?.message ?? `${result.stdout}${result.stderr}`.trim().split('\n').slice(-15).join('\n');
  throw new Error(`npm ${args.join(' ')} failed:\n${why}`);
}

/** @param {(line: string) => void} log */
export function prepare(log) {
  if (!existsSync(join(ROOT, 'node_modules/typescript'))) {
    // Not `npm ci`: it refuses a lock file that does not name the optional binaries of every platform.
    log('installing the dependencies (npm install)');
    runNpm(['install', '--no-save']);
  }
  if (needsBuild()) {
    log('building (npm run build)');
    runNpm(['run', 'build']);
  }
}
