/**
 * What the figures are held to. Ratios are against the server's own replication, measured in the same run,
 * so they hold on a slow machine as well; absolute limits are for what does not depend on the machine.
 */
export const LIMITS = {
  fullSyncWallRatio: 2,
  fullSyncCpuRatio: 2.5,
  latencyP50Ms: 3,
  latencyP99Ms: 20,
  streamBehindSeconds: 2,
  decodeRatio: 1.5,
  /** Peak resident memory whatever the size of the data. */
  memoryMb: 300,
};
