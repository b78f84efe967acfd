/** The options of `replicant diff`, and what their values mean. */
import { z } from 'zod';
import { ReplicantError } from '../errors.js';
import type { DiffOptions } from '../inspect/run-diff.js';
import { inputKind } from '../io/input.js';
import { optionalText, orElse, parsed, switchedOff } from './checks.js';
import { collectLayers } from './config-file.js';
import { filterWords } from './inspect-options.js';
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
  type ConfigContext,
  type ConfigValues,
  type FilterValues,
  type LogSettings,
  type LogValues,
} from './shared-options.js';

export type DiffValues = FilterValues &
  ConfigValues &
  LogValues & {
    readonly before: string | undefined;
    readonly after: string | undefined;
    readonly limit: number;
    readonly separator: string | undefined;
    readonly 'no-checksum': boolean;
  };

const MOST_NAMED = 1_000_000;

export const DIFF_OPTIONS: OptionTable<DiffValues> = {
  before: positional('the older snapshot: .rdb, may be compressed; - is stdin', optionalText),
  after: positional('the newer one', optionalText),
  ...FILTER_OPTIONS,
  limit: text(
    OUTPUT,
    'N keys to name in each list, and prefixes (default 100; all are counted)',
    orElse(parsed(`a number from 0 to ${MOST_NAMED}`, parseLimit), 100),
  ),
  separator: text(RUN, "TEXT between the parts of keys; default: found; '' for none", z.string().optional()),
  'no-checksum': toggle(RUN, 'take files whose checksum is wrong', switchedOff),
  ...CONFIG_OPTION,
  ...LOG_OPTIONS,
  json: toggle(OUTPUT, 'the differences as JSON on stdout, as one line', switchedOff),
};

export interface DiffCommandOptions extends LogSettings {
  readonly diff: Omit<DiffOptions, 'signal'>;
}

export function resolveDiffCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): DiffCommandOptions {
  const values = checkOptions(DIFF_OPTIONS, collectLayers(flags, DIFF_OPTIONS, context));
  const { before, after } = values;
  if (before === undefined || after === undefined) {
    throw new ReplicantError('USAGE', 'two snapshots are needed', {
      hint: 'write replicant diff old.rdb new.rdb',
    });
  }
  for (const file of [before, after]) {
    if (inputKind(file) !== 'server') continue;
    throw new ReplicantError('USAGE', `${file} is a server, but diff compares files`, {
      hint: 'take a snapshot first: replicant export ADDRESS -f rdb -o new.rdb',
    });
  }
  return {
    diff: {
      before,
      after,
      input: {},
      filter: filterOf(values),
      filterWords: filterWords(values),
      limit: values.limit,
      separator: values.separator,
      checksum: !values['no-checksum'],
    },
    ...logSettings(values, context),
  };
}

function parseLimit(word: string): number | undefined {
  return /^\d{1,7}$/u.test(word) && Number(word) <= MOST_NAMED ? Number(word) : undefined;
}
