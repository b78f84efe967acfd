/** The process around `program.ts`: real streams, signals and engine, and the only `process.exit`. */
import { isatty } from 'node:tty';
import { readFileFromDisk } from '../config/read-file.js';
import { startJob } from '../sync/start-job.js';
import type { CliDeps } from './deps.js';
import { main } from './program.js';

const STDERR = 2;
const DEFAULT_COLUMNS = 80;

let dataLost = false;

// A reader that went away (`| head`) is no failure. A full disk behind stdout is: the data are not complete.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') dataLost = true;
});
// Without a log the sync goes on.
process.stderr.on('error', () => {});

const deps: CliDeps = {
  env: process.env,
  stdout: { write: (text) => void process.stdout.write(text) },
  stderr: {
    write: (text) => void process.stderr.write(text),
    isTty: isatty(STDERR),
    columns: () => (process.stderr.columns > 0 ? process.stderr.columns : DEFAULT_COLUMNS),
  },
  readFile: readFileFromDisk,
  startSync: startJob,
  signals: {
    on(signal, listener) {
      process.on(signal, listener);
      return () => void process.off(signal, listener);
    },
  },
  exit: (code) => process.exit(code),
  nowMs: () => performance.now(),
};

const exitCode = await main(process.argv.slice(2), deps);
await new Promise<void>((resolve) => {
  process.stdout.write('', () => resolve());
});
process.exit(exitCode === 0 && dataLost ? 1 : exitCode);
