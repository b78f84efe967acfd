/** What the spool does with files. Tests put another one in its place, that fails when they want it to. */
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

export interface SpoolFile {
  /** How many bytes were written; fewer than given: the disk is full. */
  write(parts: readonly Uint8Array[], offset: number): Promise<number>;
  /** How many bytes there were. */
  read(into: Uint8Array, offset: number): Promise<number>;
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface SpoolDisk {
  makeDir(dir: string): Promise<void>;
  /** Names in it; nothing when it is not there. */
  list(dir: string): Promise<string[]>;
  create(path: string): Promise<SpoolFile>;
  /** For reading, and to be cut. */
  open(path: string): Promise<SpoolFile>;
  size(path: string): Promise<number>;
  /** Also when it is not there. */
  remove(path: string): Promise<void>;
  syncDir(dir: string): Promise<void>;
}

class NodeFile implements SpoolFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(parts: readonly Uint8Array[], offset: number): Promise<number> {
    return (await this.#handle.writev(parts, offset)).bytesWritten;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await this.#handle.read(into, filled, into.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(bytes: number): Promise<void> {
    return this.#handle.truncate(bytes);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** The users' data: for nobody else to read. */
const DIR_MODE = 0o700;
const FILE_MODE = 0o600;

export const nodeDisk: SpoolDisk = {
  async makeDir(dir) {
    await mkdir(dir, { recursive: true, mode: DIR_MODE });
  },
  async list(dir) {
    try {
      return await readdir(dir);
    } catch (error) {
      if (diskErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  },
  async create(path) {
    return new NodeFile(await open(path, 'w+', FILE_MODE));
  },
  async open(path) {
    return new NodeFile(await open(path, 'r+'));
  },
  async size(path) {
    return (await stat(path)).size;
  },
  remove: (path) => rm(path, { force: true }),
  async syncDir(dir) {
    // Windows knows no such thing, and some network file systems refuse it.
    const handle = await open(dir, 'r').catch(() => undefined);
    await handle?.sync().catch(() => undefined);
    await handle?.close();
  },
};

export function diskErrorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}
