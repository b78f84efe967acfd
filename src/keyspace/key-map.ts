/**
 * Source key → target key, by its prefix: `old:=new:` replaces one, `=new:` adds one to every key, `old:=`
 * strips one. Of several prefixes that a key begins with the longest counts; a key that begins with none keeps
 * its name, and so does one whose prefix is mapped to itself (`=p:` with `q:=q:`: all but `q:…` get `p:`).
 * Nothing is special in a prefix: `*` is a `*`. A key that is nothing but a stripped prefix becomes the
 * empty key.
 *
 * Names are mapped after filters have looked at them, so filters speak of the source's names.
 */
import { ReplicantError } from '../errors.js';
import { bytesOf, joinBytes, sameBytes, showKey, startsWith } from './words.js';

export interface PrefixRule {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Keys `first…` and `second…` both become `target…`: those with the same rest overwrite each other. */
export interface PrefixCollision {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
  readonly target: Uint8Array;
}

export interface KeyMap {
  /** False when every key keeps its name. */
  readonly active: boolean;
  /** The target's name of the key bytes[start, end), the whole array by default; undefined: the same. */
  map(bytes: Uint8Array, start?: number, end?: number): Uint8Array | undefined;
  /** What becomes of a prefix that all keys beginning with it share; undefined: of some this, of some that. */
  mapPrefix(prefix: Uint8Array): Uint8Array | undefined;
  /** Every source key, existing or not, that has this name on the target. None: it cannot come from there. */
  sourcesOf(key: Uint8Array): readonly Uint8Array[];
  /** Where keys of the source may take the same name. Those that no rule touches keep theirs. */
  collisions(): readonly PrefixCollision[];
  /** The same names with `prefix` in front of them all. */
  under(prefix: Uint8Array): KeyMap;
}

interface Rule extends PrefixRule {
  readonly same: boolean;
}

export function createKeyMap(rules: readonly PrefixRule[]): KeyMap {
  refuseTwice(rules);
  const longestFirst = rules
    .map(({ from, to }): Rule => ({ from, to, same: sameBytes(from, to) }))
    .toSorted((a, b) => b.from.length - a.from.length);
  const ruleOf = lookupIn(longestFirst);
  return {
    active: longestFirst.some(({ same }) => !same),
    map(bytes, start = 0, end = bytes.length) {
      const rule = ruleOf(bytes, start, end);
      if (rule === undefined || rule.same) return undefined;
      return joinBytes(rule.to, bytes.subarray(start + rule.from.length, end));
    },
    mapPrefix(prefix) {
      const parted = longestFirst.some(
        ({ from }) => from.length > prefix.length && startsWith(from, prefix, 0, from.length),
      );
      if (parted) return undefined;
      const rule = ruleOf(prefix, 0, prefix.length);
      if (rule === undefined || rule.same) return prefix;
      return joinBytes(rule.to, prefix.subarray(rule.from.length));
    },
    sourcesOf: (key) => sourcesOf(key, longestFirst, ruleOf),
    collisions: () => collisionsOf(longestFirst),
    under: (prefix) => createKeyMap(rulesUnder(prefix, rules)),
  };
}

function rulesUnder(prefix: Uint8Array, rules: readonly PrefixRule[]): PrefixRule[] {
  const all = rules.map(({ from, to }) => ({ from, to: joinBytes(prefix, to) }));
  const everyKey = rules.some(({ from }) => from.length === 0);
  return everyKey ? all : [...all, { from: new Uint8Array(0), to: prefix }];
}

type RuleOf = (bytes: Uint8Array, start: number, end: number) => Rule | undefined;

/** Rules by a key's first byte, so that most keys are told from all of them by one look-up. */
function lookupIn(longestFirst: readonly Rule[]): RuleOf {
  const forEmptyKey = longestFirst.filter(({ from }) => from.length === 0);
  const candidates = Array.from({ length: 256 }, (_, byte) =>
    longestFirst.filter(({ from }) => from.length === 0 || from[0] === byte),
  );
  return (bytes, start, end) => {
    for (const rule of start < end ? candidates[bytes[start]!]! : forEmptyKey) {
      if (startsWith(bytes, rule.from, start, end)) return rule;
    }
    return undefined;
  };
}

function sourcesOf(key: Uint8Array, rules: readonly Rule[], ruleOf: RuleOf): Uint8Array[] {
  const sources = rules
    .filter(({ to }) => startsWith(key, to, 0, key.length))
    .map((rule) => ({ rule, source: joinBytes(rule.from, key.subarray(rule.to.length)) }))
    .filter(({ rule, source }) => ruleOf(source, 0, source.length) === rule)
    .map(({ source }) => source);
  return ruleOf(key, 0, key.length) === undefined ? [...sources, key] : sources;
}

function refuseTwice(rules: readonly PrefixRule[]): void {
  const twice = rules.find(({ from }, at) => rules.slice(0, at).some((other) => sameBytes(other.from, from)));
  if (twice === undefined) return;
  throw new ReplicantError('USAGE', `the key prefix ${showKey(twice.from)} is mapped twice`, {
    hint: 'leave one of the two rules out',
  });
}

function collisionsOf(rules: readonly Rule[]): PrefixCollision[] {
  const out: PrefixCollision[] = [];
  rules.forEach((rule, at) => {
    for (const other of rules.slice(at + 1)) {
      const [shorter, longer] = rule.to.length <= other.to.length ? [rule, other] : [other, rule];
      if (!startsWith(longer.to, shorter.to, 0, longer.to.length)) continue;
      const first = joinBytes(shorter.from, longer.to.subarray(shorter.to.length));
      if (longestFor(first, rules) === shorter) out.push({ first, second: longer.from, target: longer.to });
    }
    // A key that no rule touches has the name already.
    if (!rule.same && longestFor(rule.to, rules) === undefined)
      out.push({ first: rule.from, second: rule.to, target: rule.to });
  });
  return out;
}

function longestFor(key: Uint8Array, rules: readonly Rule[]): Rule | undefined {
  return rules.find(({ from }) => startsWith(key, from, 0, key.length));
}

/** One line for a warning; whether it comes to that depends on the keys there are. */
export function describeCollision({ first, second, target }: PrefixCollision): string {
  const [a, b, both] = [first, second, target].map((prefix) => `${showKey(prefix).slice(0, -1)}…"`);
  return `keys ${a} and ${b} both become ${both}: of two with the same rest, the one written last stays`;
}

/** `OLD=NEW`; a `=` that belongs to a prefix is written `\=`, a backslash `\\`, any byte `\xHH`. */
export function parsePrefixRule(text: string): PrefixRule {
  const sides = [new Array<Uint8Array>()];
  for (const [part] of text.matchAll(/\\x[\da-f]{2}|\\[\\=]|=|[^\\=]+|\\/giu)) {
    if (part === '=') sides.push([]);
    else sides.at(-1)!.push(partBytes(part, text));
  }
  const [from, to] = sides.map((parts) => joinBytes(...parts));
  if (from === undefined || to === undefined || sides.length > 2)
    throw badRule(text, 'write OLD=NEW, and \\= for a = that belongs to a prefix');
  if (from.length + to.length === 0) throw badRule(text, 'one of the two prefixes must not be empty');
  return { from, to };
}

/** A prefix by itself, written as in a rule, where a `=` is a character like any other; undefined: it is none. */
export function parsePrefix(text: string): Uint8Array | undefined {
  const parts = [...text.matchAll(/\\x[\da-f]{2}|\\[\\=]|[^\\]+|\\/giu)].map(([part]) => part);
  return parts.includes('\\') ? undefined : joinBytes(...parts.map((part) => partBytes(part, text)));
}

function partBytes(part: string, text: string): Uint8Array {
  if (!part.startsWith('\\')) return bytesOf(part);
  if (part.length === 1) throw badRule(text, 'a backslash is written \\\\');
  return part.length === 2 ? bytesOf(part[1]!) : Uint8Array.of(Number.parseInt(part.slice(2), 16));
}

function badRule(text: string, hint: string): ReplicantError {
  return new ReplicantError('USAGE', `not a rule for key prefixes: ${text}`, { hint });
}
