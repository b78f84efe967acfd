/** What all ways of loading share. */
import type { ReplicantError } from '../errors.js';
import type { DbMap } from '../keyspace/db-map.js';
import type { KeyFilter } from '../keyspace/key-filter.js';
import type { Endpoint } from '../net/endpoint.js';
import type { SkippedItem } from '../sync/status.js';
import type { Tally } from '../sync/tally.js';
import type { Capabilities } from '../target/capabilities.js';
import type { Origins } from './origins.js';
import type { TargetWriter } from './target-writer.js';

export interface LoadContext {
  readonly target: TargetWriter;
  readonly endpoint: Endpoint;
  readonly capabilities: Capabilities;
  /** Databases of the target. */
  readonly databases: number;
  readonly filter: KeyFilter;
  readonly dbMap: DbMap;
  readonly tally: Tally;
  readonly origins: Origins;
  readonly signal: AbortSignal;
  /** Something was left out. */
  readonly skip: (item: SkippedItem) => void;
  /** Something can't be carried: left out, or thrown. */
  readonly onUnsupported: (error: ReplicantError) => void;
}
