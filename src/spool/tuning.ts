/** What nobody needs to choose, and tests do. */
import { performance } from 'node:perf_hooks';
import { bootId } from './machine.js';
import { nodeDisk, type SpoolDisk } from './disk.js';

export interface SpoolTuning {
  /** At most 256 KiB: a record is never larger than a block. */
  readonly blockBytes: number;
  readonly segmentBytes: number;
  /** The stream goes to disk when more than this is received and not released … */
  readonly streamMemoryBytes: number;
  /** … for so long. */
  readonly streamMemoryMs: number;
  /** Between small writes. */
  readonly batchMs: number;
  readonly syncMs: number;
  /** Between attempts at a disk that fails. */
  readonly retryMs: number;
  readonly compressAfterBytes: number;
  readonly disk: SpoolDisk;
  /** Of the machine; '' when there is none. */
  readonly bootId: string;
  /** Any clock in ms, for intervals. */
  readonly now: () => number;
}

export function defaultTuning(): SpoolTuning {
  return {
    blockBytes: 256 * 1024,
    segmentBytes: 16 * 1024 * 1024,
    streamMemoryBytes: 512 * 1024,
    streamMemoryMs: 200,
    batchMs: 20,
    syncMs: 1000,
    retryMs: 1000,
    compressAfterBytes: 64 * 1024 * 1024,
    disk: nodeDisk,
    bootId: bootId(),
    now: () => performance.now(),
  };
}
