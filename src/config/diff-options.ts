/** The options of `replicant diff`, and what their values mean. */
import { z } from 'zod';
import { ReplicantError } from '../errors.js';
import type { DiffOptions, DiffSource } from '../inspect/run-diff.js';
import { inputKind } from '../io/input.js';
import { resolveEndpoint } from './access.js';
import { optionalText, orElse, parsed, switchedOff } from './checks.js';
import { collectLayers } from './config-file.js';
import { planDatabases } from './databases.js';
import { filterWords } from './inspect-options.js';
import type { Layer } from './layers.js';
import { modelOptions, type ModelValues } from './model-options.js';
import { type Options, positional, text, toggle, type OptionTable } from './option-table.js';
import { checkOptions } from './schema.js';
import {
  CONFIG_OPTION,
  FILTER_OPTIONS,
  filterOf,
  LOG_OPTIONS,
  logSettings,
  OUTPUT,
  RUN,
  type Side,
  SOURCE_ACCESS,
  TARGET_ACCESS,
  type AccessValues,
  type ConfigContext,
  type ConfigValues,
  type FilterValues,
  type LogSettings,
  type LogValues,
} from './shared-options.js';

export type DiffValues = FilterValues &
  ConfigValues &
  LogValues &
  ModelValues &
  AccessValues<'source'> &
  AccessValues<'target'> & {
    readonly before: string | undefined;
    readonly after: string | undefined;
    readonly limit: number;
    readonly separator: string | undefined;
    readonly 'consumer-times': boolean;
    readonly 'no-checksum': boolean;
    readonly 'psync-command': string | undefined;
  };

const MOST_NAMED = 1_000_000;

export const DIFF_OPTIONS: OptionTable<DiffValues> = {
  before: positional(
    'the older snapshot: .rdb, may be compressed; - is stdin; redis://host is a server',
    optionalText,
  ),
  after: positional('the newer one', optionalText),
  ...FILTER_OPTIONS,
  limit: text(
    OUTPUT,
    'N keys to name in each list, and prefixes (default 100; all are counted)',
    orElse(parsed(`a number from 0 to ${MOST_NAMED}`, parseLimit), 100),
  ),
  separator: text(RUN, "TEXT between the parts of keys; default: found; '' for none", z.string().optional()),
  'consumer-times': toggle(
    RUN,
    "compare when streams' consumers were last seen and active, which changes with every read",
    switchedOff,
  ),
  ...modelOptions(RUN, '', 'system'),
  'no-checksum': toggle(RUN, 'take files whose checksum is wrong', switchedOff),
  'psync-command': text(RUN, 'NAME that PSYNC was given on the servers by rename-command', optionalText),
  ...CONFIG_OPTION,
  ...grouped('Access to <before>, if it is a server:', SOURCE_ACCESS),
  ...grouped('Access to <after>, if it is a server:', TARGET_ACCESS),
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
  const layer = collectLayers(flags, DIFF_OPTIONS, context);
  const values = checkOptions(DIFF_OPTIONS, layer);
  const { before, after } = values;
  if (before === undefined || after === undefined) {
    throw new ReplicantError('USAGE', 'two snapshots are needed', {
      hint: 'write replicant diff old.rdb new.rdb',
    });
  }
  const first = resolveSource('source', before, values, layer, context);
  const second = resolveSource('target', after, values, layer, context);
  return {
    diff: {
      before: first,
      after: second,
      filter: filterOf(values, includedDbs(values, first, second)),
      filterWords: filterWords(values),
      limit: values.limit,
      separator: values.separator,
      server: values.server,
      allocator: values.allocator,
      account: values.sizes,
      consumerTimes: values['consumer-times'],
      checksum: !values['no-checksum'],
    },
    ...logSettings(values, context),
  };
}

/** Access to the one is called that of a source, to the other that of a target, as in every command with two. */
function resolveSource(
  side: Side,
  spec: string,
  values: DiffValues,
  layer: Layer,
  context: ConfigContext,
): DiffSource {
  if (inputKind(spec) !== 'server') return { spec, options: {} };
  const endpoint = resolveEndpoint(side, spec, values, layer, context.readFile);
  return { spec, options: { endpoint, psyncCommand: values['psync-command'] } };
}

/** A database in an address is the one that is compared, on both sides. */
function includedDbs(values: DiffValues, before: DiffSource, after: DiffSource): readonly number[] {
  const [first, second] = [before.options.endpoint?.db, after.options.endpoint?.db];
  if (first !== undefined && second !== undefined && first !== second) {
    throw new ReplicantError('USAGE', `one address names database ${first}, the other ${second}`, {
      hint: 'keys are compared with those of the same database; export one with --map-db first',
    });
  }
  return planDatabases({
    sourceDb: first ?? second,
    targetDb: undefined,
    include: values['include-db'],
    exclude: values['exclude-db'],
    map: [],
  }).include;
}

function grouped<V>(group: string, options: OptionTable<V>): OptionTable<V> {
  const entries = Object.entries(options as Options).map(([name, spec]) => [name, { ...spec, group }]);
  // Only the group is another.
  return Object.fromEntries(entries) as OptionTable<V>;
}

function parseLimit(word: string): number | undefined {
  return /^\d{1,7}$/u.test(word) && Number(word) <= MOST_NAMED ? Number(word) : undefined;
}
