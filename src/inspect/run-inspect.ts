/**
 * The engine of `inspect`: opens the source, lets it pass through an `Inspection`, and makes the report. A
 * file large enough is looked into beforehand to find out which allocator its server had.
 */
import { Crc64 } from '../bytes/crc64.js';
import { formatError, ReplicantError } from '../errors.js';
import { type InputOptions, openInput } from '../io/input.js';
import { refuseCommands } from '../io/refuse-commands.js';
import { type SnapshotInput, WINDOW_BYTES } from '../io/snapshot-input.js';
import type { AllocatorChoice } from './allocator.js';
import { resolveAllocator } from './find-allocator.js';
import { Inspection, type InspectOptions } from './inspection.js';
import type { InspectReport } from './report.js';

const LOST_SHOWN = 10;

export interface InspectRunOptions extends Omit<InspectOptions, 'allocator'> {
  /** Path, address or `-`. */
  readonly source: string;
  readonly input: InputOptions;
  readonly allocator: AllocatorChoice;
  readonly checksum: boolean;
  readonly onError: 'stop' | 'skip';
  readonly signal?: AbortSignal | undefined;
}

export interface InspectProgress {
  readonly bytesRead: number;
  readonly totalBytes: number | undefined;
  readonly keys: number;
}

export interface InspectResult {
  readonly report: InspectReport;
  /** What could not be read, with `onError: 'skip'`. */
  readonly lost: number;
}

export interface InspectRun {
  readonly done: Promise<InspectResult>;
  progress(): InspectProgress;
}

export function runInspect(options: InspectRunOptions): InspectRun {
  let input: SnapshotInput | undefined;
  let inspection: Inspection | undefined;
  const run = async (): Promise<InspectResult> => {
    const allocator = await resolveAllocator(options.allocator, options.source, options.server);
    inspection = new Inspection({ ...options, allocator });
    input = await openInput(options.source, options.input);
    try {
      return await read(input, inspection, options);
    } finally {
      await input.close();
    }
  };
  return {
    done: run(),
    progress: () => ({
      bytesRead: input?.bytesRead ?? 0,
      totalBytes: input?.totalBytes,
      keys: inspection?.keysSeen ?? 0,
    }),
  };
}

async function read(
  input: SnapshotInput,
  inspection: Inspection,
  options: InspectRunOptions,
): Promise<InspectResult> {
  refuseCommands(input, 'inspect');
  const lost: string[] = [];
  let lostCount = 0;
  const onLost = (error: ReplicantError): void => {
    if (lostCount++ < LOST_SHOWN) lost.push(`lost: ${formatError(error)}`);
  };
  const { checksum, onError, signal } = options;
  const crc = checksum ? new Crc64(WINDOW_BYTES) : undefined;
  const end = await input.snapshot(inspection, { checksum, onError, signal, onLost, crc });
  refuseCommands(input, 'inspect');
  if (end.format === 'none') {
    throw new ReplicantError('RDB_UNSUPPORTED', 'this AOF has no snapshot, only commands', {
      place: { at: input.label },
      hint: 'load it into a server with replicant restore and inspect that',
    });
  }
  if (lostCount > LOST_SHOWN) lost.push(`${lostCount} records were lost in all`);
  if (end.problem !== undefined && lostCount === 0) onLost(end.problem);
  const report = inspection.report({
    label: input.label,
    rdbBytes: end.bytes,
    checksum: end.checksum,
    checksumWanted: checksum,
    notes: lost,
  });
  return { report, lost: lostCount };
}
