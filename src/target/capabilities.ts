/**
 * What a target can take: by what it says it is (`capabilitiesOf`), corrected by what it answered when asked
 * (`probe-target.ts`). The floor of each ability is the release that brought it; which value types RESTORE
 * accepts stands in `rdb/server-support.ts`.
 */
import type { TargetAbilities } from '../convert/target-form/abilities.js';
import { knowsCommand } from '../convert/target-form/command-since.js';
import { acceptsType, atLeast, formatFor, formatServer, type ServerIdentity } from '../rdb/server-support.js';

export interface Capabilities extends TargetAbilities {
  readonly unlink: boolean;
  /** False: all of this is by the version alone. */
  readonly asked: boolean;
  /** undefined: it would not say. */
  readonly databases: number | undefined;
  readonly modules: readonly string[];
  /** The largest argument it takes; undefined: it would not say. */
  readonly maxBulkBytes: number | undefined;
  /** Valkey 8.1 and up: whether import-mode is on; undefined: there is none, or CONFIG is not allowed. */
  readonly importMode: boolean | undefined;
}

/** Module values exist since 4.0, but up to 6.0 RESTORE of one whose module is missing ends the server. */
const MODULE_2 = 7;

export function capabilitiesOf(server: ServerIdentity): Capabilities {
  const since = (major: number, minor = 0): boolean => atLeast(server.version, major, minor);
  const redis = (major: number, minor: number): boolean => server.family === 'redis' && since(major, minor);
  return {
    server,
    restoreReplace: since(3),
    restoreAbsttl: since(5),
    setPxat: since(6, 2),
    setKeepTtl: since(6),
    expireFlags: since(7),
    popCount: since(6, 2),
    unlink: since(4),
    hsetMany: since(4),
    zaddFlags: since(3, 1) || (since(3) && server.version[2] >= 2),
    zaddGt: since(6, 2),
    bitopDiff: redis(8, 2),
    fieldTtl: server.family === 'valkey' ? since(9) : since(7, 4),
    xaddMinid: since(6, 2),
    xaddRefs: redis(8, 2),
    xaddIdmp: redis(8, 6),
    xsetidFull: since(7),
    createConsumer: since(6, 2),
    functions: since(7),
    flushAsync: since(4),
    flushSync: since(6, 2),
    keyMetadata: redis(8, 6),
    has: (name) => knowsCommand(server, name),
    acceptsType: (id, dialect) => acceptsType(server, id, dialect) && (id !== MODULE_2 || since(6, 2)),
    acceptsFooter: (version) => acceptsFooter(server, version),
    asked: false,
    databases: undefined,
    modules: [],
    maxBulkBytes: undefined,
    importMode: undefined,
  };
}

/** Versions that Valkey 9 takes besides its own. */
const LAST_COMMON_VERSION = 11;

function acceptsFooter(server: ServerIdentity, version: number): boolean {
  const own = formatFor(server).version;
  if (server.family === 'valkey' && atLeast(server.version, 9)) {
    return version === own || (version >= 1 && version <= LAST_COMMON_VERSION);
  }
  return atLeast(server.version, 3, 2) ? version <= own : version === own;
}

/** Newest first, up to what is known. */
const FOOTERS: readonly number[] = [80, 14, 13, 12, 11, 10, 9, 8, 7, 6];

/** What was found out, line by line, for log and status. */
export function describeCapabilities(can: Capabilities): string[] {
  const newest = FOOTERS.find((version) => can.acceptsFooter(version));
  const lines = [
    `${formatServer(can.server)}, ${can.asked ? 'asked what it can do' : 'judged by its version: it would not say more'}`,
    `RESTORE takes payloads up to RDB version ${newest ?? '?'}${withWords([
      [can.restoreReplace, 'REPLACE'],
      [can.restoreAbsttl, 'ABSTTL'],
    ])}`,
    `${can.fieldTtl ? 'TTLs of hash fields' : 'no TTLs of hash fields'}, ${can.functions ? 'functions' : 'no functions'}`,
  ];
  if (can.databases !== undefined) lines.push(`${can.databases} databases`);
  if (can.modules.length > 0) lines.push(`modules: ${can.modules.join(', ')}`);
  if (can.maxBulkBytes !== undefined) lines.push(`arguments up to ${can.maxBulkBytes} bytes`);
  if (can.importMode !== undefined) lines.push(`import-mode is there, now ${can.importMode ? 'on' : 'off'}`);
  return lines;
}

function withWords(words: readonly (readonly [is: boolean, word: string])[]): string {
  const there = words.filter(([is]) => is).map(([, word]) => word);
  return there.length === 0 ? '' : `, with ${there.join(' and ')}`;
}
