/**
 * What an option is. A command has one table of them, which the command line, the environment, the config
 * file, the checks and `--help` all read.
 *
 * An option `until` is the flag `--until`, the variable `REPLICANT_UNTIL` and the key `until` of the config
 * file. Lists are repeated flags, comma-separated variables, arrays in the file. A `secret` has no flag,
 * because command lines are visible to every user of the machine.
 */
import type { z } from 'zod';

export type OptionKind = 'text' | 'list' | 'switch';

/** `T` is what the option's text becomes once it is checked. */
export interface OptionSpec<T = unknown> {
  readonly kind: OptionKind;
  readonly describe: string;
  readonly group: string;
  readonly check: z.ZodType<T>;
  /** Never a flag, never printed. */
  readonly secret?: true;
  /** Stands on the command line by its place, not as a flag. */
  readonly positional?: true;
  /** One letter: `-o` for `--output`. */
  readonly letter?: string;
}

/** The options whose checked values make up `V`: names are its keys, in the order `--help` shows them. */
export type OptionTable<V> = { readonly [K in keyof V]-?: OptionSpec<V[K]> };

/** Any table, for those who do not care for the values. */
export type Options = Readonly<Record<string, OptionSpec>>;

export const text = <T>(group: string, describe: string, check: z.ZodType<T>): OptionSpec<T> => ({
  kind: 'text',
  group,
  describe,
  check,
});

export const list = <T>(group: string, describe: string, check: z.ZodType<T>): OptionSpec<T> => ({
  kind: 'list',
  group,
  describe,
  check,
});

export const toggle = (group: string, describe: string, check: z.ZodType<boolean>): OptionSpec<boolean> => ({
  kind: 'switch',
  group,
  describe,
  check,
});

/** A word without a flag before it; `kind` list: all words that are left. */
export const positional = <T>(
  describe: string,
  check: z.ZodType<T>,
  kind: 'text' | 'list' = 'text',
): OptionSpec<T> => ({ kind, group: '', describe, check, positional: true });

export const secret = <T>(group: string, check: z.ZodType<T>): OptionSpec<T> => ({
  kind: 'text',
  group,
  describe: '',
  check,
  secret: true,
});

export function optionOf(options: Options, name: string): OptionSpec | undefined {
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

export function environmentName(name: string): string {
  return `REPLICANT_${name.toUpperCase().replaceAll('-', '_')}`;
}
