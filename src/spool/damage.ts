/** Errors of reading what should be on disk. */
import { ReplicantError } from '../errors.js';
import { diskErrorCode } from './disk.js';

export function damaged(path: string, offset: number, what: string): ReplicantError {
  return new ReplicantError('SPOOL_DAMAGED', `the spool is damaged: ${what}`, {
    place: { at: path, offset },
    hint: 'check the disk; remove the files of the spool, and the next start goes on from the source, or with a new snapshot',
  });
}

export function unreadable(path: string, offset: number, cause: unknown): ReplicantError {
  const why = cause instanceof Error ? cause.message : diskErrorCode(cause);
  return new ReplicantError('SPOOL_DAMAGED', `the spool can't be read: ${why}`, {
    place: { at: path, offset },
    hint: 'check the disk and who may read the file',
    cause,
  });
}
