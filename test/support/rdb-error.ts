import { expect } from 'vitest';
import { type ErrorCode, ReplicantError } from '../../src/errors.js';

interface Fault {
  readonly code: ErrorCode;
  readonly offset: number | undefined;
  readonly message: unknown;
}

/** What is wrong according to our error; undefined when nothing is. Other errors pass through. */
export function faultOf(run: () => unknown): Fault | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof ReplicantError)) throw error;
    return { code: error.code, offset: error.place.offset, message: error.message };
  }
}

/** What `faultOf` must have found. */
export function fault(code: ErrorCode, offset: number, message: RegExp): Fault {
  return { code, offset, message: expect.stringMatching(message) };
}
