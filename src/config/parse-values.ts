/** Texts of single options → values; `undefined` when the text is not one. The schema says what was expected. */
import { parsePrefix } from '../keyspace/key-map.js';

export interface DbPair {
  readonly from: number;
  readonly to: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A database number. The server's own limit is its `databases` setting, which only the server knows. */
export function parseDb(text: string): number | undefined {
  return /^\s*\d{1,9}\s*$/u.test(text) ? Number(text) : undefined;
}

/** Where a source database goes, and what its keys get in front there. */
export interface DbRule extends DbPair {
  readonly prefix?: Uint8Array;
}

/** `3=0`, `3=0:PREFIX` */
export function parseDbRule(text: string): DbRule | undefined {
  const [, pair = '', rest] = /^([^:]*)(?::(.+))?$/su.exec(text) ?? [];
  const found = parseDbPair(pair);
  if (found === undefined || rest === undefined) return found;
  const prefix = parsePrefix(rest);
  return prefix === undefined ? undefined : { ...found, prefix };
}

/** `3=0` */
export function parseDbPair(text: string): DbPair | undefined {
  const [left = '', right = '', ...more] = text.split('=');
  const from = parseDb(left);
  const to = parseDb(right);
  if (more.length > 0 || from === undefined || to === undefined) return undefined;
  return { from, to };
}

/** `host:port`, `[ipv6]:port`. The host must be named: nothing is opened to the world by leaving it out. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([\da-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/iu.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  return port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port };
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, b: 1 },
  ...{ k: 1e3, kb: 1e3, kib: 1024 },
  ...{ m: 1e6, mb: 1e6, mib: 1024 ** 2 },
  ...{ g: 1e9, gb: 1e9, gib: 1024 ** 3 },
};

/** `512`, `64kB`, `1.5 MiB` → bytes. */
export function parseBytes(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/iu.exec(text) ?? [];
  const factor = BYTE_UNITS[unit.toLowerCase()];
  return digits === '' || factor === undefined ? undefined : Math.round(Number(digits) * factor);
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90s`, `2h`, `1.5d` → ms. A unit must be there. */
export function parseDuration(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*$/u.exec(text) ?? [];
  const factor = DURATION_UNITS[unit];
  return digits === '' || factor === undefined ? undefined : Number(digits) * factor;
}

/** A place in a replication history, and the database in force there. */
export interface ResumePlace {
  readonly replid: string;
  readonly offset: number;
  readonly db: number;
}

/** `<replid>:<offset>`, or with the database in force there, `<replid>:<offset>:<db>`; without it, database 0. */
export function parseResumePlace(text: string): ResumePlace | undefined {
  const [, replid = '', offset = '', db = '0'] =
    /^([\da-f]{40}):(\d{1,15})(?::(\d{1,5}))?$/iu.exec(text.trim()) ?? [];
  return replid === '' ? undefined : { replid: replid.toLowerCase(), offset: Number(offset), db: Number(db) };
}

/** A regular expression, with Unicode rules. */
export function parsePattern(text: string): RegExp | undefined {
  try {
    return text === '' ? undefined : new RegExp(text, 'u');
  } catch {
    return undefined;
  }
}
