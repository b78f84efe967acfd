/**
 * What would become of the commands of the stream. Nobody knows which will come; the source's own count of what
 * its clients have called says which to expect.
 */
import { createTargetContext, needsLook, toTargetForm } from '../convert/target-form/to-target-form.js';
import type { TargetContext } from '../convert/target-form/rule.js';
import { BUILTIN_COMMANDS } from '../keyspace/command-table.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import { bytesOf } from '../keyspace/words.js';
import { atLeast } from '../rdb/server-support.js';
import type { DryRunCommand, DryRunCommands } from './dry-run-report.js';
import type { Findings } from './examination.js';
import { parseInfo } from './server-info.js';

/** What servers send to their replicas as other commands, and never as these. */
const SENT_AS_OTHERS: ReadonlySet<string> = new Set('BLMPOP BZMPOP FCALL LMPOP XAUTOCLAIM ZMPOP'.split(' '));

/** Commands in a form that older targets may lack, one for each of which something may get lost. */
const SAMPLES: ReadonlyMap<string, string> = new Map(
  [
    'HSETEX k PXAT 9999999999999 FIELDS 1 f v',
    'HGETEX k PXAT 9999999999999 FIELDS 1 f',
    'HEXPIRE k 9 FIELDS 1 f',
    'HPEXPIRE k 9 FIELDS 1 f',
    'HEXPIREAT k 9999999999 FIELDS 1 f',
    'HPEXPIREAT k 9999999999999 FIELDS 1 f',
    'HPERSIST k FIELDS 1 f',
    'FUNCTION DELETE name',
    'SPUBLISH channel message',
    'PFCOUNT k',
    'GEOSEARCHSTORE to from FROMLONLAT 1 1 BYBOX 1 1 km',
    'XADD k IDMP p i 1-1 f v',
    'XDELEX k ACKED IDS 1 1-1',
    'XACKDEL k g ACKED IDS 1 1-1',
    'XCFGSET k IDMP-DURATION 9',
    'XIDMPRECORD k p i 1-1',
  ].map((text) => [text.slice(0, text.indexOf(' ')), text]),
);

/** Calls by clients, by the names in upper case; subcommands count for their command. */
export function readCalls(commandStats: string): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  for (const [field, value] of parseInfo(commandStats)) {
    const name = /^cmdstat_([^|]+)/u.exec(field)?.[1]?.toUpperCase();
    const count = Number(/calls=(\d+)/u.exec(value)?.[1] ?? 0);
    if (name !== undefined) calls.set(name, (calls.get(name) ?? 0) + count);
  }
  return calls;
}

/** `calls`: undefined when the source does not say. */
export function judgeCommands(
  { capabilities, sourceIdentity }: Findings,
  filter: KeyFilter,
  calls: ReadonlyMap<string, number> | undefined,
): DryRunCommands {
  const context = createTargetContext(capabilities, sourceIdentity);
  const changed = needsLook(capabilities, sourceIdentity)
    .filter((name) => !SENT_AS_OTHERS.has(name))
    .map((name): DryRunCommand => ({
      name,
      calls: calls === undefined ? null : (calls.get(name) ?? 0),
      ...fateOf(name, context),
    }))
    .toSorted((a, b) => (b.calls ?? 0) - (a.calls ?? 0) || a.name.localeCompare(b.name));
  return { changed, filtered: filter.commandsActive ? filteredOf(filter, calls ?? new Map()) : [] };
}

function filteredOf(filter: KeyFilter, calls: ReadonlyMap<string, number>): DryRunCommands['filtered'] {
  return [...calls]
    .filter(([name]) => isSent(name) && !filter.matchesCommand([bytesOf(name)]))
    .map(([name, count]) => ({ name, calls: count }))
    .toSorted((a, b) => b.calls - a.calls);
}

/** What only reads, and what speaks of the connection, is in no stream. */
function isSent(name: string): boolean {
  const role = BUILTIN_COMMANDS.lookup(bytesOf(name))?.role;
  return role !== undefined && role !== 'link' && role !== 'select' && role !== 'transaction';
}

function fateOf(name: string, context: TargetContext): Pick<DryRunCommand, 'becomes' | 'why'> {
  const sample = name === 'XADD' && !mayHaveProducers(context) ? undefined : SAMPLES.get(name);
  if (sample === undefined && context.rules.has(name)) return { becomes: 'other form', why: null };
  const form = toTargetForm((sample ?? name).split(' ').map(bytesOf), context);
  const why = form?.report ?? null;
  if (form === null || form.commands.length > 0)
    return { becomes: why === null ? 'other form' : 'in part', why };
  return { becomes: why === null ? 'no effect' : 'left out', why };
}

/** IDMP: Redis 8.6 and up. */
function mayHaveProducers({ source }: TargetContext): boolean {
  return source === undefined || (source.family === 'redis' && atLeast(source.version, 8, 6));
}
