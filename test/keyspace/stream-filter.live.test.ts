/**
 * Plans carried out: random commands run on one server, their plans on another. Whatever is planned without a
 * report must leave the second with exactly the keys of the first that pass the filters, under their mapped
 * names; after a report it is made so by hand, and the run goes on. Keys of others on the second server, which
 * no key can be mapped to, stay there.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ReplyError, type Argument, type Client, type Reply } from '../../scripts/lib/client.mjs';
import { startServer, surveyServers, type RunningServer } from '../../scripts/servers.mjs';
import { BUILTIN_COMMANDS } from '../../src/keyspace/command-table.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { VALUE_KINDS, type FilterOptions } from '../../src/keyspace/filter-options.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { createKeyMap, parsePrefixRule } from '../../src/keyspace/key-map.js';
import { keyNames } from '../../src/keyspace/key-names.js';
import type { FilterContext, Plan } from '../../src/keyspace/plan.js';
import { planFiltered } from '../../src/keyspace/stream-filter.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { targetKeys, type TargetKeys } from '../../src/sync/target-keys.js';
import { args, filterOptions } from './support.js';

const DATABASES = 3;
const TARGET_DATABASES = 8;
const STEPS = 500;
const KEYS = ['i1', 'i2', 'i3', 'o1', 'o2'];

/** K a key, D a database, M a member. */
const TEMPLATES = `
  SET K M | SET K M | APPEND K M | DEL K | DEL K K | UNLINK K K K | MSET K M K M | MSETNX K M K M |
  SADD K M | SADD K M M | SMOVE K K M | SUNIONSTORE K K K | SINTERSTORE K K K | SDIFFSTORE K K |
  RPUSH K M | LPUSH K M M | LMOVE K K LEFT RIGHT | LMOVE K K RIGHT LEFT | RPOPLPUSH K K | LPOP K |
  ZADD K 1 M | ZUNIONSTORE K 2 K K | ZRANGESTORE K K 0 -1 | ZINTERSTORE K 2 K K | HSET K M M |
  XADD K * M M | PFADD K M | PFMERGE K K | BITOP OR K K K | SORT K ALPHA STORE K | RENAME K K |
  RENAME K K | RENAMENX K K | COPY K K | COPY K K REPLACE | COPY K K DB D REPLACE | COPY K K DB D |
  MOVE K D | MOVE K D | SWAPDB D D | FLUSHDB | FLUSHALL | PERSIST K |
  RPUSH K D | SADD K D | SORT K BY i* STORE K | SORT K BY i*->m1 GET # GET o* STORE K |
  GEOADD K 13 38 M | GEORADIUS K 13 38 900 km STORE K | GEORADIUSBYMEMBER K M 9 km STOREDIST K |
  XGROUP CREATE K g 0 MKSTREAM | XGROUP DESTROY K g | ZREM K M | HDEL K M | ZDIFFSTORE K 2 K K | TOUCH K K
`
  .split('|')
  .map((template) => template.trim());
/** A reply of 0 or nil means that nothing happened, and nothing is propagated. */
const CONDITIONAL = /^(?:RENAMENX|COPY|MOVE|SMOVE|MSETNX|LMOVE|RPOPLPUSH) /u;

interface Setting {
  readonly filter: Partial<FilterOptions>;
  readonly map?: [number, number][];
  readonly prefixes?: string[];
  /** What keys of a source database get in front. */
  readonly front?: [number, string][];
  /** A name that no key is mapped to. */
  readonly foreign?: string;
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  keys: { filter: { includeKeys: ['i*'] } },
  databases: { filter: { excludeDbs: [1] } },
  'a map': {
    filter: {},
    map: [
      [0, 5],
      [1, 0],
      [2, 7],
    ],
  },
  'keys, databases and a map': {
    filter: { excludeKeys: ['o*', 'i3'], includeDbs: [0, 1] },
    map: [
      [0, 1],
      [1, 0],
    ],
  },
  kinds: { filter: { excludeKinds: ['string', 'set'] } },
  'a prefix for all': { filter: {}, prefixes: ['=p*:'], foreign: 'i1' },
  'prefixes exchanged': { filter: {}, prefixes: ['i=o', 'o=i', 'i3=long:i'], foreign: 'o3' },
  'a prefix stripped, filters and a map': {
    filter: { excludeKeyRegexes: ['^o|2$'], excludeDbs: [2] },
    prefixes: ['i='],
    map: [
      [0, 6],
      [1, 0],
    ],
    foreign: 'x2',
  },
  'kinds and prefixes': {
    filter: { excludeKinds: ['list', 'hash'], excludeCommands: ['SWAPDB', 'TOUCH'] },
    prefixes: ['o=new:o'],
    foreign: 'o1',
  },
  'a prefix for each database': {
    filter: {},
    map: [
      [1, 0],
      [2, 0],
    ],
    front: [
      [0, 'z:'],
      [1, 'one:'],
      [2, 'two:'],
    ],
    foreign: 'i1',
  },
  'a prefix for some databases': {
    filter: { excludeKeys: ['i3'] },
    map: [
      [1, 0],
      [2, 4],
    ],
    front: [
      [1, 'db1:'],
      [2, 'db2:'],
    ],
    prefixes: ['o=new:o'],
  },
  'kinds and a prefix for each database': {
    filter: { excludeKinds: ['list'], excludeDbs: [2] },
    map: [[1, 0]],
    front: [
      [0, 'z:'],
      [1, 'one:'],
    ],
    foreign: 'o1',
  },
  'kinds and keys': { filter: { includeKinds: ['list', 'zset', 'string'], includeKeys: ['i*'] } },
};

/** A small generator of its own, so that a failing run can be repeated. */
function randomFrom(seed: number): (upTo: number) => number {
  let state = seed;
  return (upTo) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * upTo);
  };
}

const { servers, missing } = await surveyServers();
// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));
/** One old, one new of each family. */
const chosen = servers.filter(
  ({ family }, at) => at === 0 || servers.findLast((server) => server.family === family) === servers[at],
);

describe.each(chosen)('$id', (binary) => {
  let running: RunningServer[];
  let source: Client;
  let target: Client;
  let foreignKey: string | undefined;
  let isOurs: TargetKeys;

  beforeAll(async () => {
    running = [await startServer(binary), await startServer(binary)];
    source = await running[0]!.client();
    target = await running[1]!.client();
  });

  afterAll(async () => {
    await source?.close();
    await target?.close();
    await Promise.all((running ?? []).map(async (server) => server.stop()));
  });

  beforeEach(async () => {
    await source.call('FLUSHALL');
    await target.call('FLUSHALL');
  });

  test.each(Object.keys(SETTINGS))('%s', async (name) => {
    const { filter, map = [], prefixes = [], front = [], foreign } = SETTINGS[name]!;
    const keyMap = createKeyMap(prefixes.map((rule) => parsePrefixRule(rule)));
    const dbMap = createDbMap(new Map(map), new Map(front.map(([db, prefix]) => [db, bytesOf(prefix)])));
    isOurs = targetKeys(createKeyFilter(filterOptions(filter)), dbMap, keyMap) ?? (() => true);
    foreignKey = foreign;
    await putForeign();
    const random = randomFrom(name.length * 7919);
    const known = new Set((await source.text('COMMAND')).map(([word]: [string]) => word.toUpperCase()));
    const templates = TEMPLATES.filter((template) => known.has(template.split(' ')[0]!)).filter(
      // Planned as COPY where the other database is another on the target as well, which the engine makes a script.
      (template) => known.has('COPY') || front.length === 0 || !template.startsWith('MOVE'),
    );
    let exact = 0;
    let reported = 0;
    for (let step = 0; step < STEPS; step++) {
      const db = random(DATABASES);
      const context: FilterContext = {
        db,
        filter: createKeyFilter(filterOptions(filter)),
        dbMap,
        names: keyNames(dbMap, keyMap),
        table: BUILTIN_COMMANDS,
        sourceDatabases: DATABASES,
      };
      const line = fill(templates[random(templates.length)]!, random);
      // One that is left out by its name would leave a difference: nobody sends it here.
      if (!context.filter.matchesCommand(args(line))) continue;
      /* oxlint-disable no-await-in-loop -- one step after the other */
      const reply = (await source.pipeline([['SELECT', db], line.split(' ')]))[1]!;
      if (reply instanceof ReplyError) continue;
      if (CONDITIONAL.test(line) && (reply === 0 || reply === null)) continue;
      const command = line.startsWith('XADD') ? line.replace('*', String(reply)) : line;
      const plan = planFiltered(args(command), context);
      if ('report' in plan) {
        reported++;
        await carryOut(plan, command, context);
        await repair(context);
      } else {
        exact++;
        await carryOut(plan, command, context);
      }
      expect([step, db, command, await contents(target, context, 'target', foreign)]).toEqual([
        step,
        db,
        command,
        await contents(source, context, 'source'),
      ]);
      /* oxlint-enable no-await-in-loop */
    }
    expect(exact).toBeGreaterThan(STEPS / 4);
    expect(reported).toBeGreaterThanOrEqual(
      filter.excludeDbs === undefined && filter.includeKeys === undefined ? 0 : 1,
    );
    expect(await foreignStands()).toBe(true);
  });

  /** In every database, so that SWAPDB makes no difference. */
  async function putForeign(): Promise<void> {
    if (foreignKey === undefined) return;
    for (let db = 0; db < TARGET_DATABASES; db++)
      await target.pipeline([
        ['SELECT', db],
        ['SET', foreignKey, 'foreign'],
      ]);
  }

  async function foreignStands(): Promise<boolean> {
    if (foreignKey === undefined) return true;
    for (let db = 0; db < TARGET_DATABASES; db++) {
      const [, value] = await target.pipeline([
        ['SELECT', db],
        ['GET', foreignKey],
      ]);
      if (String(value) !== 'foreign') return false;
    }
    return true;
  }

  async function carryOut(plan: Plan, line: string, context: FilterContext): Promise<void> {
    const here = context.dbMap.toTarget(context.db);
    if (plan.action === 'forward') await apply([{ targetDb: here, args: args(line) }], false);
    if (plan.action === 'replace') await apply(plan.commands, plan.tolerateErrors);
    if (plan.action !== 'clear') return;
    for (const targetDb of plan.targetDbs) {
      const [, keys] = await target.pipeline([
        ['SELECT', targetDb],
        ['KEYS', '*'],
      ]);
      const named = strings(keys).filter((key) => isOurs(targetDb, bytesOf(key), plan.sourceDbs));
      const wanted = plan.scope === 'all' ? strings(keys) : await ofKind(target, targetDb, named, context);
      if (wanted.length > 0)
        await target.pipeline([
          ['SELECT', targetDb],
          ['DEL', ...wanted],
        ]);
    }
  }

  async function apply(
    commands: readonly { targetDb: number; args: readonly Argument[] }[],
    tolerant: boolean,
  ): Promise<void> {
    const replies = await target.pipeline(
      commands.flatMap(({ targetDb, args: command }) => [['SELECT', targetDb], command]),
    );
    const errors = replies.filter((reply) => reply instanceof ReplyError).map(({ message }) => message);
    expect(errors.filter((message) => !tolerant || message !== 'ERR no such key')).toEqual([]);
  }

  /** Makes the target what it should be, as a full sync would. */
  async function repair(context: FilterContext): Promise<void> {
    const carried = carriedDbs(context);
    await target.pipeline(carried.flatMap((db) => [['SELECT', context.dbMap.toTarget(db)], ['FLUSHDB']]));
    for (const db of carried) {
      const [, keys] = await source.pipeline([
        ['SELECT', db],
        ['KEYS', '*'],
      ]);
      const wanted = await passing(source, db, strings(keys), context);
      const dumps = await source.pipeline([['SELECT', db], ...wanted.map((key) => ['DUMP', key])]);
      const restores = wanted.map((key, at) => [
        'RESTORE',
        mappedKey(key, db, context),
        0,
        dumpOf(dumps[at + 1]),
      ]);
      await target.pipeline([['SELECT', context.dbMap.toTarget(db)], ...restores]);
    }
    await putForeign();
  }
});

function fill(template: string, random: (upTo: number) => number): string {
  return template
    .split(' ')
    .map((word, at) => {
      if (at === 0) return word;
      if (word === 'K') return KEYS[random(KEYS.length)]!;
      if (word === 'D') return String(random(DATABASES));
      return word === 'M' ? `m${random(4)}` : word;
    })
    .join(' ');
}

function dumpOf(reply: Reply | undefined): Uint8Array {
  if (!(reply instanceof Uint8Array)) throw new Error('no dump');
  return reply;
}

function strings(reply: Reply | undefined): string[] {
  return Array.isArray(reply) ? reply.map(String).toSorted() : [];
}

/** Those of the keys that pass the key and kind filters. */
async function passing(
  client: Client,
  db: number,
  keys: readonly string[],
  context: FilterContext,
): Promise<string[]> {
  const named = keys.filter((key) => context.filter.matchesKey(args(key)[0]!));
  return ofKind(client, db, named, context);
}

async function ofKind(
  client: Client,
  db: number,
  keys: readonly string[],
  { filter }: FilterContext,
): Promise<string[]> {
  const types = await client.pipeline([['SELECT', db], ...keys.map((key) => ['TYPE', key])]);
  return keys.filter((key, at) => {
    const kind = VALUE_KINDS.find((name) => name === String(types[at + 1]));
    return kind !== undefined && filter.matchesKind(kind);
  });
}

/** Every key that should be (source) or is (target) on the target, with its type and value. */
async function contents(
  client: Client,
  context: FilterContext,
  side: 'source' | 'target',
  foreign?: string,
): Promise<string[]> {
  const out: string[] = [];
  const carried = carriedDbs(context);
  const targets = new Set(carried.map((db) => context.dbMap.toTarget(db)));
  for (const here of side === 'source' ? carried : targets) {
    /* oxlint-disable no-await-in-loop -- few */
    const [, reply] = await client.pipeline([
      ['SELECT', here],
      ['KEYS', '*'],
    ]);
    const all = strings(reply).filter((key) => side === 'source' || key !== foreign);
    const keys = side === 'source' ? await passing(client, here, all, context) : all;
    const types = await client.pipeline(keys.map((key) => ['TYPE', key]));
    const values = await client.pipeline(keys.map((key, at) => readValue(key, String(types[at]))));
    /* oxlint-enable no-await-in-loop */
    const names = side === 'source' ? keys.map((key) => mappedKey(key, here, context)) : keys;
    const there = side === 'source' ? context.dbMap.toTarget(here) : here;
    names.forEach((key, at) =>
      out.push(`${there} ${key} ${String(types[at])} ${showValue(values[at]!, String(types[at]))}`),
    );
  }
  return out.toSorted();
}

function mappedKey(key: string, db: number, { names }: FilterContext): string {
  const bytes = bytesOf(key);
  return new TextDecoder().decode(names?.of(db)?.map(bytes) ?? bytes);
}

function carriedDbs({ filter }: FilterContext): number[] {
  return Array.from({ length: DATABASES }, (_, db) => db).filter((db) => filter.matchesDb(db));
}

function readValue(key: string, type: string): string[] {
  const reads: Record<string, string[]> = {
    string: ['GET', key],
    list: ['LRANGE', key, '0', '-1'],
    set: ['SMEMBERS', key],
    zset: ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
    hash: ['HGETALL', key],
    stream: ['XRANGE', key, '-', '+'],
  };
  return reads[type] ?? ['EXISTS', key];
}

function showValue(reply: Reply, type: string): string {
  const items = Array.isArray(reply) ? reply.map(String) : [String(reply)];
  return (type === 'set' || type === 'hash' ? items.toSorted() : items).join(',');
}
