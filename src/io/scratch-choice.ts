/**
 * Which of the servers on this machine is to work out what the commands of an AOF make of its snapshot: one
 * that loads the snapshot at all, and of these the one nearest to the server that wrote the file. An older
 * one may not know some of the commands, which shows when they fail.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { ReplicantError } from '../errors.js';
import { formatFor, formatMagic, formatServer, type RdbFormat } from '../rdb/server-support.js';
import type { ServerIdentity, ServerVersion } from '../rdb/server-support.js';

export interface ScratchBinary {
  readonly path: string;
  readonly server: ServerIdentity;
}

/** What is known of the file. */
export interface ScratchNeed {
  /** Of the snapshot; undefined: there are only commands. */
  readonly format: RdbFormat | undefined;
  /** Who wrote it, if it says so. */
  readonly writer: ServerIdentity | undefined;
}

const NAMES = ['valkey-server', 'redis-server'];
const ASK_TIMEOUT_MS = 10_000;
/** The RDB version of Redis 7.2, where the families part; each refuses what the other has written since. */
const LAST_COMMON = 11;
/** Before 4.0 a replica does not say what went wrong. */
const OLDEST_MAJOR = 4;

const INSTEAD =
  'name a redis-server or valkey-server with --scratch-server; or export with -f resp, or load it into a server with replicant restore; after a BGREWRITEAOF there are no commands';

export async function chooseScratchBinary(
  path: string | undefined,
  need: ScratchNeed,
): Promise<ScratchBinary> {
  const found =
    path === undefined ? await findOnPath() : [await askBinary(path.includes('/') ? resolve(path) : path)];
  if (found.length === 0) {
    throw new ReplicantError(
      'RDB_UNSUPPORTED',
      'this AOF has commands behind its snapshot, and no redis-server or valkey-server was found on the PATH to work out what they do',
      { hint: INSTEAD },
    );
  }
  const best = rankBinaries(found, need)[0];
  if (best !== undefined) return best;
  const list = found.map((one) => `${formatServer(one.server)} (${one.path})`).join(', ');
  const what = need.format === undefined ? 'this AOF' : formatMagic(need.format);
  throw new ReplicantError('RDB_UNSUPPORTED', `what is here can't load ${what}: ${list}`, { hint: INSTEAD });
}

/** Those that can load the snapshot, the best first. */
export function rankBinaries(
  found: readonly ScratchBinary[],
  { format, writer }: ScratchNeed,
): readonly ScratchBinary[] {
  const able = found.filter(
    ({ server }) =>
      server.version[0] >= OLDEST_MAJOR && (format === undefined || loadsFormat(server, format)),
  );
  if (writer === undefined) return able.toSorted((a, b) => compare(b.server.version, a.server.version));
  return able
    .map((binary) => ({ binary, rank: distance(binary.server, writer) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ binary }) => binary);
}

function loadsFormat(server: ServerIdentity, format: RdbFormat): boolean {
  const own = formatFor(server);
  if (format.dialect === own.dialect) return format.version <= own.version;
  return format.dialect === 'redis' && format.version <= LAST_COMMON;
}

/** Smaller is better: the same release, a newer one, another family's, an older one. */
function distance(server: ServerIdentity, writer: ServerIdentity): number {
  const apart = weigh(server.version) - weigh(writer.version);
  if (server.family !== writer.family) return 2e9 + Math.abs(apart);
  const [major, minor] = writer.version;
  if (server.version[0] === major && server.version[1] === minor) return Math.abs(apart);
  return apart > 0 ? 1e9 + apart : 3e9 - apart;
}

function weigh([major, minor, patch]: ServerVersion): number {
  return major * 1e6 + minor * 1e3 + patch;
}

function compare(a: ServerVersion, b: ServerVersion): number {
  return weigh(a) - weigh(b);
}

async function findOnPath(): Promise<readonly ScratchBinary[]> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = await Promise.all(
    paths.map(async (path) => {
      try {
        await access(path, constants.X_OK);
        return await askBinary(path);
      } catch {
        // Not there, or none that runs here: as good as not there.
        return undefined;
      }
    }),
  );
  return found.filter((binary) => binary !== undefined);
}

/** `Redis server v=7.0.15 sha=…`, `Valkey server v=8.1.1 sha=…`, of some builds `Server v=…`. */
async function askBinary(path: string): Promise<ScratchBinary> {
  const answer = await new Promise<string>((resolve, reject) => {
    execFile(path, ['--version'], { timeout: ASK_TIMEOUT_MS }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(notAServer(path, error.message.trim(), error));
    });
  });
  const server = parseVersionLine(answer, path);
  if (server === undefined) throw notAServer(path, 'its --version names no version');
  return { path, server };
}

export function parseVersionLine(text: string, path = ''): ServerIdentity | undefined {
  const match = /\bserver v=(\d+)\.(\d+)\.(\d+)/iu.exec(text);
  if (match === null) return undefined;
  const version: ServerVersion = [Number(match[1]), Number(match[2]), Number(match[3])];
  return { family: /valkey/iu.test(`${path} ${text}`) ? 'valkey' : 'redis', version };
}

function notAServer(path: string, why: string, cause?: unknown): ReplicantError {
  return new ReplicantError('USAGE', `--scratch-server ${path} can't be used: ${why}`, {
    hint: 'name the program redis-server or valkey-server',
    cause,
  });
}
