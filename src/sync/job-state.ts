/**
 * What a job keeps on this machine, in its state directory: the spool, the lock that says which process has it,
 * and how many snapshots have been asked for and never loaded. Nothing else is written or removed there.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ReplicantError } from '../errors.js';
import { openSpool, type Spool } from '../spool/spool.js';
import { lockStateDir, type StateLock } from '../spool/state-lock.js';
import type { SpoolEvent } from '../spool/types.js';
import type { SyncOptions } from './options.js';
import type { Emit } from './status.js';

const SNAPSHOTS_FILE = 'snapshots.json';
const MB = 1024 * 1024;

export class JobState {
  readonly spool: Spool;
  /** Snapshots taken by earlier runs since one was last loaded, and when the last was. */
  readonly snapshotsInVain: number;
  readonly lastSnapshotMs: number;
  readonly #dir: string | undefined;
  readonly #lock: StateLock | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    spool: Spool,
    dir: string | undefined,
    lock: StateLock | undefined,
    snapshots: { count: number; atMs: number },
  ) {
    this.spool = spool;
    this.#dir = dir;
    this.#lock = lock;
    this.snapshotsInVain = snapshots.count;
    this.lastSnapshotMs = snapshots.atMs;
  }

  /**
   * `failed` is told of a full spool under `--spool-full stop`, once the run has caught up. Before, what the
   * source has kept meanwhile comes faster than any target takes it: reading pauses, or no start would get far.
   */
  static async open(
    { stateDir, spoolMemoryBytes, spoolMaxBytes, spoolFull }: SyncOptions,
    caughtUp: () => boolean,
    emit: Emit,
    room: () => void,
    failed: (error: ReplicantError) => void,
  ): Promise<JobState> {
    if (stateDir !== undefined) await makeDirectory(stateDir);
    const lock = stateDir === undefined ? undefined : await lockStateDir(stateDir);
    try {
      const { spool } = await openSpool({
        dir: stateDir === undefined ? undefined : join(stateDir, 'spool'),
        memoryBytes: spoolMemoryBytes,
        maxBytes: spoolMaxBytes,
        onEvent: (event) => tell(event, spoolFull === 'stop' && caughtUp(), emit, failed),
        onRoom: room,
      });
      return new JobState(spool, stateDir, lock, await readSnapshots(stateDir));
    } catch (error) {
      await lock?.release();
      throw error;
    }
  }

  snapshotBegins(count: number): Promise<void> {
    return this.#write({ count, atMs: Date.now() });
  }

  snapshotLoaded(): Promise<void> {
    return this.#write(undefined);
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#lock?.release();
  }

  #write(snapshots: { count: number; atMs: number } | undefined): Promise<void> {
    const dir = this.#dir;
    if (dir === undefined) return Promise.resolve();
    const file = join(dir, SNAPSHOTS_FILE);
    this.#writing = this.#writing
      .then(async () => {
        if (snapshots === undefined) return rm(file, { force: true });
        await writeFile(`${file}.new`, JSON.stringify(snapshots), { mode: 0o600 });
        return rename(`${file}.new`, file);
      })
      // Only patience is lost with it.
      .catch(() => {});
    return this.#writing;
  }
}

async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ReplicantError('USAGE', `can't make the state directory ${dir}: ${(error as Error).message}`, {
      hint: 'name another with --state-dir',
      cause: error,
    });
  }
}

async function readSnapshots(dir: string | undefined): Promise<{ count: number; atMs: number }> {
  const none = { count: 0, atMs: 0 };
  if (dir === undefined) return none;
  try {
    const value: unknown = JSON.parse(await readFile(join(dir, SNAPSHOTS_FILE), 'utf8'));
    if (typeof value !== 'object' || value === null || !('count' in value) || !('atMs' in value)) return none;
    const { count, atMs } = value;
    return typeof count === 'number' && typeof atMs === 'number' ? { count, atMs } : none;
  } catch {
    return none;
  }
}

function tell(event: SpoolEvent, stops: boolean, emit: Emit, failed: (error: ReplicantError) => void): void {
  const what = stops
    ? 'the run will end, and can be started again when the target takes more'
    : 'the source will not be read on until there is room, and may then drop the link';
  switch (event.type) {
    case 'nearly-full':
    case 'memory-nearly-full':
      emit(
        'warn',
        'waiting',
        `the spool is nearly full (${megabytes(event.bytes)} of ${megabytes(event.limit)}): when it is, ${what}`,
      );
      return;
    case 'full':
      emit(
        'debug',
        'note',
        `the spool is full on disk (${megabytes(event.limit)}): what comes now is kept in memory, as far as that goes`,
      );
      return;
    case 'memory-full':
      if (stops) {
        failed(
          new ReplicantError(
            'TARGET_BUSY',
            `the spool is full (${megabytes(event.limit)}), as the target takes too little`,
            {
              hint: 'nothing is lost: start again when the target takes more, or raise --spool-max or --spool-memory',
            },
          ),
        );
        return;
      }
      emit(
        'warn',
        'waiting',
        `the spool is full (${megabytes(event.limit)}): reading from the source pauses until the target has taken something`,
      );
      return;
    case 'room-again':
      emit('debug', 'note', 'there is room for the spool on disk again');
      return;
    case 'memory-room':
      emit('info', 'note', 'the spool has room again: the source is read on');
      return;
    case 'disk-failed':
      emit(
        'warn',
        'waiting',
        `can't write the spool (${event.path}: ${event.message}); going on in memory, trying again every second`,
      );
      return;
    case 'disk-ok':
      emit('info', 'note', `the spool can be written again (${event.path})`);
      return;
    case 'not-kept':
      emit(
        'warn',
        'note',
        `the ${event.log} is too large for the spool and is not kept: after a crash or a lost target a new one is needed`,
      );
      return;
    default:
      emit(
        'info',
        'note',
        `an earlier run ended in the middle of a write: ${event.bytes} bytes cut off ${event.path} at ${event.offset}`,
      );
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MB)} MB`;
}
