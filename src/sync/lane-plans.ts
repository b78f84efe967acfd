/** Which commands of the stream a cluster's lanes take, and which have to be carried out beside them. */
import { commandOf, type CommandTable } from '../keyspace/command-table.js';
import { type ClusterPlan, planForCluster } from '../keyspace/cross-slot.js';
import {
  applyCrossSlotPolicy,
  type ClusterAction,
  type CrossSlotPolicy,
} from '../keyspace/cross-slot-policy.js';
import type { Args } from '../keyspace/plan.js';
import { atLeast, type ServerIdentity } from '../rdb/server-support.js';
import { MOST_WORDS } from '../target/cluster/lane-script.js';
import type { ClusterCommand } from './stream-requests.js';

export class LanePlans {
  readonly #policy: CrossSlotPolicy;
  readonly #sortPatterns: boolean;

  constructor(target: ServerIdentity, policy: CrossSlotPolicy = 'carry') {
    this.#policy = policy;
    this.#sortPatterns = target.family === 'valkey' || atLeast(target.version, 7, 4);
  }

  /** What becomes of it, by its slots and the policy. */
  actionFor(args: Args, table: CommandTable, name: string): ClusterAction {
    return applyCrossSlotPolicy(this.#planOf(args, table), this.#policy, name);
  }

  /** Carried over slots by what every target has, so it need not know the command. */
  needsNoForm(args: Args, table: CommandTable): boolean {
    const role = commandOf(args, table)?.role;
    if (role !== 'rename' && role !== 'copy' && role !== 'lmove') return false;
    return this.#planOf(args, table).kind === 'carry';
  }

  /** Scripts run no scripts, and take only so many words. */
  standsAside({ args, plan }: ClusterCommand, table: CommandTable): boolean {
    if (plan.kind === 'every' || plan.kind === 'carry' || args.length > MOST_WORDS) return true;
    return commandOf(args, table)?.role === 'script';
  }

  #planOf(args: Args, table: CommandTable): ClusterPlan {
    return planForCluster(args, { table, db: 0, databases: 1, sortPatterns: this.#sortPatterns });
  }
}
