/** The built-in table and the glob against every server that can be run here. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../scripts/lib/client.mjs';
import { startServer, surveyServers, type RunningServer } from '../../scripts/servers.mjs';
import {
  BUILTIN_COMMANDS,
  commandOf,
  createTable,
  extendTable,
  keyPositions,
  opaqueCommands,
} from '../../src/keyspace/command-table.js';
import { compileGlob } from '../../src/keyspace/glob.js';
import { parseCommandReply } from '../../src/keyspace/server-commands.js';
import { bytesOf } from '../../src/keyspace/words.js';
import { args } from './support.js';

type Entry = [name: string, arity: number, flags: string[], first: number, last: number, step: number];

/** Old servers give no key positions for it; it is a test tool, never sent by applications. */
const EXCEPTIONS = new Set(['pfdebug']);

const GETKEYS = [
  'SET k v',
  'MSET a 1 b 2',
  'DEL a b c',
  'COPY a b',
  'BITOP AND d a b',
  'ZUNIONSTORE d 2 a b WEIGHTS 1 2',
  'EVAL s 2 a b x',
  'SORT l BY store GET STORE LIMIT 0 1 STORE d',
  'GEORADIUS g 15 37 200 km STORE d',
  'GEORADIUSBYMEMBER g m 200 km STOREDIST d',
  'XGROUP CREATE st g $',
  'XREADGROUP GROUP g c COUNT 1 STREAMS a b > >',
  'MIGRATE h 1 k 0 5',
  'BLPOP a b 0',
  'LMPOP 2 a b LEFT',
  'BLMPOP 0 2 a b LEFT',
  'ZMPOP 1 a MIN',
  'PFMERGE d a b',
  'MSETEX 2 a 1 b 2',
  'HSETEX h FIELDS 1 f v',
];

const { servers, missing } = await surveyServers();

// oxlint-disable-next-line vitest/expect-expect -- a visible skip for a version that is not here
test.for(missing)('$series', ({ why }, { skip }) => skip(why));

describe.each(servers)('$id', (binary) => {
  let server: RunningServer;
  let client: Client;
  let entries: Entry[];

  beforeAll(async () => {
    server = await startServer(binary);
    client = await server.client();
    // oxlint-disable-next-line typescript/no-unsafe-assignment -- the shape of COMMAND
    entries = await client.text('COMMAND');
  });

  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  test('every write command is in the table, with its keys in the same places', () => {
    const writes = entries.filter(([, , flags]) => flags.includes('write'));
    expect(writes.length).toBeGreaterThan(80);
    const differences = writes
      .filter(([name]) => !EXCEPTIONS.has(name))
      .map((entry) => difference(entry))
      .filter((line) => line !== undefined);
    expect(differences).toEqual([]);
  });

  test('GETKEYS says the same', async () => {
    const names = new Set(entries.map(([name]) => name.toUpperCase()));
    const lines = GETKEYS.filter((line) => names.has(line.split(' ')[0]!));
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      const words = line.split(' ');
      // oxlint-disable-next-line no-await-in-loop, typescript/no-unsafe-assignment -- one after the other
      const keys: string[] = await client.text('COMMAND', 'GETKEYS', ...words);
      const ours = keyPositions(args(line)).map((at) => words[at]!);
      expect([line, ours.toSorted()]).toEqual([line, keys.toSorted()]);
    }
  });

  test('what the server tells of its commands would do instead of the table', async () => {
    const theirs = extendTable(createTable([]), parseCommandReply(entries));
    expect(theirs.specs.length).toBe(entries.length);
    const lines = GETKEYS.filter((line) =>
      entries.some(([name]) => name.toUpperCase() === line.split(' ')[0]),
    );
    const decided = lines.filter((line) => commandOf(args(line), theirs)?.role !== 'opaque');
    for (const line of decided)
      expect([line, keyPositions(args(line), theirs)]).toEqual([line, keyPositions(args(line))]);
    // Servers before 7.0 say of fewer commands where their keys are; patched ones of later say of GEORADIUS,
    // GEORADIUSBYMEMBER and XREADGROUP, too, that what they say is incomplete.
    const undecided = ['SORT', 'MIGRATE'];
    const specs = entries[0]!.length > 8;
    expect(opaqueCommands(theirs).filter((name) => undecided.includes(name))).toEqual(
      expect.arrayContaining(undecided),
    );
    expect(lines.length - decided.length).toBeLessThanOrEqual(specs ? 5 : lines.length / 2);
    const told = BUILTIN_COMMANDS.specs.flatMap(({ name, kind }) => {
      const found = theirs.lookup(bytesOf(name));
      return found === undefined || found.keys.at === 'none' ? [] : [{ name, kind, theirs: found.kind }];
    });
    expect(told.length).toBeGreaterThan(70);
    expect(told.filter(({ kind, theirs: other }) => other !== 'any' && other !== kind)).toEqual([]);
    expect(told.filter(({ theirs: other }) => other !== 'any').length).toBeGreaterThan(60);
  });

  test('KEYS agrees with the glob', async () => {
    const alphabet = 'ab*?[]^-\\c';
    let state = 12345;
    const pick = (upTo: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % upTo;
    };
    const word = (letters: string, most: number): string =>
      Array.from({ length: 1 + pick(most) }, () => letters[pick(letters.length)]!).join('');
    const keys = [...new Set(Array.from({ length: 60 }, () => word('abc]^-\\', 4)))];
    const patterns = Array.from({ length: 2000 }, () => word(alphabet, 7));
    await client.pipeline(keys.map((key) => ['SET', key, '1']));
    const replies = await client.pipeline(patterns.map((pattern) => ['KEYS', pattern]));
    const different = patterns.filter((pattern, at) => {
      const matcher = compileGlob(bytesOf(pattern));
      const ours = keys.filter((key) => matcher(bytesOf(key), 0, key.length)).toSorted();
      const reply = replies[at];
      const theirs = Array.isArray(reply) ? reply.map(String).toSorted() : [];
      return ours.join(' ') !== theirs.join(' ');
    });
    expect(different).toEqual([]);
  });
});

function difference([name, , flags, first, last, step]: Entry): string | undefined {
  const spec = BUILTIN_COMMANDS.lookup(bytesOf(name));
  if (spec === undefined) return `${name} is not in the table`;
  const { keys } = spec;
  const theirs = `${first} ${last} ${step}`;
  switch (keys.at) {
    case 'range': {
      const ours = `${keys.first} ${keys.last} ${keys.step}`;
      return ours === theirs ? undefined : `${name}: ${theirs} on the server, ${ours} here`;
    }
    case 'none':
      return first === 0 ? undefined : `${name}: ${theirs} on the server, no keys here`;
    default:
      // Before 7.0 the containers (XGROUP) give their subcommands' position; since then nothing.
      return flags.includes('movablekeys') || theirs === '2 2 1' || first === 0
        ? undefined
        : `${name}: ${theirs} on the server, special here`;
  }
}
