/**
 * One key spec (7.0+), as a flat map: `flags`, how keys begin (`begin_search`) and how many follow
 * (`find_keys`). Each of the two is `{type, spec}`:
 *
 *   index    {index}                          keynum   {keynumidx, firstkey, keystep}: a count among the
 *   keyword  {keyword, startfrom}: behind it,          arguments, both positions from where keys begin
 *            searched backwards from the      range    {lastkey, keystep, limit}: from where keys begin, or
 *            end when startfrom < 0                    from the end when negative; limit 2: half of the rest
 *   unknown                                   unknown
 *
 * `not_key` marks what is only routed like a key (a channel), `incomplete` a spec that misses some.
 * A command whose keys a module computes by code has `movablekeys` although its specs would not need it:
 * then they cannot be trusted to be all, and only COMMAND GETKEYS knows.
 */
import { isWord, parseCount } from './words.js';

export interface KeySpec {
  readonly begin:
    | { readonly at: 'index'; readonly index: number }
    | { readonly at: 'keyword'; readonly keyword: string; readonly startFrom: number };
  readonly find:
    | { readonly by: 'range'; readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly by: 'count'; readonly count: number; readonly firstKey: number; readonly step: number };
}

type Args = readonly Uint8Array[];

/** undefined when they don't cover all keys. */
export function parseKeySpecs(specs: readonly unknown[]): readonly KeySpec[] | undefined {
  const out: KeySpec[] = [];
  for (const spec of specs) {
    const fields = mapOf(spec);
    const flags = listOf(fields.get('flags')).map((flag) => textOf(flag));
    if (flags.includes('not_key')) continue;
    const begin = parseBegin(mapOf(fields.get('begin_search')));
    const find = parseFind(mapOf(fields.get('find_keys')));
    if (begin === undefined || find === undefined || flags.includes('incomplete')) return undefined;
    out.push({ begin, find });
  }
  return out;
}

function parseBegin(search: ReadonlyMap<string, unknown>): KeySpec['begin'] | undefined {
  const spec = mapOf(search.get('spec'));
  switch (textOf(search.get('type'))) {
    case 'index':
      return { at: 'index', index: numberOf(spec.get('index')) };
    case 'keyword':
      return {
        at: 'keyword',
        keyword: textOf(spec.get('keyword')).toUpperCase(),
        startFrom: numberOf(spec.get('startfrom')),
      };
    default:
      return undefined;
  }
}

function parseFind(find: ReadonlyMap<string, unknown>): KeySpec['find'] | undefined {
  const spec = mapOf(find.get('spec'));
  const number = (name: string): number => numberOf(spec.get(name));
  switch (textOf(find.get('type'))) {
    case 'range':
      return { by: 'range', lastKey: number('lastkey'), step: number('keystep'), limit: number('limit') };
    case 'keynum':
      return {
        by: 'count',
        count: number('keynumidx'),
        firstKey: number('firstkey'),
        step: number('keystep'),
      };
    default:
      return undefined;
  }
}

export function givesOne({ find }: KeySpec): boolean {
  return find.by === 'range' && find.lastKey === 0;
}

/** Do these specs say more than first, last and step can? Else a module computes the keys by code. */
export function needMovable(specs: readonly KeySpec[]): boolean {
  if (specs.some(({ begin, find }) => begin.at === 'keyword' || find.by === 'count')) return true;
  return specs.slice(1).some((spec, before) => !adjoins(specs[before]!, spec));
}

function adjoins(one: KeySpec, next: KeySpec): boolean {
  if (one.begin.at !== 'index' || one.find.by !== 'range' || next.begin.at !== 'index') return false;
  const steps = [one, next].map(({ find }) => find.step);
  return steps.every((step) => step === 1) && next.begin.index === one.begin.index + one.find.lastKey + 1;
}

/** Ascending, each once, never outside `args`. */
export function specPositions(specs: readonly KeySpec[], args: Args): number[] {
  const found = specs.flatMap((spec) => positionsBy(spec, args));
  return [...new Set(found)].toSorted((a, b) => a - b);
}

function positionsBy({ begin, find }: KeySpec, args: Args): number[] {
  const start = begin.at === 'index' ? begin.index : behindKeyword(begin.keyword, begin.startFrom, args);
  if (start === undefined || start < 1) return [];
  if (find.by === 'range') return span(start, lastOf(find, start, args.length), find.step, args.length);
  const count = parseCount(args[start + find.count]) ?? 0;
  const first = start + find.firstKey;
  return span(first, first + (count - 1) * find.step, find.step, args.length);
}

function lastOf(find: KeySpec['find'] & { by: 'range' }, start: number, length: number): number {
  if (find.lastKey >= 0) return start + find.lastKey;
  if (find.limit <= 1) return length + find.lastKey;
  return start + Math.floor((length - start) / find.limit) + find.lastKey;
}

function behindKeyword(keyword: string, startFrom: number, args: Args): number | undefined {
  const step = startFrom > 0 ? 1 : -1;
  for (
    let at = startFrom > 0 ? startFrom : args.length + startFrom;
    at >= 1 && at < args.length;
    at += step
  ) {
    if (isWord(args[at]!, keyword)) return at + 1;
  }
  return undefined;
}

function span(first: number, last: number, step: number, length: number): number[] {
  const out: number[] = [];
  for (let at = first; at <= Math.min(last, length - 1); at += Math.max(step, 1)) {
    if (at > 0) out.push(at);
  }
  return out;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** RESP2 has no maps: name, value, name, value. */
function mapOf(value: unknown): ReadonlyMap<string, unknown> {
  const items = listOf(value);
  const out = new Map<string, unknown>();
  for (let at = 0; at + 1 < items.length; at += 2) out.set(textOf(items[at]), items[at + 1]);
  return out;
}

const decoder = new TextDecoder();

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? decoder.decode(value) : '';
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
