/**
 * What the figures are held to. Ratios are against the server's own replication, measured in the same run,
 * so they hold on a slow machine as well; absolute limits are for what hardly depends on the machine.
 */
export const LIMITS = {
  fullSyncWallRatio: 1.2,
  fullSyncCpuRatio: 2.5,
  /** Of the tool, on set S. */
  fullSyncCpuSeconds: 1.5,
  latencyP50Ms: 0.6,
  latencyP99Ms: 3,
  streamBehindSeconds: 1,
  streamCpuPerMillion: 1.5,
  decodeRatio: 1,
  /** Peak resident memory whatever the size of the data … */
  memoryMb: 150,
  /** … and with single values of 512 MB and 10 million elements. */
  memoryBigValuesMb: 200,
  /** Peak while the target takes too little or nothing. */
  stalledMemoryMb: 250,
  /** A full sync with the spool, against the same without. */
  spoolRatio: 1.15,
  /** The time a stream takes, exactly-once: against at-least-once (80 % of its throughput) … */
  exactlyOnceRatio: 1.25,
  /** … and against a native replica. */
  streamNativeRatio: 1,
  /** Three shards into three, against what the CPU allows. */
  clusterWallRatio: 1.3,
  /** Peak over all shards. */
  clusterMemoryMb: 250,
  /** Into a cluster, against into one server. */
  clusterTargetRatio: 1.3,
  /** As `exactlyOnceRatio`, into a cluster: 70 % of the throughput. */
  clusterExactlyOnceRatio: 1.43,
};
