/** Finds out which allocator a file's server had, by looking into it beforehand (calibration.ts). */
import { stat } from 'node:fs/promises';
import { inputKind, openInput } from '../io/input.js';
import type { AllocatorChoice, AllocatorName } from './allocator.js';
import { Calibration, LEAST_FILE_BYTES } from './calibration.js';
import type { ServerName } from './server-profile.js';

const DEFAULT_ALLOCATOR: AllocatorName = 'system';

/** The allocator meant by a choice; what can't be found is the default. */
export async function resolveAllocator(
  choice: AllocatorChoice,
  source: string,
  server: ServerName | undefined,
): Promise<AllocatorName> {
  if (choice !== 'found') return choice;
  return (await findAllocator(source, server)) ?? DEFAULT_ALLOCATOR;
}

/** undefined when it can't be told: from what is no file, or a small or compressed one. */
async function findAllocator(
  source: string,
  server: ServerName | undefined,
): Promise<AllocatorName | undefined> {
  if (inputKind(source) !== 'path') return undefined;
  const stats = await stat(source).catch(() => undefined);
  if (stats?.isFile() !== true || stats.size < LEAST_FILE_BYTES) return undefined;
  const input = await openInput(source);
  const stop = new AbortController();
  const calibration = new Calibration(stats.size, server, () => stop.abort());
  try {
    await input.snapshot(calibration, { checksum: false, signal: stop.signal });
  } catch {
    // Stopped on purpose; what is wrong with the file will be said when it is read in earnest.
  } finally {
    await input.close();
  }
  // Compressed: where keys stand says nothing of how much of the file that is.
  return input.bytesRead < calibration.offset ? undefined : calibration.result();
}
