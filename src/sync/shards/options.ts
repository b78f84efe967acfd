/** What a job over the shards of a cluster is told beyond what every sync is. */
import type { ReadFrom } from '../../net/endpoint.js';

export type { ReadFrom } from '../../net/endpoint.js';

export interface ClusterOptions {
  readonly readFrom: ReadFrom;
  /** So many snapshots are taken at a time, and never two of one host. */
  readonly parallelSnapshots: number;
  /** This process runs the shards whose number in the roster gives `shardIndex` modulo `shardCount`. */
  readonly shardIndex?: number | undefined;
  readonly shardCount?: number | undefined;
  /** Threads that the runs are spread over; undefined: as many as there are shards, at most one for each core. */
  readonly workers?: number | undefined;
}
