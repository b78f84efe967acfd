/**
 * One option may be given on the command line, in the environment and in the config file; the first of
 * these wins, whole: a list on the command line replaces the list in the file. Each value remembers where
 * it came from, so that a mistake is reported under the name its author wrote.
 */
import { ReplicantError } from '../errors.js';
import { environmentName, optionOf, type OptionKind, type Options } from './option-table.js';

export type RawValue = string | readonly string[] | boolean;

export type LayerName = 'flag' | 'environment' | 'file';

export interface Given {
  readonly value: RawValue;
  readonly layer: LayerName;
  /** How the option is called there: `--until`, `REPLICANT_UNTIL`, `until in sync.toml`. */
  readonly label: string;
}

export type Layer = ReadonlyMap<string, Given>;

/** What the command line parser found: text, texts of a repeated flag, or true. */
export function flagLayer(flags: Readonly<Record<string, unknown>>, options: Options): Layer {
  const layer = new Map<string, Given>();
  for (const [name, value] of Object.entries(flags)) {
    const spec = optionOf(options, name);
    if (value === undefined || spec === undefined) continue;
    const label = spec.positional ? name : `--${name}`;
    layer.set(name, { value: shape(value, spec.kind, label), layer: 'flag', label });
  }
  return layer;
}

/** An empty variable counts as not set, as shells and container files make them. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>, options: Options): Layer {
  const layer = new Map<string, Given>();
  for (const [name, { kind }] of Object.entries(options)) {
    const label = environmentName(name);
    const text = env[label];
    if (text === undefined || text === '') continue;
    const value = kind === 'list' ? text.split(',').map((part) => part.trim()) : text;
    layer.set(name, { value: shape(value, kind, label), layer: 'environment', label });
  }
  return layer;
}

/** The parsed TOML document; a key that no command knows is a mistake rather than ignored. */
export function fileLayer(
  document: Readonly<Record<string, unknown>>,
  path: string,
  options: Options,
  elsewhere: (name: string) => boolean = () => false,
): Layer {
  const layer = new Map<string, Given>();
  for (const [name, value] of Object.entries(document)) {
    const spec = name === 'config' ? undefined : optionOf(options, name);
    if (spec === undefined) {
      if (name !== 'config' && elsewhere(name)) continue;
      throw new ReplicantError('USAGE', `${path}: there is no option '${name}'`, {
        hint: 'keys are the long options without the dashes, see replicant --help',
      });
    }
    const label = `${name} in ${path}`;
    layer.set(name, { value: shape(plainTable(value), spec.kind, label), layer: 'file', label });
  }
  return layer;
}

/** Earlier layers win. */
export function mergeLayers(...layers: readonly Layer[]): Layer {
  return new Map(layers.toReversed().flatMap((layer) => [...layer]));
}

function shape(value: unknown, kind: OptionKind, label: string): RawValue {
  if (kind === 'list') return (Array.isArray(value) ? value : [value]).map((item) => asText(item, label));
  if (kind === 'switch') return asSwitch(value, label);
  // A repeated flag: the last one wins, as in rsync, so that an alias can be overridden.
  const last: unknown = Array.isArray(value) && label.startsWith('--') ? value.at(-1) : value;
  return asText(last, label);
}

function asText(value: unknown, label: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new ReplicantError('USAGE', `${label}: expected a text, got ${describe(value)}`);
}

function asSwitch(value: unknown, label: string): boolean {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  if (typeof last === 'boolean') return last;
  const word = typeof last === 'string' ? last.toLowerCase() : '';
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  const got = typeof last === 'string' ? `'${last}'` : describe(last);
  throw new ReplicantError('USAGE', `${label}: expected true or false, got ${got}`);
}

/** `map-db = { 3 = 0 }` reads better in a file than `["3=0"]`; both work. */
function plainTable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Date)
    return value;
  return Object.entries(value).map(([key, item]) => `${key}=${String(item)}`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'boolean' ? `${value}` : `a ${typeof value}`;
}
