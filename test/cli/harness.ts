/** A process for the program to run in: what it wrote, and signals at hand. */
import type { CliDeps, StopSignal } from '../../src/cli/deps.js';
import type { FakeEngine } from './fake-engine.js';

export interface Harness {
  readonly deps: CliDeps;
  stdout: string;
  stderr: string;
  readonly exits: number[];
  signal(name: StopSignal): void;
  /** How many listeners are left. */
  listening(): number;
}

export interface HarnessOptions {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly isTty?: boolean;
  readonly columns?: number;
}

export function harness(engine: Pick<FakeEngine, 'startSync'>, options: HarnessOptions = {}): Harness {
  const listeners = new Map<StopSignal, Set<() => void>>();
  const at = (name: StopSignal): Set<() => void> => {
    const set = listeners.get(name) ?? new Set();
    listeners.set(name, set);
    return set;
  };
  const process: Harness = {
    stdout: '',
    stderr: '',
    exits: [],
    signal: (name) => [...at(name)].forEach((listener) => listener()),
    listening: () => [...listeners.values()].reduce((sum, { size }) => sum + size, 0),
    deps: {
      env: options.env ?? {},
      stdout: { write: (text) => void (process.stdout += text) },
      stderr: {
        write: (text) => void (process.stderr += text),
        isTty: options.isTty ?? false,
        columns: () => options.columns ?? 80,
      },
      readFile(path) {
        const text = options.files?.[path];
        if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
        return new TextEncoder().encode(text);
      },
      startSync: engine.startSync,
      signals: {
        on(name, listener) {
          at(name).add(listener);
          return () => void at(name).delete(listener);
        },
      },
      exit: (code) => void process.exits.push(code),
      nowMs: () => performance.now(),
    },
  };
  return process;
}
