/** The zod schemas that options are made of. Every message says what was expected and what was given. */
import { z } from 'zod';

export const nonEmpty: z.ZodType<string, string> = z.string().min(1, 'must not be empty');
/** Absent is undefined. */
export const optionalText: z.ZodType<string | undefined> = nonEmpty.optional();
export const switchedOff: z.ZodType<boolean> = z.boolean().default(false);
/** Taken as they are: a comma is a character like any other. */
export const texts: z.ZodType<readonly string[]> = z.array(nonEmpty).default([]);

/** A text that `parse` understands, or else `expected …, got '…'`. */
export function parsed<T>(expected: string, parse: (text: string) => T | undefined): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}, got '${text}'` });
    return z.NEVER;
  });
}

export function oneOf<const T extends string>(words: readonly T[]): z.ZodType<T, string> {
  const expected = words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`;
  return parsed(expected, (text) => words.find((word) => word === text));
}

/** A list option; `--include-db 0,3` is the same as giving it twice. */
export function commaList<T>(item: z.ZodType<T, string>): z.ZodType<readonly T[]> {
  const parts = z.array(z.string()).transform((given) => given.flatMap((text) => text.split(',')));
  return parts.pipe(z.array(item)).default([]);
}

export function orElse<T>(check: z.ZodType<T, string>, otherwise: NoInfer<T>): z.ZodType<T> {
  return check.optional().transform((value) => value ?? otherwise);
}

export function optional<T>(check: z.ZodType<T, string>): z.ZodType<T | undefined> {
  return check.optional();
}
