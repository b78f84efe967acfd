/**
 * A server that holds an AOF's data for a while: a process of its own, reachable only through a unix socket
 * in a private directory, that saves nothing and is a replica of `scratch-primary`.
 *
 * A shell stands over it and reads from a pipe of ours. When the pipe closes, because we are done or because
 * this process has died in whatever way, the shell kills the server and removes the directory. It says
 * nothing itself: a word into the pipe of a process that is gone would be the end of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReplicantError } from '../errors.js';
import { Client } from '../net/client.js';
import type { Endpoint } from '../net/endpoint.js';
import { atLeast, formatServer, type ServerIdentity } from '../rdb/server-support.js';
import type { ScratchBinary } from './scratch-choice.js';

const WATCH = `
dir=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
exec >/dev/null 2>&1
{ read -r _ <&3; kill -9 "$server"; } &
watch=$!
exec 3<&-
wait "$server"; code=$?
kill -9 "$watch"
rm -rf -- "$dir"
exit "$code"
`;
const SOCKET = 's';
/** The path of a unix socket has room for about 100 bytes; some systems' temporary folders are longer. */
const MOST_PATH_BYTES = 80;
/** More than anybody has, at up to 4 kB each; what an AOF selects beyond is reported. */
const DATABASES = 4096;
const LOG_LINES = 200;
const SETTLE_MS = 500;
const POLL_MS = 10;

/** Lines of its log that say why it ended, the most telling first. */
const TELLING: readonly RegExp[] = [
  /can't|cannot|internal error|out of memory|crashed|not found|fatal|bad directive|protocol error/iu,
  /^#(?! (?:terminating|connection with|server initialized|configuration loaded|warning))/iu,
];

export interface ScratchFailure {
  /** What the server answered. */
  readonly error: string;
  /** The command's name, lower case; empty when it says none. */
  readonly command: string;
}

export class ScratchServer {
  readonly identity: ServerIdentity;
  readonly endpoint: Endpoint;
  /** Resolves when the process has ended and its directory is gone. */
  readonly ended: Promise<void>;
  /** Commands that it could not carry out, as its log has them. */
  readonly failures: ScratchFailure[] = [];
  readonly #child: ChildProcess;
  readonly #log: string[] = [];
  #over = false;

  private constructor(child: ChildProcess, dir: string, identity: ServerIdentity) {
    this.#child = child;
    this.identity = identity;
    this.endpoint = { address: { kind: 'unix', path: join(dir, SOCKET) } };
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#log.push(error.message);
        resolve();
      });
      child.once('close', () => resolve());
    });
    void this.ended.then(() => (this.#over = true));
    for (const stream of [child.stdout!, child.stderr!]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#note(line);
      });
    }
    // Told by `close` as well.
    child.stdin!.on('error', () => {});
  }

  static async start(
    { path, server }: ScratchBinary,
    primary: { readonly port: number; readonly secret: string },
  ): Promise<ScratchServer> {
    const dir = await mkdtemp(join(tmpdir().length > MOST_PATH_BYTES ? '/tmp' : tmpdir(), 'replicant-'));
    try {
      await chmod(dir, 0o700);
      const config = join(dir, 'conf');
      await writeFile(config, configFor(server, primary), { mode: 0o600 });
      // A group of its own: Ctrl-C in a terminal is ours to handle.
      const child = spawn('/bin/sh', ['-c', WATCH, 'replicant-scratch', dir, path, config], {
        ...{ cwd: dir, stdio: ['pipe', 'pipe', 'pipe'], detached: true },
      });
      return new ScratchServer(child, dir, server);
    } catch (error) {
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  connect(): Promise<Client> {
    return Client.connect(this.endpoint, 'source');
  }

  /** Why it does not do what it should, as far as its log says. */
  async explain(what: string): Promise<ReplicantError> {
    await this.#settle(() => this.#over);
    const said =
      TELLING.map((pattern) => this.#log.findLast((line) => pattern.test(line))).find(
        (line) => line !== undefined,
      ) ?? '';
    const ending = this.#over ? ', and it has ended (for want of memory?)' : '';
    const line = said === '' ? '' : `: ${said.replace(/^#\s*/u, '')}`;
    return new ReplicantError(
      'RDB_UNSUPPORTED',
      `${what}${said === '' ? ending : ''}${line} (${formatServer(this.identity)})`,
      {
        hint: 'name another server with --scratch-server, of the release that wrote the AOF or a newer one; a script that starts one with its modules will do',
      },
    );
  }

  /** Waits until the log tells of so many failures; it comes by a way of its own. */
  async hearFailures(count: number): Promise<void> {
    await this.#settle(() => this.failures.length >= count);
  }

  async stop(): Promise<void> {
    this.#child.stdin?.destroy();
    await this.ended;
  }

  #note(line: string): void {
    // `123:S 20 Nov 2025 17:00:00.000 # what it says`
    const text = /^\d+:\w .*?\d\d:\d\d:\d\d\.\d+ (.*)$/u.exec(line)?.[1] ?? line;
    const failed =
      /CRITICAL.* sending an error to its \w+: '-?(.*)' after processing the command '(.*)'/u.exec(text);
    if (failed !== null) this.failures.push(failureOf(failed[1]!, failed[2]!));
    this.#log.push(text);
    if (this.#log.length > 2 * LOG_LINES) this.#log.splice(0, LOG_LINES);
  }

  async #settle(until: () => boolean): Promise<void> {
    const deadline = Date.now() + SETTLE_MS;
    while (!until() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** `unknown command 'foo', with args …` names it when the server knows no name. */
function failureOf(error: string, command: string): ScratchFailure {
  const unknown = /unknown (?:command|subcommand) ['`]([^'`]*)['`]/iu.exec(error)?.[1];
  const name = unknown !== undefined && !/subcommand/iu.test(error) ? unknown : command;
  return { error, command: name === '<unknown>' ? '' : name.split('|')[0]!.toLowerCase() };
}

function configFor(server: ServerIdentity, primary: { port: number; secret: string }): string {
  const since = (major: number, minor = 0): boolean => atLeast(server.version, major, minor);
  const lines: readonly (string | false)[] = [
    'port 0',
    `unixsocket ${SOCKET}`,
    'unixsocketperm 700',
    'save ""',
    'appendonly no',
    'daemonize no',
    'loglevel notice',
    `databases ${DATABASES}`,
    'maxclients 32',
    'timeout 0',
    'maxmemory 0',
    `masterauth ${primary.secret}`,
    `${since(5) ? 'replicaof' : 'slaveof'} 127.0.0.1 ${primary.port}`,
    'repl-timeout 86400',
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    since(6) && 'repl-diskless-load on-empty-db',
    'client-output-buffer-limit slave 0 0 0',
    // An AOF is loaded whatever the size of its commands.
    since(4) && 'client-query-buffer-limit 64gb',
    since(5) && 'proto-max-bulk-len 8gb',
  ];
  return `${lines.filter((line) => line !== false).join('\n')}\n`;
}
