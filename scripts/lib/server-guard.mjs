/**
 * No server outlives the program that started it, however that ends.
 */
import { existsSync, rmSync } from 'node:fs';

/**
 * The servers that were started and not stopped yet.
 * @type {Set<{child: import('node:child_process').ChildProcess | undefined, ownsDir: boolean, dir: string}>}
 */
export const started = new Set();

/** The kernel kills the server when this process dies in any way; elsewhere the exit handlers must do. */
export function withParentDeath(argv) {
  const setpriv = '/usr/bin/setpriv';
  return existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', ...argv] : argv;
}

let handlersInstalled = false;

/** Last resort for what was not stopped: a test that threw, a demo that was interrupted. */
export function installExitHandlers() {
  if (handlersInstalled) return;
  handlersInstalled = true;
  process.on('exit', killAll);
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      // When the program handles the signal itself, it decides; its exit comes through 'exit'.
      if (process.listenerCount(signal) > 0) return;
      killAll();
      process.kill(process.pid, signal);
    });
  }
}

function killAll() {
  for (const server of started) {
    server.child?.kill('SIGKILL');
  }
  for (const { ownsDir, dir } of started) {
    try {
      if (ownsDir) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // a last write of the dying server; the directory is a temporary one
    }
  }
}
