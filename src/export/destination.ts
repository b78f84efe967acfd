/**
 * Where an export goes. A file appears under its name only when it is complete: until then it is a hidden
 * one beside it, removed when the export fails. Devices and pipes are written as they come, and so is
 * stdout.
 */
import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { link, open, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ReplicantError } from '../errors.js';
import { codeOf, explainWriteError, FdTarget } from './fd-target.js';
import type { ByteTarget } from './output.js';

export interface Destination {
  readonly target: ByteTarget;
  /** What it is called in messages. */
  readonly label: string;
  /** For temporary files: a folder with room; undefined: the system's. */
  readonly folder: string | undefined;
  /** The export is complete. */
  commit(): Promise<void>;
  /** It failed: leaves no half file. */
  discard(): Promise<void>;
}

const STDOUT = 1;

export function stdoutDestination(): Destination {
  const nothing = (): Promise<void> => Promise.resolve();
  const slow = !fstatSync(STDOUT).isFile();
  return {
    target: new FdTarget(STDOUT, 'stdout', slow),
    label: 'stdout',
    folder: undefined,
    commit: nothing,
    discard: nothing,
  };
}

/** `force`: an existing file is replaced; without it, that is refused, here and again at the end. */
export async function fileDestination(path: string, force: boolean): Promise<Destination> {
  const there = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw explainWriteError(error, path, true);
  });
  if (there !== undefined && !there.isFile() && !there.isDirectory()) return deviceDestination(path);
  if (there?.isDirectory() === true) {
    throw new ReplicantError('USAGE', 'the output is a directory', {
      place: { at: path },
      hint: 'name a file',
    });
  }
  if (there !== undefined && !force) throw exists(path);
  // A link is followed, so that the file it points to is replaced.
  const final = there === undefined ? path : await realpath(path);
  const temporary = join(dirname(final), `.${basename(final)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await opened(temporary, 'wx', path);
  return {
    target: new FdTarget(file.fd, path, false),
    label: path,
    folder: dirname(final),
    commit: () => publish(file, temporary, final, force),
    async discard() {
      await file.close().catch(() => {});
      await unlink(temporary).catch(() => {});
    },
  };
}

async function deviceDestination(path: string): Promise<Destination> {
  const file = await opened(path, 'w', path);
  const close = (): Promise<void> => file.close().catch(() => {});
  const target = new FdTarget(file.fd, path, true);
  return { target, label: path, folder: undefined, commit: close, discard: close };
}

async function opened(path: string, flags: string, label: string): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw explainWriteError(error, label, true);
  }
}

async function publish(file: FileHandle, temporary: string, final: string, force: boolean): Promise<void> {
  try {
    await file.close();
    if (force) await rename(temporary, final);
    else await linkNew(temporary, final);
  } catch (error) {
    throw error instanceof ReplicantError ? error : explainWriteError(error, final);
  }
}

/** A rename would silently replace what has come there meanwhile; a link does not. */
async function linkNew(temporary: string, final: string): Promise<void> {
  try {
    await link(temporary, final);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw exists(final);
    // File systems without links.
    await rename(temporary, final);
    return;
  }
  await unlink(temporary);
}

function exists(path: string): ReplicantError {
  return new ReplicantError('USAGE', 'the output file is there already', {
    place: { at: path },
    hint: 'name another one, or replace it with --force',
  });
}
