/** Options that several commands have in common, and what their values mean. */
import { VALUE_KINDS, type FilterOptions, type ValueKind } from '../sync/options.js';
import { commaList, oneOf, optional, optionalText, orElse, parsed, switchedOff, texts } from './checks.js';
import { list, secret, text, toggle, type Options, type OptionTable } from './option-table.js';
import { parseDb, parseDbPair, parseDbRule, type DbPair, type DbRule } from './parse-values.js';
import type { ReadFile } from './read-file.js';

export const CARRIED = 'What is carried:';
export const RUN = 'How it runs:';
export const OUTPUT = 'Output:';

/** The process that the command runs in. */
export interface ConfigContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Do people read the log on a terminal? Decides between pretty and JSON lines. */
  readonly terminal: boolean;
  readonly readFile: ReadFile;
  /** Whether other commands have such an option: one config file may serve several. */
  readonly elsewhere?: (name: string) => boolean;
}

export interface FilterValues {
  readonly 'include-key': readonly string[];
  readonly 'exclude-key': readonly string[];
  readonly 'include-db': readonly number[];
  readonly 'exclude-db': readonly number[];
  readonly 'include-type': readonly ValueKind[];
  readonly 'exclude-type': readonly ValueKind[];
  readonly 'include-key-regex': readonly string[];
  readonly 'exclude-key-regex': readonly string[];
}

const dbNumbers = commaList(parsed('a number', parseDb));
const kinds = commaList(oneOf(VALUE_KINDS));

export const FILTER_OPTIONS: OptionTable<FilterValues> = {
  'include-key': list(CARRIED, 'GLOB: only keys like this (repeatable)', texts),
  'exclude-key': list(CARRIED, 'GLOB: no keys like this; wins over include (repeatable)', texts),
  'include-key-regex': list(CARRIED, 'REGEX: only keys that match (repeatable)', texts),
  'exclude-key-regex': list(CARRIED, 'REGEX: no keys that match; wins over include (repeatable)', texts),
  'include-db': list(CARRIED, 'N: only this database (repeatable)', dbNumbers),
  'exclude-db': list(CARRIED, 'N: not this database (repeatable)', dbNumbers),
  'include-type': list(
    CARRIED,
    'string, list, set, zset, hash, stream or module: only these (repeatable)',
    kinds,
  ),
  'exclude-type': list(CARRIED, 'TYPE: none of these (repeatable)', kinds),
};

export function filterOf(
  values: FilterValues,
  includeDbs: readonly number[] = values['include-db'],
): FilterOptions {
  return {
    includeKeys: values['include-key'],
    excludeKeys: values['exclude-key'],
    includeKeyRegexes: values['include-key-regex'],
    excludeKeyRegexes: values['exclude-key-regex'],
    includeDbs,
    excludeDbs: values['exclude-db'],
    includeKinds: values['include-type'],
    excludeKinds: values['exclude-type'],
  };
}

export interface MapDbValues {
  readonly 'map-db': readonly DbPair[];
}

export const MAP_DB_OPTION: OptionTable<MapDbValues> = {
  'map-db': list(
    CARRIED,
    'FROM=TO: put source database FROM into target database TO (repeatable)',
    commaList(parsed('FROM=TO with two numbers, such as 3=0', parseDbPair)),
  ),
};

export interface MapDbPrefixValues {
  readonly 'map-db': readonly DbRule[];
}

/** Of commands that can give keys other names. */
export const MAP_DB_PREFIX_OPTION: OptionTable<MapDbPrefixValues> = {
  'map-db': list(
    CARRIED,
    'FROM=TO[:PREFIX]: put source database FROM into target database TO, with PREFIX in front of its keys: 3=0:db3: (repeatable)',
    commaList(
      parsed(
        'FROM=TO with two numbers, such as 3=0, or with a prefix, such as 3=0:db3: (\\x2c is a comma in it)',
        parseDbRule,
      ),
    ),
  ),
};

export interface MapPrefixValues {
  readonly 'map-prefix': readonly string[];
}

export const MAP_PREFIX_OPTION: OptionTable<MapPrefixValues> = {
  'map-prefix': list(
    CARRIED,
    'OLD=NEW: keys that begin with OLD begin with NEW on the target; =NEW adds, OLD= strips (repeatable)',
    texts,
  ),
};

export interface ConfigValues {
  readonly config: string | undefined;
}

export const CONFIG_OPTION: OptionTable<ConfigValues> = {
  config: text(RUN, 'FILE (TOML) with any of these options, e.g. log-level = "warn"', optionalText),
};

export type Side = 'source' | 'target';
type AccessText = 'password' | 'password-file' | 'tls-ca' | 'tls-cert' | 'tls-key' | 'tls-sni';

/** `source-password`, …, `source-tls-insecure`. */
export type AccessValues<S extends Side> = { readonly [K in `${S}-${AccessText}`]: string | undefined } & {
  readonly [K in `${S}-tls-insecure`]: boolean;
};

export const SOURCE_ACCESS: OptionTable<AccessValues<'source'>> = accessTable('source');
export const TARGET_ACCESS: OptionTable<AccessValues<'target'>> = accessTable('target');

function accessTable<S extends Side>(side: S): OptionTable<AccessValues<S>> {
  const group = `Access to the ${side}:`;
  const variable = `REPLICANT_${side.toUpperCase()}_PASSWORD`;
  const table: Options = {
    [`${side}-password`]: secret(group, optionalText),
    [`${side}-password-file`]: text(group, `FILE with the password; or set ${variable}`, optionalText),
    [`${side}-tls-ca`]: text(group, 'FILE (PEM): trust these authorities (needs rediss://)', optionalText),
    [`${side}-tls-cert`]: text(group, 'FILE (PEM): client certificate', optionalText),
    [`${side}-tls-key`]: text(group, 'FILE (PEM): its private key', optionalText),
    [`${side}-tls-sni`]: text(
      group,
      "NAME to expect in the server's certificate; default: the host",
      optionalText,
    ),
    [`${side}-tls-insecure`]: toggle(group, 'accept any certificate', switchedOff),
  };
  // The names are made by the same rule as those of the type.
  return table as OptionTable<AccessValues<S>>;
}

export interface LogValues {
  readonly 'log-level': 'debug' | 'info' | 'warn' | 'error';
  readonly 'log-format': 'pretty' | 'json' | undefined;
  readonly quiet: boolean;
  readonly 'no-progress': boolean;
  readonly json: boolean;
}

export const LOG_OPTIONS: OptionTable<LogValues> = {
  'log-level': text(
    OUTPUT,
    'debug, info (default), warn or error',
    orElse(oneOf(['debug', 'info', 'warn', 'error']), 'info'),
  ),
  'log-format': text(
    OUTPUT,
    'pretty or json; default: pretty on a terminal, json otherwise',
    optional(oneOf(['pretty', 'json'])),
  ),
  quiet: toggle(OUTPUT, 'log only warnings and errors, no progress', switchedOff),
  'no-progress': toggle(OUTPUT, 'no progress line', switchedOff),
  json: toggle(OUTPUT, 'end with a summary as one line of JSON on stdout', switchedOff),
};

/** What a command tells, and how. */
export interface LogSettings {
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'pretty' | 'json';
  readonly quiet: boolean;
  readonly progress: boolean;
  readonly json: boolean;
}

export function logSettings(values: LogValues, context: ConfigContext): LogSettings {
  return {
    logLevel: values.quiet && values['log-level'] !== 'error' ? 'warn' : values['log-level'],
    logFormat: values['log-format'] ?? (context.terminal ? 'pretty' : 'json'),
    quiet: values.quiet,
    progress: !values.quiet && !values['no-progress'],
    json: values.json,
  };
}
