/**
 * Every option, once: the command line, the environment, the config file and `--help` all read this table.
 *
 * An option `until` is the flag `--until`, the variable `REPLICANT_UNTIL` and the key `until` of the config
 * file. Lists are repeated flags, comma-separated variables, arrays in the file. A `secret` has no flag,
 * because command lines are visible to every user of the machine.
 */

export type OptionKind = 'text' | 'list' | 'switch';

export interface OptionSpec {
  readonly kind: OptionKind;
  readonly describe: string;
  readonly group: string;
  /** Never a flag, never printed. */
  readonly secret?: true;
  /** Stands on the command line by its place, not as a flag. */
  readonly positional?: true;
}

const ENDPOINTS = 'Endpoints:';
const CARRIED = 'What is carried:';
const RUN = 'How it runs:';
const SOURCE = 'Access to the source:';
const TARGET = 'Access to the target:';
const OUTPUT = 'Output:';

const text = (group: string, describe: string): OptionSpec => ({ kind: 'text', group, describe });
const list = (group: string, describe: string): OptionSpec => ({ kind: 'list', group, describe });
const toggle = (group: string, describe: string): OptionSpec => ({ kind: 'switch', group, describe });
const endpoint = (describe: string): OptionSpec => ({
  kind: 'text',
  group: ENDPOINTS,
  describe,
  positional: true,
});
const secret = (group: string): OptionSpec => ({ kind: 'text', group, describe: '', secret: true });

type Side = 'source' | 'target';
type AccessOption =
  | 'password'
  | 'password-file'
  | 'tls-ca'
  | 'tls-cert'
  | 'tls-key'
  | 'tls-sni'
  | 'tls-insecure';

export type SyncOptionName =
  | Side
  | `${Side}-${AccessOption}`
  | `${'include' | 'exclude'}-${'key' | 'db' | 'type'}`
  | 'map-db'
  | 'name'
  | 'until'
  | 'target-not-empty'
  | 'on-error'
  | 'psync-command'
  | 'config'
  | 'status-file'
  | 'http'
  | 'log-level'
  | 'log-format'
  | 'quiet'
  | 'no-progress'
  | 'json';

const SYNC_OPTIONS: Readonly<Record<SyncOptionName, OptionSpec>> = {
  source: endpoint('where the data come from: redis://[user:password@]host[:port][/db]'),
  target: endpoint('where they go; rediss:// is TLS, unix:///path.sock a socket'),

  'include-key': list(CARRIED, 'GLOB: only keys like this (repeatable)'),
  'exclude-key': list(CARRIED, 'GLOB: no keys like this; wins over include (repeatable)'),
  'include-db': list(CARRIED, 'N: only this database (repeatable)'),
  'exclude-db': list(CARRIED, 'N: not this database (repeatable)'),
  'include-type': list(CARRIED, 'string, list, set, zset, hash, stream or module: only these (repeatable)'),
  'exclude-type': list(CARRIED, 'TYPE: none of these (repeatable)'),
  'map-db': list(CARRIED, 'FROM=TO: put source database FROM into target database TO (repeatable)'),

  name: text(RUN, 'NAME of the job in logs and status; default: made from both addresses'),
  until: text(RUN, 'stopped: go on until stopped (default); caught-up: end once the target has caught up'),
  'target-not-empty': text(
    RUN,
    'when the target holds keys: fail (default), merge over them, or flush them first',
  ),
  'on-error': text(RUN, 'when an entry cannot be carried over: stop (default), or skip it and exit 3'),
  'psync-command': text(RUN, 'NAME that PSYNC was given on the source by rename-command'),
  config: text(RUN, 'FILE (TOML) with any of these options, e.g. until = "caught-up"'),

  'source-password': secret(SOURCE),
  'source-password-file': text(SOURCE, 'FILE with the password; or set REPLICANT_SOURCE_PASSWORD'),
  'source-tls-ca': text(SOURCE, 'FILE (PEM): trust these authorities (needs rediss://)'),
  'source-tls-cert': text(SOURCE, 'FILE (PEM): client certificate'),
  'source-tls-key': text(SOURCE, 'FILE (PEM): its private key'),
  'source-tls-sni': text(SOURCE, "NAME to expect in the server's certificate; default: the host"),
  'source-tls-insecure': toggle(SOURCE, 'accept any certificate'),

  'target-password': secret(TARGET),
  'target-password-file': text(TARGET, 'FILE with the password; or set REPLICANT_TARGET_PASSWORD'),
  'target-tls-ca': text(TARGET, 'FILE (PEM): trust these authorities (needs rediss://)'),
  'target-tls-cert': text(TARGET, 'FILE (PEM): client certificate'),
  'target-tls-key': text(TARGET, 'FILE (PEM): its private key'),
  'target-tls-sni': text(TARGET, "NAME to expect in the server's certificate; default: the host"),
  'target-tls-insecure': toggle(TARGET, 'accept any certificate'),

  'status-file': text(OUTPUT, 'FILE: the status as JSON, replaced every second'),
  http: text(OUTPUT, 'HOST:PORT for a status page, /status, /metrics and /healthz'),
  'log-level': text(OUTPUT, 'debug, info (default), warn or error'),
  'log-format': text(OUTPUT, 'pretty or json; default: pretty on a terminal, json otherwise'),
  quiet: toggle(OUTPUT, 'log only warnings and errors, no progress'),
  'no-progress': toggle(OUTPUT, 'no progress line'),
  json: toggle(OUTPUT, 'end with a summary as one line of JSON on stdout'),
};

export function optionSpec(name: SyncOptionName): OptionSpec {
  return SYNC_OPTIONS[name];
}

export function isOptionName(name: string): name is SyncOptionName {
  return Object.hasOwn(SYNC_OPTIONS, name);
}

export const SYNC_OPTION_NAMES: readonly SyncOptionName[] = Object.keys(SYNC_OPTIONS).filter(isOptionName);

export function environmentName(name: SyncOptionName): string {
  return `REPLICANT_${name.toUpperCase().replaceAll('-', '_')}`;
}
