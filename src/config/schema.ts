/**
 * The texts of options → values, through one zod schema. Every message says what was expected and what was
 * given; `checkOptions` puts the name of the option in front, as its author wrote it.
 */
import { z } from 'zod';
import { ReplicantError } from '../errors.js';
import { VALUE_KINDS, type SyncOptions, type ValueKind } from '../sync/options.js';
import { isOptionName } from './option-table.js';
import type { Layer } from './layers.js';
import { parseDb, parseDbPair, parseListenAddress, type DbPair, type ListenAddress } from './parse-values.js';

const nonEmpty = z.string().min(1, 'must not be empty');
const switchedOff = z.boolean().default(false);

/** A text that `parse` understands, or else `expected …, got '…'`. */
function parsed<T>(expected: string, parse: (text: string) => T | undefined): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}, got '${text}'` });
    return z.NEVER;
  });
}

function oneOf<const T extends string>(words: readonly T[]): z.ZodType<T, string> {
  const expected = words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`;
  return parsed(expected, (text) => words.find((word) => word === text));
}

/** A list option; `--include-db 0,3` is the same as giving it twice. */
function commaList<T>(item: z.ZodType<T, string>): z.ZodType<T[], string[] | undefined> {
  const parts = z.array(z.string()).transform((texts) => texts.flatMap((text) => text.split(',')));
  return parts.pipe(z.array(item)).default([]);
}

const dbNumber = parsed('a number', parseDb);
const dbPair = parsed('FROM=TO with two numbers, such as 3=0', parseDbPair);
const listenAddress = parsed('HOST:PORT, such as 127.0.0.1:9121 or 0.0.0.0:9121', parseListenAddress);
const jobName = parsed(
  'letters, digits, dots, dashes and underscores, at most 100, beginning with a letter or digit',
  (text) => (/^[a-z\d][a-z\d._-]{0,99}$/iu.test(text) ? text : undefined),
);
const commandName = parsed('the name of a command', (text) => (/^[!-~]+$/u.test(text) ? text : undefined));
const globs = z.array(nonEmpty).default([]);

type AccessText = 'password' | 'password-file' | 'tls-ca' | 'tls-cert' | 'tls-key' | 'tls-sni';
type TextOption = `${'source' | 'target'}-${AccessText}`;

/** Checked one by one; what they mean together is decided in `sync-command-options.ts`. */
export interface CheckedOptions extends Readonly<Partial<Record<TextOption, string | undefined>>> {
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly 'include-key': readonly string[];
  readonly 'exclude-key': readonly string[];
  readonly 'include-db': readonly number[];
  readonly 'exclude-db': readonly number[];
  readonly 'include-type': readonly ValueKind[];
  readonly 'exclude-type': readonly ValueKind[];
  readonly 'map-db': readonly DbPair[];
  readonly name?: string | undefined;
  readonly until: SyncOptions['until'];
  readonly 'target-not-empty': SyncOptions['targetNotEmpty'];
  readonly 'on-error': SyncOptions['onError'];
  readonly 'psync-command': string;
  readonly 'source-tls-insecure': boolean;
  readonly 'target-tls-insecure': boolean;
  readonly 'status-file'?: string | undefined;
  readonly http?: ListenAddress | undefined;
  readonly 'log-level': 'debug' | 'info' | 'warn' | 'error';
  readonly 'log-format'?: 'pretty' | 'json' | undefined;
  readonly quiet: boolean;
  readonly 'no-progress': boolean;
  readonly json: boolean;
}

const schema = z.object({
  source: z.string().optional(),
  target: z.string().optional(),
  'include-key': globs,
  'exclude-key': globs,
  'include-db': commaList(dbNumber),
  'exclude-db': commaList(dbNumber),
  'include-type': commaList(oneOf(VALUE_KINDS)),
  'exclude-type': commaList(oneOf(VALUE_KINDS)),
  'map-db': commaList(dbPair),
  name: jobName.optional(),
  until: oneOf(['caught-up', 'stopped']).default('stopped'),
  'target-not-empty': oneOf(['fail', 'merge', 'flush']).default('fail'),
  'on-error': oneOf(['stop', 'skip']).default('stop'),
  'psync-command': commandName.default('PSYNC'),
  config: nonEmpty.optional(),
  'source-password': nonEmpty.optional(),
  'source-password-file': nonEmpty.optional(),
  'source-tls-ca': nonEmpty.optional(),
  'source-tls-cert': nonEmpty.optional(),
  'source-tls-key': nonEmpty.optional(),
  'source-tls-sni': nonEmpty.optional(),
  'source-tls-insecure': switchedOff,
  'target-password': nonEmpty.optional(),
  'target-password-file': nonEmpty.optional(),
  'target-tls-ca': nonEmpty.optional(),
  'target-tls-cert': nonEmpty.optional(),
  'target-tls-key': nonEmpty.optional(),
  'target-tls-sni': nonEmpty.optional(),
  'target-tls-insecure': switchedOff,
  'status-file': nonEmpty.optional(),
  http: listenAddress.optional(),
  'log-level': oneOf(['debug', 'info', 'warn', 'error']).default('info'),
  'log-format': oneOf(['pretty', 'json']).optional(),
  quiet: switchedOff,
  'no-progress': switchedOff,
  json: switchedOff,
});

export function checkOptions(layer: Layer): CheckedOptions {
  const texts = Object.fromEntries([...layer].map(([name, { value }]) => [name, value]));
  const result = schema.safeParse(texts);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const name = String(issue?.path[0] ?? '');
  const label = (isOptionName(name) ? layer.get(name)?.label : undefined) ?? name;
  throw new ReplicantError('USAGE', `${label}: ${issue?.message ?? 'not understood'}`);
}
