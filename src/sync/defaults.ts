/** What a sync does when nothing else is said; only where from and where to is left open. */
import type { SyncOptions } from './options.js';

const MIB = 1024 * 1024;

export const SYNC_DEFAULTS: Omit<SyncOptions, 'name' | 'source' | 'target'> = {
  until: 'stopped',
  targetNotEmpty: 'fail',
  onError: 'stop',
  onUnsupported: 'auto',
  reportFile: undefined,
  filter: {
    ...{
      includeKeys: [],
      excludeKeys: [],
      includeDbs: [],
      excludeDbs: [],
      includeKinds: [],
      excludeKinds: [],
    },
  },
  dbMap: new Map(),
  dbPrefixes: new Map(),
  keyMap: [],
  psyncCommand: 'PSYNC',
  stateDir: undefined,
  spoolMemoryBytes: 24 * MIB,
  spoolMaxBytes: 64 * 1024 * MIB,
  spoolFull: 'pause',
  consistency: 'exactly-once',
  expiry: 'faithful',
  holdMarginMs: 300_000,
  takeoverAfterMs: 30_000,
  ack: 'exact',
  resumeFrom: undefined,
  targetIsCluster: false,
  crossSlot: 'carry',
};
