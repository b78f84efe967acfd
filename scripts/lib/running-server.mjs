/**
 * One server as a child process: its own directory, its own loopback port, and never left behind. The
 * servers still running are killed when this process exits, is told to end, or (on Linux, by setpriv) is
 * itself killed.
 */
import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from './client.mjs';
import { formatConfig, planConfig } from './server-config.mjs';
import { installExitHandlers, started, withParentDeath } from './server-guard.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').StartOptions} StartOptions */
/** @typedef {import('../servers.mjs').RunningServer} RunningServer */

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 15;
const PORT_ATTEMPTS = 20;
/** Below the usual ephemeral range, and with room for the cluster bus at port + 10000. */
const PORTS = { first: 20_000, count: 10_000 };

/**
 * Starts a server and waits until it answers.
 * @param {ServerBinary} binary
 * @param {StartOptions} [options]
 * @returns {Promise<RunningServer>}
 */
export async function startServer(binary, options = {}) {
  installExitHandlers();
  for (let attempt = 1; ; attempt++) {
    const server = new Server(binary, options, options.port ?? (await findFreePort()));
    try {
      await server.start();
      return server;
    } catch (error) {
      const taken = /address already in use/i.test(server.logText());
      await server.stop();
      if (!taken || options.port !== undefined || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

/** A port nobody listens on right now; the caller tries another when it was taken in between. */
async function findFreePort() {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error(`no free port among ${PORT_ATTEMPTS} tried from ${PORTS.first} on`);
}

class Server {
  /**
   * @param {ServerBinary} binary
   * @param {StartOptions} options
   * @param {number} port
   */
  constructor(binary, options, port) {
    this.binary = binary;
    this.options = options;
    this.host = '127.0.0.1';
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.password = options.password;
    this.ownsDir = options.dir === undefined;
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), `${binary.id}-`));
    this.unixsocket =
      options.unixsocket === true ? join(this.dir, 'server.sock') : options.unixsocket || undefined;
    this.args = planConfig(this);
    /** @type {import('node:child_process').ChildProcess | undefined} */
    this.child = undefined;
    /** @type {Promise<void>} */
    this.exited = Promise.resolve();
    this.lastLog = '';
    this.stopped = false;
    if (options.loadRdb !== undefined) copyFileSync(options.loadRdb, join(this.dir, 'dump.rdb'));
    writeFileSync(join(this.dir, 'server.conf'), formatConfig(this.args));
  }

  get pid() {
    return this.child?.pid;
  }

  get isRunning() {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  async start() {
    const [program = '', ...rest] = withParentDeath([
      ...this.binary.command,
      join(this.dir, 'server.conf'),
      ...(this.options.flags ?? []),
    ]);
    const log = openSync(join(this.dir, 'server.log'), 'a');
    // Its own process group: Ctrl-C in a terminal is ours to handle, not the server's.
    const child = spawn(program, rest, { cwd: this.dir, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.child = child;
    started.add(this);
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.spawnError = error;
        resolve();
      });
      child.once('exit', () => resolve());
    });
    await this.waitUntilReady();
    this.options.log?.(`${this.binary.id} listens on ${this.url}`);
  }

  /**
   * Is it this process that answers? When the port is taken another server answers PING just as well, for
   * the moment until ours has ended because of it.
   * @param {import('./client.mjs').Client} client
   */
  async isAnswering(client) {
    await client.call('PING');
    const info = await client.text('INFO', 'server');
    return info.includes(`process_id:${this.pid}\r\n`);
  }

  /** Until PING is answered by something else than LOADING. */
  async waitUntilReady() {
    const deadline = Date.now() + (this.options.startTimeoutMs ?? START_TIMEOUT_MS);
    let why = 'no answer';
    while (Date.now() < deadline) {
      if (this.spawnError !== undefined)
        throw new Error(`cannot start ${this.binary.id}: ${this.spawnError.message}`);
      if (!this.isRunning) throw new Error(`${this.binary.id} ended at start: ${this.lastLogLines()}`);
      try {
        const client = await this.client();
        if (await this.isAnswering(client).finally(() => client.close())) return;
        why = 'another server answers there';
      } catch (error) {
        // A wrong password and the like are the test's business; only loading has to be waited for.
        if (error.code !== undefined && error.name === 'ReplyError' && error.code !== 'LOADING') return;
        why = error.message;
      }
      await sleep(POLL_MS);
    }
    throw new Error(`${this.binary.id} on port ${this.port} is not ready: ${why}; ${this.lastLogLines()}`);
  }

  client(options = {}) {
    const where = this.port === 0 ? { path: this.unixsocket } : { host: this.host, port: this.port };
    return connect({ ...where, password: this.password, ...options });
  }

  async stop() {
    if (this.isRunning) {
      this.child?.kill('SIGTERM');
      this.child?.kill('SIGCONT');
      const timer = setTimeout(() => this.child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await this.exited;
      clearTimeout(timer);
    }
    if (this.stopped) return;
    this.lastLog = this.logText();
    this.stopped = true;
    started.delete(this);
    if (this.ownsDir) rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }

  /** @param {NodeJS.Signals} [signal] */
  async kill(signal = 'SIGKILL') {
    if (!this.isRunning) return;
    this.child?.kill(signal);
    await this.exited;
  }

  async restart() {
    if (this.stopped)
      throw new Error(`${this.binary.id} was stopped and its directory removed; start a new one`);
    if (this.isRunning) {
      const timer = setTimeout(() => this.child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
      this.resume();
      await this.kill('SIGTERM');
      clearTimeout(timer);
    }
    await this.start();
  }

  pause() {
    this.child?.kill('SIGSTOP');
  }

  resume() {
    this.child?.kill('SIGCONT');
  }

  logText() {
    if (this.stopped) return this.lastLog;
    try {
      return readFileSync(join(this.dir, 'server.log'), 'utf8');
    } catch {
      return this.lastLog;
    }
  }

  lastLogLines() {
    const lines = this.logText().trim().split('\n');
    return lines.slice(-3).join(' | ') || 'its log is empty';
  }
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
