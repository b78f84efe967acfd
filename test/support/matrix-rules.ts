/**
 * What can't be the same on both sides, by the pair: everything else must be. A rule says which differences it
 * explains and what may be reported as left out.
 */
import type { Client } from '../../scripts/lib/client.mjs';
import type { Difference } from '../../scripts/lib/compare.mjs';
import { atLeast, type ServerIdentity } from '../../src/rdb/server-support.js';

export interface PairRule {
  readonly why: string;
  readonly source?: (server: ServerIdentity) => boolean;
  readonly target?: (server: ServerIdentity) => boolean;
  /** The difference that it explains. */
  readonly what?: Difference['what'];
  /** What the two sides must look like for that. */
  readonly a?: RegExp;
  readonly b?: RegExp;
  /** To be asked of both servers, with the key's database selected. */
  readonly confirm?: (from: Client, to: Client, key: Buffer) => Promise<boolean>;
  /** What is said of things left out. */
  readonly reports?: RegExp;
}

const older =
  (redis: readonly [number, number], valkey: readonly [number, number]) =>
  ({ family, version }: ServerIdentity): boolean =>
    !atLeast(version, ...(family === 'redis' ? redis : valkey));
const noFieldTtls = older([7, 4], [9, 0]);
const REMOVAL_ATTEMPTS = 5;
const REMOVAL_PAUSE_MS = 100;
const fieldTtls = (server: ServerIdentity): boolean => !noFieldTtls(server);
const vectorSets = ({ family, version }: ServerIdentity): boolean =>
  family === 'redis' && atLeast(version, 8);
const noFunctions = older([7, 0], [0, 0]);

export const PAIR_RULES: readonly PairRule[] = [
  {
    why: 'before Redis 6.2 a primary says nothing of consumers that read and got nothing',
    source: older([6, 2], [0, 0]),
    target: older([7, 0], [0, 0]),
    what: 'stream',
    a: /^groups\."[^"]*"\.consumers\..*"pel-count":0/u,
    b: /^null$/u,
    confirm: (...of) => hasSameGroups(...of, { idleOnes: false, deletedOnes: true }),
  },
  {
    why: 'before Redis 6.2 the same; and before 7.0 an entry that was deleted stays pending when it is claimed, while servers from 7.0 on then forget it',
    source: older([6, 2], [0, 0]),
    target: (server) => !older([7, 0], [0, 0])(server),
    what: 'stream',
    a: /^groups\."[^"]*"\.(?:consumers\.|pel-count|pending)/u,
    confirm: (...of) => hasSameGroups(...of, { idleOnes: false, deletedOnes: false }),
  },
  {
    why: 'before Redis 7.4 and Valkey 8 a primary does not say how many entries a group has read',
    source: older([7, 4], [8, 0]),
    what: 'stream',
    a: /^groups\."[^"]*"\.entries-read: /u,
    b: /^groups\."[^"]*"\.entries-read: /u,
    confirm: (...of) => hasSameGroups(...of, { idleOnes: true, deletedOnes: true }),
  },
  {
    why: 'the target has no TTLs of hash fields; the fields are there until the source deletes them',
    source: fieldTtls,
    target: noFieldTtls,
    what: 'field-ttl',
    b: / expires at -1$/u,
    reports: /fieldTtls left out|can't hold TTLs of hash fields/u,
  },
  {
    why: 'fields past their time which the source has not removed yet are told to nobody',
    source: fieldTtls,
    what: 'value',
    a: /^hash of /u,
    confirm: isBeforeRemoval,
  },
  {
    why: 'vector sets are a module of Redis 8',
    source: vectorSets,
    target: (server) => !vectorSets(server),
    what: 'missing',
    confirm: async (from, _to, key) => (await from.text('TYPE', key)) === 'vectorset',
    reports: /has no command V|values of the module type vectorset/u,
  },
  {
    why: 'functions came with Redis 7.0',
    source: (server) => !noFunctions(server),
    target: noFunctions,
    reports: /a function library|the target has no functions/u,
  },
  {
    why: 'distances are measured by each server with its own math library, which may round the last digit otherwise',
    what: 'value',
    a: /^zset of /u,
    confirm: hasSameScoresButForRounding,
  },
];

/** Deadlines from sources before 7.0 come as relative times and are off by the way to us. */
export function ttlToleranceMs(source: ServerIdentity): number {
  return atLeast(source.version, 7) ? 60 : 2000;
}

export function rulesOf(source: ServerIdentity, target: ServerIdentity): readonly PairRule[] {
  return PAIR_RULES.filter((rule) => rule.source?.(source) !== false && rule.target?.(target) !== false);
}

export async function explains(
  rule: PairRule,
  { what, a, b, db, key }: Difference,
  from: Client,
  to: Client,
): Promise<boolean> {
  if (rule.what !== what || !matches(rule.a, a) || !matches(rule.b, b)) return false;
  if (rule.confirm === undefined) return true;
  const name = key === null ? undefined : unquote(key);
  if (db === null || name === undefined) return false;
  await Promise.all([from.call('SELECT', db), to.call('SELECT', db)]);
  try {
    return await rule.confirm(from, to, name);
  } finally {
    await Promise.all([from.call('SELECT', 0), to.call('SELECT', 0)]);
  }
}

function matches(pattern: RegExp | undefined, text: string | null): boolean {
  return pattern === undefined || pattern.test(text ?? 'null');
}

/** The reverse of how the comparison shows keys; undefined for those that it cuts. */
function unquote(text: string): Buffer | undefined {
  if (!text.endsWith('"')) return undefined;
  const bytes = text
    .slice(1, -1)
    .replace(/\\x([0-9a-f]{2})/gu, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

async function pairsOf(
  client: Client,
  ...command: readonly (string | Buffer)[]
): Promise<Map<string, string>> {
  const flat: Buffer[] = await client.call(...command);
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, at) => [
      flat[2 * at]!.toString('latin1'),
      flat[2 * at + 1]!.toString('latin1'),
    ]),
  );
}

/**
 * HLEN counts fields that are past their time and still there, HGETALL does not tell them. Asked a few times: what the
 * source removes at this very moment is on its way.
 */
async function isBeforeRemoval(from: Client, to: Client, key: Buffer): Promise<boolean> {
  for (let attempt = 0; attempt < REMOVAL_ATTEMPTS; attempt++) {
    /* oxlint-disable no-await-in-loop -- one after the other */
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, REMOVAL_PAUSE_MS));
    // Before the fields, so that none of them can be removed in between.
    const counted: number = await from.call('HLEN', key);
    const [left, right] = await Promise.all([pairsOf(from, 'HGETALL', key), pairsOf(to, 'HGETALL', key)]);
    /* oxlint-enable no-await-in-loop */
    const hidden = [...right.keys()].filter((field) => !left.has(field)).length;
    if (hidden <= counted - left.size && [...left].every(([field, value]) => right.get(field) === value))
      return true;
  }
  return false;
}

async function hasSameScoresButForRounding(from: Client, to: Client, key: Buffer): Promise<boolean> {
  const [left, right] = await Promise.all(
    [from, to].map((client) => pairsOf(client, 'ZRANGE', key, '0', '-1', 'WITHSCORES')),
  );
  const near = (a: number, b: number): boolean =>
    a === b || Math.abs(a - b) <= Math.max(Math.abs(a), 1) * 1e-13;
  return (
    left!.size === right!.size &&
    [...left!].every(([member, score]) => near(Number(score), Number(right!.get(member) ?? Number.NaN)))
  );
}

type Reply = Buffer | number | null | readonly Reply[];

interface What {
  /** Consumers that have nothing pending. */
  readonly idleOnes: boolean;
  /** Pending entries that have been deleted from the stream. */
  readonly deletedOnes: boolean;
}

/** The comparison names only the first difference of a stream: here its groups are compared, but for entries-read. */
async function hasSameGroups(from: Client, to: Client, key: Buffer, what: What): Promise<boolean> {
  const [left, right] = await Promise.all([from, to].map((client) => describeGroups(client, key, what)));
  return JSON.stringify(left) === JSON.stringify(right);
}

async function describeGroups(client: Client, key: Buffer, what: What): Promise<unknown> {
  const stream: readonly Reply[] = await client.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0);
  const ids = new Set(listOf(fieldOf(stream, 'entries')).map((entry) => String(listOf(entry)[0])));
  const pendingOf = (owner: readonly Reply[]): unknown[] =>
    listOf(fieldOf(owner, 'pending'))
      .filter((one) => what.deletedOnes || ids.has(String(listOf(one)[0])))
      .map((one) => plain(one));
  return listOf(fieldOf(stream, 'groups')).map((reply) => {
    const group = listOf(reply);
    const consumers = listOf(fieldOf(group, 'consumers'))
      .map((consumer) => listOf(consumer))
      .map((consumer) => [plain(fieldOf(consumer, 'name')), pendingOf(consumer)] as const)
      .filter(([, pending]) => what.idleOnes || pending.length > 0);
    return [
      plain(fieldOf(group, 'name')),
      plain(fieldOf(group, 'last-delivered-id')),
      pendingOf(group),
      consumers,
    ];
  });
}

function fieldOf(flat: readonly Reply[], name: string): Reply {
  const at = flat.findIndex((item, index) => index % 2 === 0 && String(item) === name);
  if (at < 0) throw new Error(`XINFO STREAM says nothing of ${name}`);
  return flat[at + 1]!;
}

function listOf(reply: Reply): readonly Reply[] {
  if (!Array.isArray(reply)) throw new Error('not a list');
  const list: readonly Reply[] = reply;
  return list;
}

function plain(reply: Reply): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  return Array.isArray(reply) ? reply.map((item: Reply) => plain(item)) : reply;
}
