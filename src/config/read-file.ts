/** Reading the files that options name. They are small and read before anything starts, so synchronously. */
import { readFileSync } from 'node:fs';
import { ReplicantError } from '../errors.js';

export type ReadFile = (path: string) => Uint8Array;

export const readFileFromDisk: ReadFile = (path) => readFileSync(path);

/** The bytes of the file that the option called `label` names, or a USAGE error. */
export function readOptionFile(path: string, label: string, readFile: ReadFile): Uint8Array {
  try {
    return readFile(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/, \w+ '.*'$/u, '') : String(cause);
    throw new ReplicantError('USAGE', `${label}: cannot read ${path}: ${why}`, { cause });
  }
}

export function readOptionText(path: string, label: string, readFile: ReadFile): string {
  const bytes = readOptionFile(path, label, readFile);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ReplicantError('USAGE', `${label}: ${path} is not UTF-8 text`, { cause });
  }
}
