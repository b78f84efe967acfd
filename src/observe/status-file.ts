/**
 * `--status-file`: the status as one JSON document, replaced every second and once more at the end. Written
 * beside its place and renamed into it, so a reader sees the old or the new one, never half of one. A full
 * disk or a missing directory is worth one warning, and never stops a sync.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SyncStatus } from '../sync/status.js';

const INTERVAL_MS = 1000;

export interface StatusFile {
  /** Writes the last status and ends. */
  close(): Promise<void>;
}

export function startStatusFile(
  path: string,
  status: () => SyncStatus,
  warn: (message: string) => void,
): StatusFile {
  let warned = false;
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    try {
      await replaceFile(path, `${JSON.stringify(status())}\n`);
    } catch (error) {
      if (!warned)
        warn(
          `cannot write the status file ${path}: ${error instanceof Error ? error.message : String(error)}`,
        );
      warned = true;
    }
  };
  const tick = (): void => {
    // A disk slower than the interval is not given more to do.
    writing ??= write().finally(() => (writing = undefined));
  };
  tick();
  const timer = setInterval(tick, INTERVAL_MS);
  let closed: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    clearInterval(timer);
    await writing;
    await write();
  };
  return { close: () => (closed ??= end()) };
}

export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
