/** The options of `replicant sync`. */
import { z } from 'zod';
import { CROSS_SLOT_POLICIES, type CrossSlotPolicy } from '../keyspace/cross-slot-policy.js';
import { SYNC_DEFAULTS } from '../sync/defaults.js';
import type { SyncOptions } from '../sync/options.js';
import type { ReadFrom } from '../sync/shards/options.js';
import { commaList, oneOf, optional, optionalText, orElse, parsed, switchedOff } from './checks.js';
import { list, positional, text, toggle, type OptionTable } from './option-table.js';
import {
  parseBytes,
  parseDuration,
  parseListenAddress,
  parseResumePlace,
  type ListenAddress,
  type ResumePlace,
} from './parse-values.js';
import {
  CARRIED,
  CONFIG_OPTION,
  FILTER_OPTIONS,
  LOG_OPTIONS,
  MAP_DB_PREFIX_OPTION,
  MAP_PREFIX_OPTION,
  OUTPUT,
  RUN,
  SOURCE_ACCESS,
  TARGET_ACCESS,
  type AccessValues,
  type ConfigValues,
  type FilterValues,
  type LogValues,
  type MapDbPrefixValues,
  type MapPrefixValues,
} from './shared-options.js';

export type SyncValues = FilterValues &
  MapDbPrefixValues &
  MapPrefixValues &
  ConfigValues &
  LogValues &
  AccessValues<'source'> &
  AccessValues<'target'> & {
    readonly source: string | undefined;
    readonly target: string | undefined;
    readonly name: string | undefined;
    readonly until: SyncOptions['until'];
    readonly 'dry-run': boolean;
    readonly 'target-not-empty': SyncOptions['targetNotEmpty'];
    readonly 'on-error': SyncOptions['onError'];
    readonly 'on-unsupported': SyncOptions['onUnsupported'];
    readonly 'report-file': string | undefined;
    readonly 'psync-command': string;
    readonly 'include-command': readonly string[];
    readonly 'exclude-command': readonly string[];
    readonly 'state-dir': string | undefined;
    readonly 'spool-memory': number;
    readonly 'spool-max': number;
    readonly 'spool-full': SyncOptions['spoolFull'];
    readonly consistency: SyncOptions['consistency'];
    readonly expiry: SyncOptions['expiry'];
    readonly 'hold-margin': number;
    readonly 'takeover-after': number;
    readonly ack: SyncOptions['ack'];
    readonly 'resume-from': ResumePlace | undefined;
    readonly 'read-from': ReadFrom;
    readonly 'parallel-snapshots': number;
    readonly 'cross-slot': CrossSlotPolicy;
    readonly 'address-map': readonly string[];
    readonly 'shard-index': number | undefined;
    readonly 'shard-count': number | undefined;
    readonly workers: number | undefined;
    readonly 'status-file': string | undefined;
    readonly http: ListenAddress | undefined;
  };

const jobName = parsed(
  'letters, digits, dots, dashes and underscores, at most 100, beginning with a letter or digit',
  (word) => (/^[a-zA-Z\d][a-zA-Z\d._-]{0,99}$/u.test(word) ? word : undefined),
);
const commandName = parsed('the name of a command', (word) => (/^[!-~]+$/u.test(word) ? word : undefined));
const commandNames = commaList(commandName);
const listenAddress = parsed('HOST:PORT, such as 127.0.0.1:9121 or 0.0.0.0:9121', parseListenAddress);
const bytes = parsed('a size such as 64MB or 1GiB', parseBytes);
const duration = parsed('a time such as 30s or 5m', parseDuration);
/** A holder gives a sign of life every second, and servers count in whole seconds. */
const LEAST_PATIENCE_MS = 3000;
const patience = parsed('a time such as 30s or 5m, of at least 3s', (text) => {
  const ms = parseDuration(text);
  return ms === undefined || ms < LEAST_PATIENCE_MS ? undefined : ms;
});
const resumePlace = parsed('REPLID:OFFSET, 40 hex digits and a number', parseResumePlace);
const url = z.string().optional();
const STATE = 'Crash safety:';
const CLUSTER = 'Clusters and Sentinel:';
const MOST_SHARDS = 16_384;
const count = (least: number): ReturnType<typeof parsed<number>> =>
  parsed(`a whole number from ${least} on`, (text) => {
    const value = parseCountOption(text);
    return value === undefined || value < least ? undefined : value;
  });

function parseCountOption(text: string): number | undefined {
  return /^\d{1,5}$/u.test(text) && Number(text) <= MOST_SHARDS ? Number(text) : undefined;
}

export const SYNC_OPTIONS: OptionTable<SyncValues> = {
  source: positional(
    'where the data come from: redis://[user:password@]host[:port][/db]; a cluster by any of its nodes, what Sentinels watch by redis://sentinel:26379?master=NAME; several hosts with commas',
    url,
  ),
  target: positional(
    'where they go, written the same way; rediss:// is TLS, unix:///path.sock a socket',
    url,
  ),
  ...FILTER_OPTIONS,
  ...MAP_DB_PREFIX_OPTION,
  ...MAP_PREFIX_OPTION,
  'include-command': list(CARRIED, 'NAME: of the stream only these commands (repeatable)', commandNames),
  'exclude-command': list(CARRIED, 'NAME: not these, such as PUBLISH or FLUSHALL (repeatable)', commandNames),
  name: text(RUN, 'NAME of the job in logs and status; default: made from both addresses', optional(jobName)),
  until: text(
    RUN,
    'stopped: go on until stopped (default); caught-up: end once the target has caught up',
    orElse(oneOf(['caught-up', 'stopped']), 'stopped'),
  ),
  'dry-run': toggle(
    RUN,
    'write nothing anywhere: tell what would be sent, converted or left out, how much, and where it would start; the source is asked for one snapshot, which costs it a fork',
    switchedOff,
  ),
  'target-not-empty': text(
    RUN,
    'when the target holds keys: fail (default), merge over them, flush them first, or mirror: copy, then remove what the source does not have',
    orElse(oneOf(['fail', 'merge', 'flush', 'mirror']), 'fail'),
  ),
  'on-error': text(
    RUN,
    'when an entry cannot be carried over: stop (default), or skip it and exit 3',
    orElse(oneOf(['stop', 'skip']), 'stop'),
  ),
  'on-unsupported': text(
    RUN,
    'what the target has no place for: fail, skip, or report (list it and exit 3); default: fail before anything is written when it is known by then, report what turns up later',
    orElse(oneOf(['fail', 'skip', 'report', 'auto']), 'auto'),
  ),
  'report-file': text(
    RUN,
    'FILE for that list (NDJSON); default: left-out.ndjson in the state directory',
    optionalText,
  ),
  'psync-command': text(
    RUN,
    'NAME that PSYNC was given on the source by rename-command',
    orElse(commandName, 'PSYNC'),
  ),
  'state-dir': text(STATE, 'DIR for the spool; default: ./.replicant/NAME', optionalText),
  'spool-memory': text(
    STATE,
    'BYTES of it that may wait in memory (default 24MiB)',
    orElse(bytes, SYNC_DEFAULTS.spoolMemoryBytes),
  ),
  'spool-max': text(
    STATE,
    'BYTES that may lie on disk (default 64GiB); 0: nothing is written to disk',
    orElse(bytes, SYNC_DEFAULTS.spoolMaxBytes),
  ),
  'spool-full': text(
    STATE,
    'when it is full: pause (default) reading from the source, or stop',
    orElse(oneOf(['pause', 'stop']), 'pause'),
  ),
  consistency: text(
    STATE,
    'exactly-once (default): position and data in one transaction; at-least-once: a crash may repeat some commands',
    orElse(oneOf(['exactly-once', 'at-least-once']), 'exactly-once'),
  ),
  'resume-from': text(
    STATE,
    'REPLID:OFFSET[:DB] to go on from where the target carries no checkpoint of this job; it must hold all before it',
    optional(resumePlace),
  ),
  'takeover-after': text(
    STATE,
    'TIME without a sign of life after which another process that holds the job is put aside (default 30s)',
    orElse(patience, SYNC_DEFAULTS.takeoverAfterMs),
  ),
  expiry: text(
    STATE,
    'faithful (default): no key runs out on the target before the source says so; plain: by its own clock',
    orElse(oneOf(['faithful', 'plain']), 'faithful'),
  ),
  'hold-margin': text(
    STATE,
    'TIME: TTLs nearer to their end than this are held back on the target until the source removes the key or the sync stops (default 5m)',
    orElse(duration, SYNC_DEFAULTS.holdMarginMs),
  ),
  ack: text(
    STATE,
    'exact (default): acknowledge all that is on the target; behind: one byte less, so that FAILOVER never picks us',
    orElse(oneOf(['exact', 'behind']), 'exact'),
  ),
  'read-from': text(
    CLUSTER,
    'of each shard of the source: primary (default), replica, or prefer-replica; a replica spares the primary the fork',
    orElse(oneOf(['primary', 'replica', 'prefer-replica']), 'primary'),
  ),
  'parallel-snapshots': text(
    CLUSTER,
    'N shards of the source may take a snapshot at once, never two on one host (default 1)',
    orElse(count(1), 1),
  ),
  'cross-slot': text(
    CLUSTER,
    'commands over several slots of a target cluster: carry (default): take values from slot to slot; split: only what can be cut up, and list the rest; skip: list them all; fail',
    orElse(oneOf(CROSS_SLOT_POLICIES), 'carry'),
  ),
  'address-map': list(
    CLUSTER,
    'ANNOUNCED=REACHABLE, host or host:port: where nodes are reached that announce another address (repeatable)',
    commaList(parsed('ANNOUNCED=REACHABLE', (word) => word)),
  ),
  'shard-index': text(
    CLUSTER,
    'I: of the shards of the source this process takes share I of --shard-count N, counted from 0',
    optional(count(0)),
  ),
  'shard-count': text(CLUSTER, 'N: into so many shares the shards are parted', optional(count(1))),
  workers: text(
    CLUSTER,
    'N threads for the shards of a source cluster (default: one for each core, at most one for each shard)',
    optional(count(1)),
  ),
  ...CONFIG_OPTION,
  ...SOURCE_ACCESS,
  ...TARGET_ACCESS,
  'status-file': text(OUTPUT, 'FILE: the status as JSON, replaced every second', optionalText),
  http: text(OUTPUT, 'HOST:PORT for a status page, /status, /metrics and /healthz', optional(listenAddress)),
  ...LOG_OPTIONS,
};
