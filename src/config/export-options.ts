/** The options of `replicant export`. */
import { z } from 'zod';
import type { Duplicates } from '../export/rdb-export-handler.js';
import type { TtlSelection } from '../export/selection.js';
import { TEXT_FORMATS, type TextFormat } from '../export/text-formats.js';
import { parseServerName, type ServerIdentity } from '../rdb/server-support.js';
import { AOF_OPTIONS, type AofValues } from './export-aof-options.js';
import { oneOf, optional, optionalText, orElse, parsed, switchedOff } from './checks.js';
import { modelOptions, type ModelValues } from './model-options.js';
import { positional, text, toggle, type OptionTable } from './option-table.js';
import { parseBytes, parseDuration, parsePattern } from './parse-values.js';
import {
  CARRIED,
  CONFIG_OPTION,
  FILTER_OPTIONS,
  LOG_OPTIONS,
  MAP_DB_OPTION,
  RUN,
  SOURCE_ACCESS,
  type AccessValues,
  type ConfigValues,
  type FilterValues,
  type LogValues,
  type MapDbValues,
} from './shared-options.js';

export type ExportFormat = TextFormat | 'rdb';
export const EXPORT_FORMATS: readonly ExportFormat[] = [...TEXT_FORMATS, 'rdb'];

export interface SelectionValues {
  readonly 'include-regex': RegExp | undefined;
  readonly 'exclude-regex': RegExp | undefined;
  readonly ttl: TtlSelection | undefined;
  readonly 'min-size': number | undefined;
  readonly 'max-size': number | undefined;
}

export type ExportValues = FilterValues &
  SelectionValues &
  MapDbValues &
  ModelValues &
  ConfigValues &
  LogValues &
  AccessValues<'source'> &
  AofValues & {
    readonly source: readonly string[];
    readonly format: ExportFormat | undefined;
    readonly output: string | undefined;
    readonly force: boolean;
    readonly meta: boolean;
    readonly escape: boolean;
    readonly restore: boolean;
    readonly for: ServerIdentity | undefined;
    readonly split: string | undefined;
    readonly report: string | undefined;
    readonly duplicates: Duplicates | undefined;
    readonly 'no-compress': boolean;
    readonly 'on-error': 'stop' | 'skip';
    readonly 'no-checksum': boolean;
    readonly 'psync-command': string | undefined;
  };

const FORMATS = 'Formats:';
const pattern = optional(parsed('a regular expression', parsePattern));
const bytes = optional(parsed('a number of bytes, such as 512, 64kB or 1MiB', parseBytes));

function parseTtl(word: string): TtlSelection | undefined {
  if (word === 'with') return { is: 'present' };
  if (word === 'without') return { is: 'absent' };
  const ms = parseDuration(word);
  return ms === undefined ? undefined : { is: 'less-than', ms };
}

function parseServer(word: string): ServerIdentity | undefined {
  try {
    return parseServerName(word);
  } catch {
    return undefined;
  }
}

/** Which keys, beyond what `FILTER_OPTIONS` says. */
export const SELECTION_OPTIONS: OptionTable<SelectionValues> = {
  'include-regex': text(CARRIED, 'PATTERN: only keys in which this is found', pattern),
  'exclude-regex': text(CARRIED, 'PATTERN: no keys in which this is found', pattern),
  ttl: text(
    CARRIED,
    'with, without, or a time such as 90s, 2h, 7d: only keys that have less than that left',
    optional(parsed('with, without, or a time such as 90s, 2h or 7d', parseTtl)),
  ),
  'min-size': text(
    CARRIED,
    'BYTES: only values that take this much in the file, or more (64kB, 1MiB)',
    bytes,
  ),
  'max-size': text(CARRIED, 'BYTES: only values that take this much in the file, or less', bytes),
};

export const EXPORT_OPTIONS: OptionTable<ExportValues> = {
  source: positional(
    'what to export: .rdb, .aof or appendonlydir, also compressed; - is standard input; redis://host is a server',
    z.array(z.string().min(1, 'must not be empty')).default([]),
    'list',
  ),
  format: {
    ...text(
      RUN,
      'ndjson, json, csv, keys, resp or rdb; default: what the name of the output ends in',
      optional(oneOf(EXPORT_FORMATS)),
    ),
    letter: 'f',
  },
  output: {
    ...text(RUN, 'FILE, there only when it is complete; default: standard output', optionalText),
    letter: 'o',
  },
  force: toggle(RUN, 'replace the output file if there is one', switchedOff),
  'on-error': text(
    RUN,
    'when part of the input is damaged: stop (default), or skip it and exit 3',
    orElse(oneOf(['stop', 'skip']), 'stop'),
  ),
  'no-checksum': toggle(RUN, 'do not mind a wrong checksum of the input', switchedOff),
  ...AOF_OPTIONS,
  'psync-command': text(RUN, 'NAME that PSYNC was given on the source by rename-command', optionalText),
  ...CONFIG_OPTION,
  ...FILTER_OPTIONS,
  ...SELECTION_OPTIONS,
  ...MAP_DB_OPTION,
  meta: toggle(FORMATS, 'ndjson: lines for functions and AUX fields as well', switchedOff),
  escape: toggle(FORMATS, 'keys: escaped, so that a line is a key whatever is in it', switchedOff),
  restore: toggle(FORMATS, 'resp: RESTORE payloads instead of commands', switchedOff),
  for: text(
    FORMATS,
    'SERVER such as redis-5.0 or valkey-9.1: rdb and resp: what that loads, with losses listed and exit 3',
    optional(parsed('a server such as redis-5.0, redis-7.2, redis-8.0 or valkey-9.1', parseServer)),
  ),
  split: text(FORMATS, 'N or FILE (nodes.conf): rdb: one file per shard of a cluster', optionalText),
  report: text(FORMATS, 'FILE: rdb: all that was left out, as lines of JSON', optionalText),
  duplicates: text(
    FORMATS,
    'rdb: a key in several inputs: fail (default), or take the first or last',
    optional(oneOf(['fail', 'first', 'last'])),
  ),
  ...modelOptions(FORMATS, 'csv: ', 'system'),
  'no-compress': toggle(FORMATS, 'rdb: leave converted values uncompressed', switchedOff),
  ...SOURCE_ACCESS,
  ...LOG_OPTIONS,
};
