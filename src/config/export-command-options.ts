/** Everything that says what `replicant export` shall do → one validated object. */
import { extname } from 'node:path';
import { ReplicantError } from '../errors.js';
import type { Duplicates } from '../export/rdb-export-handler.js';
import type { ExportOptions } from '../export/run-export.js';
import type { Selection } from '../export/selection.js';
import type { AllocatorChoice } from '../inspect/allocator.js';
import type { Account, ServerName } from '../inspect/server-profile.js';
import { inputKind, type InputOptions } from '../io/input.js';
import type { ScratchOptions } from '../io/scratch-input.js';
import { createKeyFilter } from '../keyspace/key-filter.js';
import { resolveEndpoint } from './access.js';
import { collectLayers } from './config-file.js';
import { planDatabases } from './databases.js';
import { scratchOf } from './export-aof-options.js';
import {
  EXPORT_FORMATS,
  EXPORT_OPTIONS,
  type ExportFormat,
  type ExportValues,
  type SelectionValues,
} from './export-options.js';
import type { Layer } from './layers.js';
import { checkOptions } from './schema.js';
import { filterOf, logSettings, type ConfigContext, type LogSettings } from './shared-options.js';

export interface ExportSource {
  readonly spec: string;
  readonly options: InputOptions;
}

export interface ExportCommandOptions extends LogSettings {
  readonly sources: readonly ExportSource[];
  readonly format: ExportFormat;
  /** undefined: stdout. */
  readonly output: string | undefined;
  readonly force: boolean;
  /** How the commands of an AOF become values; undefined: they are carried as they are. */
  readonly scratch: ScratchOptions | undefined;
  /** For every format but rdb, whose format this then is not. */
  readonly text: Omit<ExportOptions, 'format' | 'csv'>;
  /** For csv alone: whose memory. */
  readonly csv: {
    readonly server: ServerName | undefined;
    readonly allocator: AllocatorChoice;
    readonly account: Account;
  };
  /** For rdb alone. */
  readonly rdb: {
    readonly split: string | undefined;
    readonly report: string | undefined;
    readonly duplicates: Duplicates;
    readonly compress: boolean;
  };
}

export function resolveExportCommand(
  flags: Readonly<Record<string, unknown>>,
  context: ConfigContext,
): ExportCommandOptions {
  const layer = collectLayers(flags, EXPORT_OPTIONS, context);
  const values = checkOptions(EXPORT_OPTIONS, layer);
  const sources = resolveSources(values, layer, context);
  const format = values.format ?? formatOf(values.output);
  const output = values.output === '-' ? undefined : values.output;
  refuseForeign(format, layer);
  if (values.json && output === undefined) {
    throw new ReplicantError('USAGE', '--json needs -o: standard output carries the data', {
      hint: 'name a file with -o, or leave --json out',
    });
  }
  const { include, map } = planDatabases({
    sourceDb: databaseOf(sources),
    targetDb: undefined,
    include: values['include-db'],
    exclude: values['exclude-db'],
    map: values['map-db'],
  });
  const text: ExportCommandOptions['text'] = {
    filter: filterOf(values, include),
    selection: selectionOf(values),
    dbMap: map,
    onError: values['on-error'],
    checksum: !values['no-checksum'],
    meta: values.meta,
    escape: values.escape,
    restore: values.restore,
    server: values.for,
    truncatedTail: values['truncated-tail'],
    toTime: values['to-time'],
  };
  return {
    sources,
    format,
    output,
    force: values.force,
    scratch: format === 'resp' && !chooses(text) ? undefined : scratchOf(values),
    text,
    csv: { server: values.server, allocator: values.allocator, account: values.sizes },
    rdb: {
      split: values.split,
      report: values.report,
      duplicates: values.duplicates ?? 'fail',
      compress: !values['no-compress'],
    },
    ...logSettings(values, context),
  };
}

/** Are keys left out or moved? What a command does to them is not known without a server. */
function chooses({
  filter,
  selection,
  dbMap,
}: Pick<ExportOptions, 'filter' | 'selection' | 'dbMap'>): boolean {
  const selects = Object.values(selection).some((one) => one !== undefined);
  return selects || dbMap.size > 0 || createKeyFilter(filter).active;
}

export function selectionOf(values: SelectionValues): Selection {
  return {
    includePattern: values['include-regex'],
    excludePattern: values['exclude-regex'],
    ttl: values.ttl,
    minBytes: values['min-size'],
    maxBytes: values['max-size'],
  };
}

function resolveSources(values: ExportValues, layer: Layer, context: ConfigContext): readonly ExportSource[] {
  if (values.source.length === 0) {
    throw new ReplicantError('USAGE', 'there is nothing to export', {
      hint: 'write replicant export dump.rdb -f ndjson, or redis://host:6379 instead of the file',
    });
  }
  if (values.source.filter((spec) => spec === '-').length > 1) {
    throw new ReplicantError('USAGE', '- (standard input) is named more than once');
  }
  return values.source.map((spec) => {
    const psyncCommand = values['psync-command'];
    if (inputKind(spec) !== 'server') return { spec, options: {} };
    const endpoint = resolveEndpoint('source', spec, values, layer, context.readFile);
    return { spec, options: { endpoint, psyncCommand } };
  });
}

/** A database in an address selects it, which makes sense only for a single source. */
function databaseOf(sources: readonly ExportSource[]): number | undefined {
  const databases = sources.map(({ options }) => options.endpoint?.db);
  if (sources.length > 1 && databases.some((db) => db !== undefined)) {
    throw new ReplicantError(
      'USAGE',
      'a database can be part of an address only when that is the one source',
      {
        hint: 'use --include-db',
      },
    );
  }
  return databases[0];
}

/** By the ending of the output's name: `.ndjson`, `.csv`, `.rdb` … */
function formatOf(output: string | undefined): ExportFormat {
  const ending = output === undefined ? '' : extname(output).slice(1).toLowerCase();
  const format = EXPORT_FORMATS.find((known) => known === (ending === 'jsonl' ? 'ndjson' : ending));
  if (format !== undefined) return format;
  throw new ReplicantError('USAGE', 'no format is named', {
    hint: `add -f and one of ${EXPORT_FORMATS.join(', ')}`,
  });
}

const BELONGS_TO: Readonly<Record<string, readonly ExportFormat[]>> = {
  meta: ['ndjson'],
  escape: ['keys'],
  restore: ['resp'],
  server: ['csv'],
  allocator: ['csv'],
  sizes: ['csv'],
  for: ['resp', 'rdb'],
  split: ['rdb'],
  report: ['rdb'],
  duplicates: ['rdb'],
  'no-compress': ['rdb'],
};

/** An option that would do nothing is a misunderstanding; in a config file it may be meant for another run. */
function refuseForeign(format: ExportFormat, layer: Layer): void {
  for (const [name, formats] of Object.entries(BELONGS_TO)) {
    const given = layer.get(name);
    if (given?.layer !== 'flag' || given.value === false || formats.includes(format)) continue;
    throw new ReplicantError('USAGE', `${given.label} means nothing to -f ${format}`, {
      hint: `it belongs to -f ${formats.join(' and -f ')}`,
    });
  }
}
