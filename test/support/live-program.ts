/**
 * The command line as a process of its own, freshly built from the sources under test, so that a stale
 * `dist/` never answers for them.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { waitFor } from './live.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let built: string | undefined;
const directories: string[] = [];
const running = new Set<ChildProcess>();

afterAll(() => {
  // What a failed test has left behind, paused ones as well.
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(parent: string, prefix: string): string {
  const directory = mkdtempSync(join(parent, prefix));
  directories.push(directory);
  return directory;
}

/** Path of the built program; built once per test file. */
export function program(): string {
  if (built !== undefined) return built;
  // Inside the repository, so that the dependencies are found.
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const dir = newDirectory(join(ROOT, '.cache'), 'program-');
  cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.json'), '--outDir', join(dir, 'dist')];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  // Types are the business of the type check.
  const main = join(dir, 'dist', 'cli', 'main.js');
  if (!existsSync(main)) throw new Error(`the program does not build:\n${stdout}`);
  built = main;
  return built;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The object that `--json` ends with. */
  // oxlint-disable-next-line typescript/no-explicit-any -- judged by the test
  readonly summary: any;
}

export interface ProgramRun {
  readonly stderr: string;
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Waits until stderr has it. */
  says(pattern: RegExp): Promise<void>;
}

export interface ProgramOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs, and has its `.replicant`; a directory of its own by default, so that it knows of no earlier run. */
  readonly cwd?: string;
}

/** `replicant sync source target --json` with a plain environment. */
export function runProgram(source: string, target: string, options: ProgramOptions = {}): ProgramRun {
  const { args = [], env = {}, cwd = newDirectory(tmpdir(), 'replicant-program-') } = options;
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('REPLICANT_'));
  const argv = [program(), 'sync', source, target, '--json', '--no-progress', ...args];
  const child = spawn(process.execPath, argv, {
    cwd,
    env: { ...Object.fromEntries(own), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  running.add(child);
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, ...output, summary: lastObject(output.stdout) });
    });
  });
  return {
    get stderr() {
      return output.stderr;
    },
    exited,
    kill: (signal) => void child.kill(signal),
    says: async (pattern) => {
      await waitFor(`${String(pattern)} in the log`, () => {
        if (!pattern.test(output.stderr) && child.exitCode !== null)
          throw new Error(`it ended: ${output.stderr}`);
        return pattern.test(output.stderr);
      });
    },
  };
}

function lastObject(stdout: string): unknown {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}
