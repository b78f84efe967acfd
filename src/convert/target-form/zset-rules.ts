/**
 * Sorted sets:
 *
 *   ZADD k GT|LT|NX|XX|CH|INCR s m …       GT, LT < 6.2, the others < 3.0.2: a script that compares; CH goes
 *   ZPOPMIN, ZPOPMAX k [n]         < 5.0   ZREMRANGEBYRANK
 *   ZRANGESTORE, ZDIFFSTORE        < 6.2   scripts that read and write
 *   GEOSEARCHSTORE … BYRADIUS      < 6.2   GEORADIUS or GEORADIUSBYMEMBER with STORE or STOREDIST, and so that the
 *   GEORADIUS … STORE to                   destination goes when there is no source, as since 6.2.6
 *   GEOSEARCHSTORE … BYBOX         < 6.2   a script that measures; COUNT … ANY, which takes what comes first, is
 *                                          left out and reported
 *   GEOSEARCHSTORE … BYPOLYGON     not Valkey 9.0 and up: left out and reported
 */
import { parseCount } from '../../keyspace/words.js';
import { atLeast } from '../../rdb/server-support.js';
import type { TargetAbilities } from './abilities.js';
import { evalScript, GEO_BOX_STORE, GEO_STORE, ZADD_IF, ZSET_DIFF_STORE, ZSET_RANGE_STORE } from './lua.js';
import {
  type Args,
  leftOut,
  need,
  only,
  optionOf,
  type Rule,
  type TargetContext,
  type TargetForm,
} from './rule.js';

const ZADD_FLAGS = new Set(['NX', 'XX', 'GT', 'LT', 'CH', 'INCR']);

function rewriteZadd(args: Args, { can }: TargetContext): TargetForm {
  const flags: string[] = [];
  let at = 2;
  for (; ZADD_FLAGS.has(optionOf(args[at])); at++) flags.push(optionOf(args[at]));
  const compares = flags.includes('GT') || flags.includes('LT');
  const key = args[1];
  if (key === undefined || flags.length === 0 || (can.zaddFlags && !compares)) return null;
  const pairs = args.slice(at);
  if (flags.includes('INCR')) return only('ZINCRBY', key, ...pairs);
  const conditions = flags.filter((flag) => flag !== 'CH');
  if (conditions.length === 0) return only('ZADD', key, ...pairs);
  return { commands: [evalScript(ZADD_IF, [key], [conditions.join(' '), ...pairs])] };
}

function rewritePop(args: Args): TargetForm {
  const [name, key, times] = args;
  const count = times === undefined ? 1 : parseCount(times);
  if (key === undefined || count === undefined) return null;
  return optionOf(name) === 'ZPOPMIN'
    ? only('ZREMRANGEBYRANK', key, '0', String(count - 1))
    : only('ZREMRANGEBYRANK', key, String(-count), '-1');
}

function rewriteRangeStore(args: Args): TargetForm {
  const [, to, from, low, high] = args;
  if (to === undefined || from === undefined || low === undefined || high === undefined) return null;
  const options = args.slice(5).map((option) => optionOf(option));
  const by = options.includes('BYSCORE') ? 'BYSCORE' : options.includes('BYLEX') ? 'BYLEX' : '';
  const name = `${options.includes('REV') ? 'ZREVRANGE' : 'ZRANGE'}${by}`;
  const limit = options.indexOf('LIMIT');
  const limits = limit < 0 ? [] : ['LIMIT', ...args.slice(5 + limit + 1, 5 + limit + 3)];
  const scores = by === 'BYLEX' ? [] : ['WITHSCORES'];
  return {
    commands: [evalScript(ZSET_RANGE_STORE, [to, from], [name, low, high, ...scores, ...limits])],
  };
}

function rewriteDiffStore(args: Args): TargetForm {
  const count = parseCount(args[2]);
  const to = args[1];
  if (to === undefined || count === undefined || args.length < 3 + count) return null;
  return { commands: [evalScript(ZSET_DIFF_STORE, [to, ...args.slice(3, 3 + count)])] };
}

interface GeoSearch {
  center: readonly Uint8Array[];
  byMember: boolean;
  radius: readonly Uint8Array[];
  /** Width, height, unit. */
  box: readonly Uint8Array[];
  order: readonly Uint8Array[];
  count: readonly (string | Uint8Array)[];
  distances: boolean;
  polygon: boolean;
  /** Something that can't be done otherwise. */
  beyond: boolean;
}

function readGeoSearch(args: Args): GeoSearch {
  const search: GeoSearch = {
    ...{ center: [], byMember: false, radius: [], box: [], order: [], count: [], distances: false },
    ...{ polygon: false, beyond: false },
  };
  for (let at = 3; at < args.length; at++) {
    const option = optionOf(args[at]);
    if (option === 'FROMMEMBER') {
      search.byMember = true;
      search.center = args.slice(at + 1, (at += 1) + 1);
    } else if (option === 'FROMLONLAT') search.center = args.slice(at + 1, (at += 2) + 1);
    else if (option === 'BYRADIUS') search.radius = args.slice(at + 1, (at += 2) + 1);
    else if (option === 'BYBOX') search.box = args.slice(at + 1, (at += 3) + 1);
    else if (option === 'BYPOLYGON') {
      search.polygon = true;
      at += 1 + 2 * (parseCount(args[at + 1]) ?? 0);
    } else if (option === 'COUNT') search.count = ['COUNT', ...args.slice(at + 1, (at += 1) + 1)];
    else if (option === 'ASC' || option === 'DESC') search.order = [args[at]!];
    else if (option === 'STOREDIST') search.distances = true;
    else search.beyond = true;
  }
  return search;
}

const METRES: ReadonlyMap<string, string> = new Map([
  ['M', '1'],
  ['KM', '1000'],
  ['FT', '0.3048'],
  ['MI', '1609.34'],
]);

function rewriteGeoSearchStore(args: Args, { can }: TargetContext): TargetForm {
  const [, to, from] = args;
  const search = readGeoSearch(args);
  if (to === undefined || from === undefined) return null;
  if (search.polygon) {
    return hasPolygons(can) ? null : leftOut('the target has no GEOSEARCHSTORE BYPOLYGON');
  }
  if (can.has('GEOSEARCHSTORE')) return null;
  const { center, byMember, radius, box, order, count, distances, beyond } = search;
  const metres = METRES.get(optionOf(box[2]));
  if (beyond || (radius.length !== 2 && metres === undefined) || !can.has('GEORADIUS')) {
    return leftOut('the target has no GEOSEARCHSTORE, and no other command does the same');
  }
  const store = distances ? 'STOREDIST' : 'STORE';
  if (metres !== undefined) {
    const sorted = order[0] === undefined ? '' : optionOf(order[0]);
    const argv = [metres, box[0]!, box[1]!, count[1] ?? '0', sorted, store, ...center];
    return { commands: [evalScript(GEO_BOX_STORE, [to, from], argv)] };
  }
  const name = byMember ? 'GEORADIUSBYMEMBER' : 'GEORADIUS';
  const argv = [name, ...center, ...radius, ...count, ...order, store];
  return { commands: [evalScript(GEO_STORE, [to, from], argv)] };
}

function hasPolygons({ server }: TargetAbilities): boolean {
  return server.family === 'valkey' && atLeast(server.version, 9);
}

/** `GEORADIUS from … STORE to`, which since 6.2.6 also deletes. */
function rewriteGeoRadius(args: Args): TargetForm {
  const [name, from] = args;
  const at = args.findIndex((arg, index) => index > 3 && STORES.has(optionOf(arg)));
  const to = at < 0 ? undefined : args[at + 1];
  if (name === undefined || from === undefined || to === undefined) return null;
  const argv = [name, ...args.slice(2, at), ...args.slice(at + 2), args[at]!];
  return { commands: [evalScript(GEO_STORE, [to, from], argv)] };
}

const STORES = new Set(['STORE', 'STOREDIST']);

export const ZSET_RULES: readonly Rule[] = [
  {
    names: ['ZADD'],
    leastArgc: 5,
    needs: [need('3.0', '7.2', (can) => !can.zaddFlags), need('6.2', '7.2', (can) => !can.zaddGt)],
    rewrite: rewriteZadd,
  },
  {
    names: ['ZPOPMIN', 'ZPOPMAX'],
    leastArgc: 2,
    needs: [need('5.0', '7.2', (can) => !can.has('ZPOPMIN'))],
    rewrite: rewritePop,
  },
  {
    names: ['ZRANGESTORE'],
    leastArgc: 5,
    needs: [need('6.2', '7.2', (can) => !can.has('ZRANGESTORE'))],
    rewrite: rewriteRangeStore,
  },
  {
    names: ['ZDIFFSTORE'],
    leastArgc: 4,
    needs: [need('6.2', '7.2', (can) => !can.has('ZDIFFSTORE'))],
    rewrite: rewriteDiffStore,
  },
  {
    names: ['GEOSEARCHSTORE'],
    leastArgc: 7,
    needs: [
      need('6.2', '7.2', (can) => !can.has('GEOSEARCHSTORE')),
      need('-', '9.0', (can) => !hasPolygons(can)),
    ],
    rewrite: rewriteGeoSearchStore,
  },
  {
    names: ['GEORADIUS', 'GEORADIUSBYMEMBER'],
    leastArgc: 7,
    needs: [need('6.2', '7.2', (can) => can.has('GEORADIUS') && !can.has('GEOSEARCHSTORE'))],
    rewrite: rewriteGeoRadius,
  },
];
