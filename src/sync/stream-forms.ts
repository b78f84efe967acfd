/**
 * What a command of the stream is written as on the target: with absolute times, in a form that the target takes,
 * with its deadlines held back. One command may become none or several.
 */
import { toAbsoluteTtl } from '../convert/absolute-ttl.js';
import { holdDeadlines, type HoldPolicy } from '../convert/held-deadline.js';
import type { Args } from '../keyspace/plan.js';
import type { Capabilities } from '../target/capabilities.js';
import type { CommandForm } from './stream-requests.js';

export interface StreamFormsOptions {
  readonly capabilities: Capabilities;
  /** The source writes relative times (before 7.0). */
  readonly relativeTtls: boolean;
  readonly clockOffsetMs: number;
  /** What the target takes in place of a command; looked at are those of these names. */
  readonly form?: CommandForm | undefined;
  /** Deadlines to be held back on the target; may change while it runs. */
  readonly hold?: HoldPolicy | undefined;
}

/** A command, and what is known of the moment it is about. */
export interface FormContext {
  /** When it arrived, by our clock. */
  readonly arrivedMs: () => number;
  /** Whether what it is by now goes out in no other form. */
  readonly asItIs: (args: Args) => boolean;
  /** Something of it is lost. */
  readonly report: (why: string, args: Args) => void;
}

export function formsOf(args: Args, options: StreamFormsOptions, context: FormContext): Args[] {
  return absolute(args, options, context)
    .flatMap((one) => (context.asItIs(one) ? [one] : formed(one, options, context)))
    .flatMap((one) => held(one, options));
}

function absolute(args: Args, options: StreamFormsOptions, { arrivedMs }: FormContext): readonly Args[] {
  const { relativeTtls, capabilities, clockOffsetMs } = options;
  if (!relativeTtls) return [args];
  const { setPxat, restoreAbsttl } = capabilities;
  return toAbsoluteTtl(args, arrivedMs() + clockOffsetMs, { setPxat, restoreAbsttl }) ?? [args];
}

function formed(args: Args, options: StreamFormsOptions, { report }: FormContext): readonly Args[] {
  const form = options.form?.of(args) ?? null;
  if (form === null) return [args];
  if (form.report !== undefined) report(form.report, args);
  return form.commands;
}

function held(args: Args, { hold }: StreamFormsOptions): readonly Args[] {
  return (hold === undefined ? null : holdDeadlines(args, hold)) ?? [args];
}
