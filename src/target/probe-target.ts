/**
 * What the target can do is asked, not guessed from its version: servers are renamed, patched, proxied, and
 * have commands renamed away. Nothing is written by it: the questions are about a key that does not exist, and
 * are such that a server which understands them has nothing to do. RESTORE with a deadline in 1970 reads the
 * whole payload and then makes no key (5.0 and up).
 *
 * Where a question is not answered (no permission, COMMAND unknown) the version decides.
 */
import { BUILTIN_COMMANDS } from '../keyspace/command-table.js';
import type { Client } from '../net/client.js';
import { encodeDumpPayload } from '../rdb/dump-payload.js';
import type { Dialect } from '../rdb/dialect.js';
import { atLeast, type ServerIdentity } from '../rdb/server-support.js';
import type { CommandArg } from '../resp/encode.js';
import { type Reply, ReplyError } from '../resp/reply-decoder.js';
import { type Capabilities, capabilitiesOf } from './capabilities.js';

/** Ours, and never there. */
export const PROBE_KEY = '__replicant:{probe}';
const KEY: string = PROBE_KEY;

type Ability = { [K in keyof Capabilities]: Capabilities[K] extends boolean ? K : never }[keyof Capabilities];

/** Abilities that an answer tells, in one question each. */
const QUESTIONS: readonly (readonly [ability: Ability, args: readonly string[]])[] = [
  ['restoreReplace', ['RESTORE', KEY, '0', '', 'REPLACE']],
  ['restoreAbsttl', ['RESTORE', KEY, '0', '', 'ABSTTL']],
  ['setPxat', ['SET', KEY, 'x', 'XX', 'PXAT', '9999999999999']],
  ['setKeepTtl', ['SET', KEY, 'x', 'XX', 'KEEPTTL']],
  ['expireFlags', ['EXPIRE', KEY, '1', 'NX']],
  ['popCount', ['LPOP', KEY, '1']],
  ['hsetMany', ['LPUSHX', KEY, 'a', 'b']],
  ['zaddFlags', ['ZADD', KEY, 'XX', '1', 'a']],
  ['zaddGt', ['ZADD', KEY, 'XX', 'GT', '1', 'a']],
  ['bitopDiff', ['BITOP', 'DIFF', KEY, KEY, KEY]],
  ['fieldTtl', ['HPEXPIREAT', KEY, '9999999999999', 'FIELDS', '1', 'f']],
  ['functions', ['FUNCTION', 'LIST', 'LIBRARYNAME', KEY]],
  ['xaddMinid', ['XADD', KEY, 'NOMKSTREAM', 'MINID', '=', '0', '*', 'f', 'v']],
  ['xaddRefs', ['XADD', KEY, 'NOMKSTREAM', 'KEEPREF', 'MAXLEN', '=', '0', '*', 'f', 'v']],
  ['xaddIdmp', ['XADD', KEY, 'NOMKSTREAM', 'IDMPAUTO', 'p', '*', 'f', 'v']],
  ['xsetidFull', ['XSETID', KEY, '0-1', 'ENTRIESADDED', '1', 'MAXDELETEDID', '0-0']],
];

/** The server has not understood the question. */
const UNKNOWN =
  /unknown (?:command|subcommand|argument)|wrong number of arguments|syntax error|invalid stream id|not a valid float|not an? (?:integer|float)/i;
/** The server would not deal with the question. */
const UNWILLING =
  /^(?:NOPERM|NOAUTH|OOM|LOADING|BUSY|READONLY|MISCONF|NOREPLICAS|CLUSTERDOWN|MASTERDOWN|MOVED)/;

/** A listpack as a string of the RDB: its length, then itself. */
const LISTPACK = (bytes: readonly number[], elements: number): number[] => {
  const total = bytes.length + 7;
  return [total, total, 0, 0, 0, elements, 0, ...bytes, 0xff];
};
const A = [0x81, 0x61, 0x02];
const NO_STREAM = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/** And nothing that producers have sent: the IDMP part of Redis 8.6, with its defaults. */
const NO_IDS = [...NO_STREAM, 0x40, 100, 0x40, 100, 0, 0, 0];
/** 4000000000000 ms: a deadline in 2096. */
const FAR = [0x00, 0x40, 0x94, 0x52, 0xa3, 0x03, 0x00, 0x00];
/** Smallest values of the types that not all servers take: one element each, and streams without any. */
const VALUES: readonly (readonly [type: number, dialect: Dialect, value: readonly number[]])[] = [
  [5, 'redis', [1, 1, 0x61, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
  [14, 'redis', [1, 14, 14, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 1, 0x61, 0xff]],
  [15, 'redis', [0, 0, 0, 0, 0]],
  [16, 'redis', LISTPACK([...A, ...A], 2)],
  [17, 'redis', LISTPACK([...A, 1, 1], 2)],
  [18, 'redis', [1, 2, ...LISTPACK(A, 1)]],
  [19, 'redis', NO_STREAM],
  [20, 'redis', LISTPACK(A, 1)],
  [21, 'redis', NO_STREAM],
  [24, 'redis', [...FAR, 1, 1, 1, 0x66, 1, 0x76]],
  [25, 'redis', [...FAR, ...LISTPACK([...A, ...A, 0xf4, ...FAR, 9], 3)]],
  [26, 'redis', NO_IDS],
  [27, 'redis', NO_IDS],
  [22, 'valkey', [1, 1, 0x66, 1, 0x76, ...FAR]],
];
const FOOTERS: readonly number[] = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 80, 81];
const VALKEY_FOOTER = 80;

/** A string, which every server knows. */
const STRING: readonly number[] = [1, 0x61];

/**
 * Asks the target. `identity` is what it says it is; `names`: commands to ask about besides those that are
 * known to stand in streams, such as those of the source's modules. `untouched`: a target in import mode, which
 * would make a key for a moment, is not asked about payloads.
 */
export async function probeTarget(
  client: Client,
  identity: ServerIdentity,
  names: readonly string[] = [],
  untouched = false,
): Promise<Capabilities> {
  const byVersion = capabilitiesOf(identity);
  const has = await askCommands(client, byVersion, names);
  const abilities = await askAbilities(client);
  const settings = await askSettings(client);
  const makesKeys = hasImportMode(identity) && settings.importMode !== false;
  const restoreAbsttl = abilities.restoreAbsttl ?? byVersion.restoreAbsttl;
  const found: Capabilities = {
    ...byVersion,
    ...abilities,
    ...(has === undefined ? {} : { has, unlink: has('UNLINK') }),
    ...(restoreAbsttl && !(untouched && makesKeys) ? await askPayloads(client, byVersion) : {}),
    ...settings,
    modules: await askModules(client),
    asked: has !== undefined,
  };
  return found;
}

function hasImportMode({ family, version }: ServerIdentity): boolean {
  return family === 'valkey' && atLeast(version, 8, 1);
}

const COMMANDS_AT_ONCE = 100;

/** undefined: COMMAND INFO is not there (before 2.8.13), or not allowed. */
async function askCommands(
  client: Client,
  byVersion: Capabilities,
  more: readonly string[],
): Promise<Capabilities['has'] | undefined> {
  const names = [...new Set([...BUILTIN_COMMANDS.specs.map(({ name }) => name), ...more])].map((name) =>
    name.toUpperCase(),
  );
  const known = new Map<string, boolean>();
  for (let from = 0; from < names.length; from += COMMANDS_AT_ONCE) {
    const some = names.slice(from, from + COMMANDS_AT_ONCE);
    // oxlint-disable-next-line no-await-in-loop -- a few; their answers are long
    const reply = await client.request(['COMMAND', 'INFO', ...some]);
    if (!Array.isArray(reply) || reply.length !== some.length) return undefined;
    some.forEach((name, at) => known.set(name, Array.isArray(reply[at]) && reply[at].length > 0));
  }
  // A server that knows no SET is none that answers truly.
  if (known.get('SET') !== true) return undefined;
  return (name) => known.get(name) ?? byVersion.has(name);
}

async function askAbilities(client: Client): Promise<Partial<Record<Ability, boolean>>> {
  const replies = await askAll(
    client,
    QUESTIONS.map(([, args]) => args),
  );
  const found: Partial<Record<Ability, boolean>> = {};
  QUESTIONS.forEach(([ability], at) => {
    const answer = understood(replies[at]);
    if (answer !== undefined) found[ability] = answer;
  });
  // It looks for the key before it looks at the subcommand, so its help is asked.
  const help = await client.request(['XGROUP', 'HELP']);
  if (Array.isArray(help)) {
    found.createConsumer = help.some((line: Reply) => textOf(line).startsWith('CREATECONSUMER'));
  }
  return found;
}

/** undefined: it did not deal with the question. Other errors (no such key …) come from servers that did. */
function understood(reply: Reply | undefined): boolean | undefined {
  if (!(reply instanceof ReplyError)) return true;
  if (UNWILLING.test(reply.message)) return undefined;
  return !UNKNOWN.test(reply.message);
}

/** Which types and footer versions RESTORE takes. */
async function askPayloads(
  client: Client,
  byVersion: Capabilities,
): Promise<Pick<Capabilities, 'acceptsType' | 'acceptsFooter'>> {
  const payloads = [
    ...VALUES.map(
      ([type, dialect, value]) => [type, value, dialect === 'valkey' ? VALKEY_FOOTER : 6] as const,
    ),
    ...FOOTERS.map((version) => [0, STRING, version] as const),
  ];
  const replies = await askAll(
    client,
    payloads.map(([type, value, version]) =>
      restore(encodeDumpPayload(type, Uint8Array.from(value), version)),
    ),
  );
  // With import-mode on, a key is made even so.
  await client.request(['DEL', KEY]);
  const answers = replies.map(taken);
  const types = new Map(VALUES.map(([type, dialect], at) => [`${dialect} ${type}`, answers[at]] as const));
  const footers = new Map(FOOTERS.map((version, at) => [version, answers[VALUES.length + at]] as const));
  return {
    acceptsType: (id, dialect) => types.get(`${dialect} ${id}`) ?? byVersion.acceptsType(id, dialect),
    acceptsFooter: (version) => footers.get(version) ?? byVersion.acceptsFooter(version),
  };
}

function restore(payload: Uint8Array): readonly CommandArg[] {
  return ['RESTORE', KEY, '1', payload, 'REPLACE', 'ABSTTL'];
}

/** undefined: it said something else than that it does or does not take the payload. */
function taken(reply: Reply | undefined): boolean | undefined {
  if (!(reply instanceof ReplyError)) return true;
  return /Bad data format|DUMP payload version or checksum/.test(reply.message) ? false : undefined;
}

async function askSettings(
  client: Client,
): Promise<Pick<Capabilities, 'databases' | 'maxBulkBytes' | 'importMode'>> {
  const names = ['databases', 'proto-max-bulk-len', 'import-mode'];
  const replies = await askAll(
    client,
    names.map((name) => ['CONFIG', 'GET', name]),
  );
  const [databases, maxBulk, importMode] = replies.map((reply) =>
    Array.isArray(reply) ? textOf(reply[1]) : '',
  );
  return {
    databases: numberOf(databases),
    maxBulkBytes: numberOf(maxBulk),
    importMode: importMode === 'yes' ? true : importMode === 'no' ? false : undefined,
  };
}

async function askModules(client: Client): Promise<readonly string[]> {
  const reply = await client.request(['MODULE', 'LIST']);
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((entry) => {
    if (!Array.isArray(entry)) return [];
    const at = entry.findIndex((item: Reply) => textOf(item) === 'name');
    const name = at < 0 ? '' : textOf(entry[at + 1]);
    return name === '' ? [] : [name];
  });
}

/** All in one go; the answers in order, error replies among them. */
function askAll(client: Client, commands: readonly (readonly CommandArg[])[]): Promise<readonly Reply[]> {
  return Promise.all(commands.map((args) => client.request(args)));
}

function textOf(reply: Reply | undefined): string {
  if (typeof reply === 'string') return reply;
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : '';
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
