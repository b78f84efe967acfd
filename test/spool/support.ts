/** Spools in temporary folders, contents that follow from the position, and a disk that fails on request. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { nodeDisk, type SpoolDisk, type SpoolFile } from '../../src/spool/disk.js';
import { type OpenedSpool, openSpool, type SpoolLog, type SpoolTuning } from '../../src/spool/spool.js';
import type { SpoolEvent, SpoolOptions } from '../../src/spool/types.js';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'replicant-spool-'));
  folders.push(folder);
  return folder;
}

/** What a crash at this moment would leave. The last file first, as later ones are written later. */
export function copyFolder(from: string): string {
  const to = newFolder();
  for (const name of readdirSync(from).toSorted().toReversed()) {
    try {
      writeFileSync(join(to, name), readFileSync(join(from, name)));
    } catch {
      // Removed meanwhile.
    }
  }
  return to;
}

/** The bytes at the positions [from, to): the same wherever they are asked for, without a short period. */
export function contentAt(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let at = 0; at < bytes.length; at++) {
    const position = from + at;
    bytes[at] = Math.imul(position ^ (position >>> 9), 0x9e3779b1) >>> 21;
  }
  return bytes;
}

/** The same, but of a kind that can be compressed. */
export function textAt(from: number, to: number): Uint8Array {
  const bytes = contentAt(from, to);
  for (let at = 0; at < bytes.length; at++) {
    const position = from + at;
    bytes[at] = position % 16 < 12 ? 97 + (position % 16) : 48 + (bytes[at]! % 10);
  }
  return bytes;
}

export function add(log: SpoolLog, count: number, nowMs = 1_000_000, content = contentAt): void {
  const from = log.end;
  // Not at the start of the array: the log has to look at the range.
  const bytes = new Uint8Array(count + 7);
  bytes.set(content(from, from + count), 3);
  log.append(bytes, 3, 3 + count, nowMs);
}

/** Everything in [from, to), through loads where needed. */
export async function readRange(log: SpoolLog, from: number, to: number, atOnce = 997): Promise<Uint8Array> {
  const out = new Uint8Array(to - from);
  for (let at = from; at < to;) {
    const count = log.read(at, out.subarray(at - from, Math.min(out.length, at - from + atOnce)));
    if (count === 0) await log.load(at);
    at += count;
  }
  return out;
}

export async function until(condition: () => boolean, what = String(condition)): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 5000) throw new Error(`never: ${what}`);
    await sleep(turn < 100 ? 0 : 2);
  }
}

export interface TestSpool extends OpenedSpool {
  readonly dir: string;
  readonly events: SpoolEvent[];
  rooms: number;
}

export const SMALL: Partial<SpoolTuning> = {
  blockBytes: 512,
  segmentBytes: 4096,
  streamMemoryBytes: 1024,
  streamMemoryMs: 0,
  batchMs: 0,
  syncMs: 5,
  retryMs: 5,
};

export async function smallSpool(
  options: Partial<SpoolOptions> = {},
  tuning: Partial<SpoolTuning> = {},
): Promise<TestSpool> {
  const events: SpoolEvent[] = [];
  const dir = 'dir' in options ? (options.dir ?? '') : newFolder();
  const rooms = { count: 0 };
  const opened = await openSpool(
    {
      dir,
      memoryBytes: 512 * 32,
      maxBytes: 1e9,
      onEvent: (event) => events.push(event),
      onRoom: () => rooms.count++,
      ...options,
    },
    { ...SMALL, ...tuning },
  );
  return {
    ...opened,
    dir,
    events,
    get rooms() {
      return rooms.count;
    },
  };
}

export function segmentsIn(dir: string, log = ''): string[] {
  return readdirSync(dir)
    .filter((name) => name.startsWith(log) && name.endsWith('.seg'))
    .toSorted();
}

type Operation = 'create' | 'write' | 'sync' | 'remove' | 'makeDir' | 'read' | 'truncate';

/** Files as usual; `fail` may throw, or say how many bytes of a write are taken. */
export class FaultyDisk implements SpoolDisk {
  fail: (operation: Operation, path: string) => number | undefined = () => undefined;
  readonly calls: string[] = [];

  makeDir(dir: string): Promise<void> {
    return this.#try('makeDir', dir, () => nodeDisk.makeDir(dir));
  }

  list(dir: string): Promise<string[]> {
    return nodeDisk.list(dir);
  }

  create(path: string): Promise<SpoolFile> {
    return this.#try('create', path, async () => this.#wrap(path, await nodeDisk.create(path)));
  }

  async open(path: string): Promise<SpoolFile> {
    return this.#wrap(path, await nodeDisk.open(path));
  }

  size(path: string): Promise<number> {
    return nodeDisk.size(path);
  }

  remove(path: string): Promise<void> {
    return this.#try('remove', path, () => nodeDisk.remove(path));
  }

  syncDir(dir: string): Promise<void> {
    return nodeDisk.syncDir(dir);
  }

  async #try<T>(operation: Operation, path: string, act: () => Promise<T>): Promise<T> {
    this.calls.push(operation);
    await Promise.resolve();
    this.fail(operation, path);
    return act();
  }

  #wrap(path: string, file: SpoolFile): SpoolFile {
    return {
      write: async (parts, offset) => {
        this.calls.push('write');
        const most = this.fail('write', path);
        if (most === undefined) return file.write(parts, offset);
        return file.write([Buffer.concat(parts).subarray(0, most)], offset);
      },
      read: (into, offset) => this.#try('read', path, () => file.read(into, offset)),
      sync: () => this.#try('sync', path, () => file.sync()),
      truncate: (bytes) => this.#try('truncate', path, () => file.truncate(bytes)),
      close: () => file.close(),
    };
  }
}

export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: as ordered`), { code });
}
