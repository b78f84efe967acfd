/** Types of the sentinels: see sentinel.mjs. */
import type { RunningServer, ServerBinary } from '../servers.mjs';
import type { Argument } from './client.mjs';
import type { Place } from './cluster-client.mjs';

export interface SentinelOptions {
  /** What the primary is called; default `mymaster`. */
  name?: string;
  /** Its replicas should be attached already; its password, if any, is passed on. */
  primary: RunningServer;
  /** Default 3. */
  count?: number;
  /** Default 2. */
  quorum?: number;
  /** Default 1000. */
  downAfterMs?: number;
  /** Of the sentinels themselves. */
  password?: string;
}

export interface RunningSentinels {
  readonly name: string;
  readonly servers: readonly RunningServer[];
  readonly urls: readonly string[];
  readonly seeds: readonly Place[];
  /** To the first that runs. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a reply's shape is the command's business
  call(...args: readonly Argument[]): Promise<any>;
  // oxlint-disable-next-line typescript/no-explicit-any
  text(...args: readonly Argument[]): Promise<any>;
  /** As the first that runs sees it. */
  primary(): Promise<Place>;
  /**
   * SENTINEL FAILOVER, until all name the new primary. It takes some ten seconds more until the old one is made a
   * replica; till then it takes writes that get lost.
   */
  failover(): Promise<Place>;
  /** Until all agree on another primary than this port, for instance because it was killed. */
  untilMovedFrom(port: number, timeoutMs?: number): Promise<Place>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export declare function startSentinels(
  binary: ServerBinary,
  options: SentinelOptions,
): Promise<RunningSentinels>;
