/** An error, whatever it is → what people and `--json` readers are told, and the exit code. */
import { formatError, ReplicantError } from '../errors.js';
import { redact } from '../net/redact.js';

export interface Failure {
  /** A code of `errors.ts`, or `UNKNOWN` for an error that is not ours. */
  readonly code: string;
  /** One line, without secrets. */
  readonly message: string;
  readonly exitCode: number;
}

export function describeFailure(error: unknown): Failure {
  const message = redact(formatError(error)).replaceAll(/\s*\n\s*/gu, ' ');
  return error instanceof ReplicantError
    ? { code: error.code, message, exitCode: error.exitCode }
    : { code: 'UNKNOWN', message, exitCode: 1 };
}

/** The stack of an error and of what caused it, for `--log-level debug`. */
export function formatStack(error: unknown): string {
  const stacks: string[] = [];
  for (let cause = error; cause instanceof Error && stacks.length < 10; cause = cause.cause) {
    stacks.push(cause.stack ?? cause.message);
  }
  return redact(stacks.length === 0 ? String(error) : stacks.join('\ncaused by '));
}
