/**
 * Keys and bytes by prefix: `user:42:cart` counts for `user:` and `user:42:`. The separator is given, or
 * found among the first keys: the one most of them have. Memory is bounded by counting only what is large
 * (byte-counter.ts); what has been merged away shows as the rest of the prefix above.
 */
import { ByteCounter, type Counted } from './byte-counter.js';
import type { PrefixChange } from './diff-report.js';
import type { ReportPrefix, ReportPrefixes } from './report.js';
import { reportText } from './report-text.js';

/** In order of preference, when as many keys have each. */
const CANDIDATES = [':', '/', '.', '|', '#', '-', '_', ';', '~', '@'];
/** The separator is decided on when so many keys have been seen. */
const TRIAL_KEYS = 2000;
/** It must stand in at least this share of them. */
const LEAST_SHARE = 0.1;
/** One later in the list must stand in so many times the keys. */
const CLEARLY = 1.2;
const MAX_DEPTH = 8;
const MAX_PREFIXES = 60_000;
/** What is shown of the tree. */
const SHOWN_CHILDREN = 40;
const SHOWN_PREFIXES = 1500;

interface Trial {
  readonly key: Uint8Array;
  readonly size: number;
}

export class PrefixTree {
  readonly #counter = new ByteCounter(MAX_PREFIXES);
  #trial: Trial[] | undefined = [];
  #separator: Uint8Array | undefined;
  readonly #chosenBy: 'option' | 'found';
  #keys = 0;
  #bytes = 0;

  /** With '' as separator keys have no parts. */
  constructor(separator: string | undefined) {
    this.#chosenBy = separator === undefined ? 'found' : 'option';
    if (separator !== undefined) this.#decide(separator);
  }

  add(bytes: Uint8Array, start: number, end: number, size: number): void {
    this.#keys++;
    this.#bytes += size;
    if (this.#trial !== undefined) {
      this.#trial.push({ key: bytes.slice(start, end), size });
      if (this.#trial.length >= TRIAL_KEYS) this.#decide(findSeparator(this.#trial));
    } else if (this.#separator !== undefined) {
      this.#count(this.#separator, bytes, start, end, size);
    }
  }

  /** Decided by now, if it had not been before; '' when keys have no parts. */
  separator(): string {
    if (this.#trial !== undefined) this.#decide(findSeparator(this.#trial));
    return this.#separator === undefined ? '' : new TextDecoder().decode(this.#separator);
  }

  /** All that is counted, in no order. */
  counted(): Counted[] {
    this.separator();
    return this.#counter.all();
  }

  report(scale: number): ReportPrefixes {
    const found = this.separator();
    const separator = found === '' ? null : found;
    const root: Counted = { part: new Uint8Array(0), depth: 0, keys: this.#keys, bytes: this.#bytes };
    return {
      separator,
      separatorChosenBy: separator === null ? 'none' : this.#chosenBy,
      root: arrange(root, this.#counter.all(), this.#separator?.length ?? 1, scale),
    };
  }

  #decide(separator: string): void {
    this.#separator = separator === '' ? undefined : new TextEncoder().encode(separator);
    const trial = this.#trial ?? [];
    this.#trial = undefined;
    if (this.#separator === undefined) return;
    for (const { key, size } of trial) this.#count(this.#separator, key, 0, key.length, size);
  }

  #count(separator: Uint8Array, bytes: Uint8Array, start: number, end: number, size: number): void {
    const last = separator[separator.length - 1]!;
    let hash = 0x81_1c_9d_c5 | 0;
    let depth = 0;
    for (let at = start; at < end && depth < MAX_DEPTH; at++) {
      const byte = bytes[at]!;
      hash = Math.imul(hash ^ byte, 0x0100_0193);
      if (byte !== last || !endsWith(bytes, start, at + 1, separator)) continue;
      depth++;
      this.#counter.add(hash, bytes, start, at + 1, depth, size);
    }
  }
}

function endsWith(bytes: Uint8Array, start: number, end: number, separator: Uint8Array): boolean {
  const from = end - separator.length;
  if (from < start) return false;
  for (let at = 0; at < separator.length; at++) {
    if (bytes[from + at] !== separator[at]) return false;
  }
  return true;
}

/** '' when no candidate stands in enough keys. */
function findSeparator(trial: readonly Trial[]): string {
  let best = '';
  let most = 0;
  for (const candidate of CANDIDATES) {
    const code = candidate.charCodeAt(0);
    // At the very end or start it separates nothing.
    const having = trial.filter(({ key }) => {
      const at = key.indexOf(code, 1);
      return at > 0 && at < key.length - 1;
    }).length;
    if (having >= trial.length * LEAST_SHARE && having > most * CLEARLY) {
      best = candidate;
      most = having;
    }
  }
  return best;
}

interface Branch extends Counted {
  readonly children: Branch[];
}

/** Puts the flat counts into a tree; every prefix hangs below the longest one it begins with. */
function arrange(root: Counted, counts: Counted[], separatorBytes: number, scale: number): ReportPrefix {
  const shown = counts.toSorted((a, b) => b.bytes - a.bytes || a.depth - b.depth).slice(0, SHOWN_PREFIXES);
  const top: Branch = { ...root, children: [] };
  const byText = new Map<string, Branch>([['', top]]);
  for (const counted of shown.toSorted((a, b) => a.depth - b.depth)) {
    const branch: Branch = { ...counted, children: [] };
    byText.set(latin1(counted.part), branch);
    parentOf(byText, counted.part, separatorBytes).children.push(branch);
  }
  return reportBranch(top, scale);
}

function parentOf(byText: ReadonlyMap<string, Branch>, part: Uint8Array, separatorBytes: number): Branch {
  const text = latin1(part);
  for (let length = part.length - separatorBytes; length > 0; length--) {
    const found = byText.get(text.slice(0, length));
    if (found !== undefined) return found;
  }
  return byText.get('')!;
}

function reportBranch(branch: Branch, scale: number): ReportPrefix {
  const children = branch.children
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, SHOWN_CHILDREN)
    .map((child) => reportBranch(child, scale));
  // A prefix that was forgotten and came back may count less than what stayed below it.
  const below = children.reduce((sum, child) => sum + child.keys, 0);
  const bytesBelow = children.reduce((sum, child) => sum + child.bytes, 0);
  const keys = Math.max(Math.round(branch.keys * scale), below);
  const bytes = Math.max(Math.round(branch.bytes * scale), bytesBelow);
  const rest = { keys: keys - below, bytes: bytes - bytesBelow };
  return { prefix: reportText(branch.part), keys, bytes, children, rest };
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

interface Change {
  readonly part: Uint8Array;
  readonly depth: number;
  keysBefore: number;
  keysAfter: number;
  bytesBefore: number;
  bytesAfter: number;
}

/** A prefix is left out when one below it explains nearly all of its change. */
const EXPLAINS = 0.95;

/** Prefixes whose keys or bytes differ, the greatest difference in bytes first. */
export function comparePrefixes(before: PrefixTree, after: PrefixTree, limit: number): PrefixChange[] {
  const changes = new Map<string, Change>();
  for (const { part, depth, keys, bytes } of before.counted()) {
    changes.set(latin1(part), {
      part,
      depth,
      keysBefore: keys,
      keysAfter: 0,
      bytesBefore: bytes,
      bytesAfter: 0,
    });
  }
  for (const { part, depth, keys, bytes } of after.counted()) {
    const text = latin1(part);
    const change = changes.get(text) ?? {
      part,
      depth,
      keysBefore: 0,
      keysAfter: 0,
      bytesBefore: 0,
      bytesAfter: 0,
    };
    change.keysAfter = keys;
    change.bytesAfter = bytes;
    changes.set(text, change);
  }
  const differing = [...changes.values()].filter(
    ({ keysBefore, keysAfter, bytesBefore, bytesAfter }) =>
      keysBefore !== keysAfter || Math.round(bytesBefore) !== Math.round(bytesAfter),
  );
  return withoutExplained(differing, before.separator().length)
    .toSorted((a, b) => difference(b) - difference(a) || b.depth - a.depth)
    .slice(0, limit)
    .map(({ part, keysBefore, keysAfter, bytesBefore, bytesAfter }) => ({
      prefix: reportText(part),
      keysBefore,
      keysAfter,
      bytesBefore: Math.round(bytesBefore),
      bytesAfter: Math.round(bytesAfter),
    }));
}

function difference({ bytesBefore, bytesAfter }: Change): number {
  return Math.abs(bytesAfter - bytesBefore);
}

function withoutExplained(changes: readonly Change[], separatorBytes: number): Change[] {
  const byText = new Map(changes.map((change) => [latin1(change.part), change]));
  const explained = new Set<Change>();
  for (const [text, change] of byText) {
    for (let length = text.length - separatorBytes; length > 0; length--) {
      const above = byText.get(text.slice(0, length));
      if (above === undefined) continue;
      const share = (change.bytesAfter - change.bytesBefore) / (above.bytesAfter - above.bytesBefore);
      if (share >= EXPLAINS && share <= 1 / EXPLAINS) explained.add(above);
    }
  }
  return changes.filter((change) => !explained.has(change));
}
