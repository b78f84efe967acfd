/** The version matrix: its pairs, what of a difference between two servers no rule explains, and its file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Client, ReplyError } from '../../scripts/lib/client.mjs';
import { compareServers, type Difference } from '../../scripts/lib/compare.mjs';
import type { ServerBinary } from '../../scripts/servers.mjs';
import { parseServerName, type ServerIdentity } from '../../src/rdb/server-support.js';
import { binaryOf } from './live.js';
import { explains, type PairRule, ttlToleranceMs } from './matrix-rules.js';
import { type Cells, OUTCOMES, type Watch } from './matrix-watch.js';

export const SERIES = [
  'redis-6.0',
  'redis-7.0',
  'redis-8.0',
  'valkey-8.0',
  'valkey-8.1',
  'valkey-9.1',
] as const;
export const MATRIX_FILE: string = fileURLToPath(
  new URL('../../fixtures/version-matrix.json', import.meta.url),
);

export interface Pair {
  readonly source: string;
  readonly target: string;
  readonly binaries: { readonly source: ServerBinary; readonly target: ServerBinary } | undefined;
}

/** By twos that share no server; the two of a couple have different targets. */
export function couples(): Pair[][] {
  return SERIES.flatMap((source) => {
    const pairs = SERIES.map((target) => pairOf(source, target));
    return Array.from({ length: Math.ceil(pairs.length / 2) }, (_, at) => pairs.slice(2 * at, 2 * at + 2));
  });
}

function pairOf(source: string, target: string): Pair {
  const [from, to] = [binaryOf(source), binaryOf(target)];
  const there = from !== undefined && to !== undefined;
  return { source, target, binaries: there ? { source: from, target: to } : undefined };
}

export function identityOf({ id }: ServerBinary): ServerIdentity {
  return parseServerName(id);
}

// ---- what differs ----------------------------------------------------------------------------------------

const ATTEMPTS = 10;
const PAUSE_MS = 250;

export interface Comparing {
  readonly source: ServerIdentity;
  readonly rules: readonly PairRule[];
  /** The sync runs, and holds deadlines. */
  readonly held: boolean;
  /** Only these kinds of differences count. */
  readonly only?: readonly Difference['what'][];
}

/**
 * Differences that no rule explains. Keys that expire while they are compared, here sooner and there later, are
 * none: what counts is what stays when it is looked at again.
 */
export async function unexplained(from: Client, to: Client, options: Comparing): Promise<Difference[]> {
  let left: Difference[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    try {
      left = await compareOnce(from, to, options);
      if (left.length === 0) break;
    } catch (error) {
      // A key has gone between two questions about it.
      if (!(error instanceof ReplyError)) throw error;
      await Promise.all([from.call('SELECT', 0), to.call('SELECT', 0)]);
    }
  }
  return left.slice(0, 20);
}

async function compareOnce(
  from: Client,
  to: Client,
  { source, rules, held, only }: Comparing,
): Promise<Difference[]> {
  const { differences } = await compareServers(from, to, {
    deep: true,
    limit: 5000,
    held,
    ttlToleranceMs: ttlToleranceMs(source),
  });
  const left: Difference[] = [];
  for (const difference of differences) {
    if (only !== undefined && !only.includes(difference.what)) continue;
    let explained = false;
    // oxlint-disable-next-line no-await-in-loop -- both connections change their database for it
    for (const rule of rules) explained ||= await explains(rule, difference, from, to);
    if (!explained) left.push(difference);
  }
  return left;
}

// ---- the file --------------------------------------------------------------------------------------------

/** source → target → part → family → outcome */
export type Matrix = Record<string, Record<string, { snapshot: Cells; stream: Cells }>>;

export function readMatrix(): Matrix {
  try {
    const matrix: Matrix = JSON.parse(readFileSync(MATRIX_FILE, 'utf8'));
    return matrix;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
}

/** Everything in one order, so that the file changes only where an outcome does. */
export function setCells(matrix: Matrix, source: string, target: string, { snapshot, stream }: Watch): void {
  const cells = { snapshot: inOrder(snapshot), stream: inOrder(stream) };
  matrix[source] = inOrder({ ...matrix[source], [target]: cells });
}

export function writeMatrix(matrix: Matrix): void {
  writeFileSync(MATRIX_FILE, `${JSON.stringify(inOrder(matrix), null, 2)}\n`);
}

function inOrder<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Change {
  readonly cell: string;
  readonly was: string;
  readonly is: string;
}

/** What has become worse and better than the file says. A cell that the file lacks is worse. */
export function changes(
  matrix: Matrix,
  { source, target }: Pair,
  watch: Watch,
): { worse: Change[]; better: Change[] } {
  const known = matrix[source]?.[target];
  const worse: Change[] = [];
  const better: Change[] = [];
  for (const part of ['snapshot', 'stream'] as const) {
    for (const [family, is] of Object.entries(watch[part])) {
      const was = known?.[part][family];
      if (was === is) continue;
      const change = { cell: `${part}: ${family}, ${source} to ${target}`, was: was ?? 'not there', is };
      if (was === undefined || OUTCOMES.indexOf(is) > OUTCOMES.indexOf(was)) worse.push(change);
      else better.push(change);
    }
  }
  return { worse, better };
}

/** Families that the file has and nobody saw: the workload no longer tries them. */
export function unseen(matrix: Matrix, { source, target }: Pair, watch: Watch): string[] {
  const known = matrix[source]?.[target];
  return (['snapshot', 'stream'] as const).flatMap((part) =>
    Object.keys(known?.[part] ?? {})
      .filter((family) => watch[part][family] === undefined)
      .map((family) => `${part}: ${family}`),
  );
}
