/**
 * A build of the sources under test for the fuzz threads, so that a stale `dist/` never answers for them.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** URL of the folder of the build, with a slash at its end; removed when the process ends. */
export function buildSources(): string {
  // Inside the repository, so that the dependencies are found.
  const dir = mkdtempSync(join(ROOT, 'node_modules', '.replicant-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.json'), '--outDir', join(dir, 'dist')];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  // Types are the business of the type check.
  if (!existsSync(join(dir, 'dist', 'rdb', 'file-decoder.js'))) {
    throw new Error(`the sources do not build:\n${stdout}`);
  }
  return pathToFileURL(join(dir, 'dist', '/')).href;
}
