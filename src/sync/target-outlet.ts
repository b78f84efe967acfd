/** Opens what a delivery writes to: a connection to the one server, or lanes to the primaries of a cluster. */
import { connectionName } from '../checkpoint/connections.js';
import { type Checkpoint, checkpointKey, type LaneClaim, type Owner } from '../checkpoint/record.js';
import { bytesOf } from '../keyspace/words.js';
import { LANE_SCRIPT, OLD_LANE_SCRIPT, parseLaneFailure, scriptSha } from '../target/cluster/lane-script.js';
import { Lanes } from '../target/cluster/lanes.js';
import { type LaneSurvey, openLanes } from '../target/cluster/open-lanes.js';
import { ReplicantError } from '../errors.js';
import type { FailedCommand } from '../target/failed-command.js';
import type { CommitEvents, Commits, Outlet } from '../target/outlet.js';
import { TargetLink, type TargetLinkHandler } from '../target/target-link.js';
import { Transactions } from '../target/transactions.js';
import type { SyncOptions } from './options.js';

export interface OpenedOutlet {
  readonly outlet: Outlet;
  readonly commits: (events: CommitEvents) => Commits;
  /** On a cluster: the outlet itself, and what its lanes stand for. */
  readonly lanes: Lanes | undefined;
  readonly claims: readonly LaneClaim[] | undefined;
  /** Of the one server. */
  readonly address: string | undefined;
}

/** On one server. */
export async function openSingleOutlet(
  sync: SyncOptions,
  owner: Owner,
  handler: TargetLinkHandler,
): Promise<OpenedOutlet> {
  const link = await TargetLink.open(sync.target, handler, connectionName(sync.name, owner.id));
  const key = bytesOf(checkpointKey(sync.name));
  const atomic = sync.consistency === 'exactly-once';
  return {
    outlet: link,
    commits: (events) => new Transactions(link.pipeline, key, atomic, events),
    lanes: undefined,
    claims: undefined,
    address: link.address,
  };
}

export interface LanesOptions {
  readonly sync: SyncOptions;
  readonly owner: Owner;
  readonly survey: LaneSurvey;
  readonly checkpoint: Checkpoint;
  /** The stream is gone on with; else a snapshot is loaded first. */
  readonly follows: boolean;
  readonly major: number;
  readonly handler: TargetLinkHandler;
}

/** On a cluster. */
export async function openClusterOutlet(options: LanesOptions): Promise<OpenedOutlet> {
  const { sync, owner, survey, checkpoint, follows, major, handler } = options;
  const atomic = sync.consistency === 'exactly-once';
  const { name: job } = sync;
  const { snapshot, offset: base } = checkpoint;
  let lanes: Lanes | undefined;
  const opened = await openLanes({
    ...{ survey, job, owner, snapshot, base, follows, atomic, major },
    handler: {
      ...handler,
      commandFailed: (failed) => handler.commandFailed(ofLane(failed)),
      applied: () => {
        lanes?.answered();
        handler.applied();
      },
    },
  });
  lanes = new Lanes({
    ...{ lanes: opened.lanes, job, atomic },
    progress: follows ? survey.progress : undefined,
    sha: scriptSha(major < 5 ? OLD_LANE_SCRIPT : LANE_SCRIPT),
  });
  const whole = lanes;
  const commits = (events: CommitEvents): Commits => {
    whole.listen(events);
    return whole;
  };
  return { outlet: whole, commits, lanes: whole, claims: opened.claims, address: undefined };
}

/** What a script says of a command of the stream, as if the command itself had been answered. */
function ofLane(failed: FailedCommand): FailedCommand {
  const failure = parseLaneFailure(failed.error);
  if (failure === undefined) return failed;
  if (failure === 'chain') {
    throw new ReplicantError('TARGET_BUSY', 'what stands on the target was changed by somebody else');
  }
  const { offset, name, error } = failure;
  return { error, name, args: [], offset, copied: true, number: -1, executed: false };
}
