/** The options of `replicant inspect`, and what their values mean. */
import { ReplicantError } from '../errors.js';
import type { InspectRunOptions } from '../inspect/run-inspect.js';
import { inputKind, type InputOptions } from '../io/input.js';
import { resolveEndpoint } from './access.js';
import { oneOf, optionalText, orElse, parsed, switchedOff } from './checks.js';
import { collectLayers } from './config-file.js';
import { AOF_OPTIONS, type AofValues, scratchOf } from './export-aof-options.js';
import type { Layer } from './layers.js';
import { modelOptions, type ModelValues } from './model-options.js';
import { positional, text, toggle, type OptionTable } from './option-table.js';
import { checkOptions } from './schema.js';
import {
  CONFIG_OPTION,
  FILTER_OPTIONS,
  filterOf,
  LOG_OPTIONS,
  logSettings,
  OUTPUT,
  RUN,
  SOURCE_ACCESS,
  type AccessValues,
  type ConfigContext,
  type ConfigValues,
  type FilterValues,
  type LogSettings,
  type LogValues,
} from './shared-options.js';
import { z } from 'zod';

export type InspectValues = FilterValues &
  ConfigValues &
  LogValues &
  ModelValues &
  AccessValues<'source'> &
  AofValues & {
    readonly source: string | undefined;
    readonly top: number;
    readonly sample: number;
    readonly separator: string | undefined;
    readonly html: string | undefined;
    readonly 'on-error': 'stop' | 'skip';
    readonly 'no-checksum': boolean;
    readonly 'psync-command': string;
  };

const MOST_TOP = 10_000;

export const INSPECT_OPTIONS: OptionTable<InspectValues> = {
  source: positional(
    '.rdb, .aof or appendonlydir, also compressed; a running server; - is standard input',
    optionalText,
  ),
  ...FILTER_OPTIONS,
  top: text(
    RUN,
    'N biggest keys in each list (default 20)',
    orElse(parsed('a number from 0 to 10000', parseTop), 20),
  ),
  sample: text(
    RUN,
    '1/N: measure one key in N and scale up; for a quick look at very large files',
    orElse(parsed('1/N, such as 1/100', parseSample), 1),
  ),
  separator: text(RUN, "TEXT between the parts of keys; default: found; '' for none", z.string().optional()),
  ...modelOptions(RUN, '', 'found'),
  'on-error': text(
    RUN,
    'when a record is damaged: stop (default), or skip it and exit 3',
    orElse(oneOf(['stop', 'skip']), 'stop'),
  ),
  'no-checksum': toggle(RUN, 'take a file whose checksum is wrong', switchedOff),
  'psync-command': text(
    RUN,
    'NAME that PSYNC was given on the source by rename-command',
    orElse(
      parsed('the name of a command', (word) => (/^[!-~]+$/u.test(word) ? word : undefined)),
      'PSYNC',
    ),
  ),
  ...CONFIG_OPTION,
  ...AOF_OPTIONS,
  ...SOURCE_ACCESS,
  html: text(
    OUTPUT,
    'FILE for the report as one self-contained HTML page, to be attached to a ticket',
    optionalText,
  ),
  ...LOG_OPTIONS,
  json: toggle(OUTPUT, 'the report as JSON on stdout, as one line', switchedOff),
};

export interface InspectCommandOptions extends LogSettings {
  readonly inspect: Omit<InspectRunOptions, 'nowMs' | 'signal'>;
  readonly html: string | undefined;
}

export function resolveInspectCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): InspectCommandOptions {
  const layer = collectLayers(flags, INSPECT_OPTIONS, context);
  const values = checkOptions(INSPECT_OPTIONS, layer);
  const { source } = values;
  if (source === undefined) {
    throw new ReplicantError('USAGE', 'there is no source', { hint: 'write replicant inspect dump.rdb' });
  }
  return {
    inspect: {
      source,
      input: inputOptions(source, values, layer, context),
      filter: filterOf(values),
      filterWords: filterWords(values),
      top: values.top,
      sampleEvery: values.sample,
      separator: values.separator,
      server: values.server,
      allocator: values.allocator,
      account: values.sizes,
      checksum: !values['no-checksum'],
      onError: values['on-error'],
    },
    html: values.html,
    ...logSettings(values, context),
  };
}

function inputOptions(
  source: string,
  values: InspectValues,
  layer: Layer,
  context: ConfigContext,
): InputOptions {
  if (inputKind(source) !== 'server') return { scratch: scratchOf(values) };
  const endpoint = resolveEndpoint('source', source, values, layer, context.readFile);
  return { endpoint, psyncCommand: values['psync-command'] };
}

/** As they would be typed. */
export function filterWords(values: FilterValues): string[] {
  const names = [
    'include-key',
    'exclude-key',
    'include-db',
    'exclude-db',
    'include-type',
    'exclude-type',
  ] as const;
  return names.flatMap((name) => values[name].map((value) => `--${name} ${value}`));
}

function parseTop(word: string): number | undefined {
  const value = Number(word);
  return /^\d+$/u.test(word) && value <= MOST_TOP ? value : undefined;
}

function parseSample(word: string): number | undefined {
  const match = /^1\/(\d{1,9})$/u.exec(word);
  const every = Number(match?.[1]);
  return match !== null && every > 0 ? every : undefined;
}
