/**
 * Reads an RDB from a feed into a handler. Bytes behind its end stay in the feed.
 *
 * The decoder is offered what is in the window until it takes nothing more, then more is read. It pauses
 * when its handler asks for it; `options.drain` says when to go on. Every error names the source.
 */
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { RdbDecoder } from '../rdb/file-decoder.js';
import type { Checksum, RdbHandler } from '../rdb/handler.js';
import { DuplicateGuard } from './duplicate-guard.js';
import type { Feed } from './feed.js';
import { HandlerTap } from './handler-tap.js';
import type { SnapshotEnd, SnapshotOptions } from './snapshot-input.js';

export type SnapshotFacts = Omit<SnapshotEnd, 'commandsFollow'>;

export async function readSnapshot(
  feed: Feed,
  handler: RdbHandler,
  crc: Crc64,
  options: SnapshotOptions,
): Promise<SnapshotFacts> {
  const skip = options.onError === 'skip';
  const onLost = (error: ReplicantError): void => options.onLost?.(error.within({ at: feed.source.label }));
  const tap = new HandlerTap(
    handler,
    skip,
    onLost,
    options.duplicates === false ? undefined : new DuplicateGuard(),
  );
  const limits = options.limits === undefined ? {} : { limits: options.limits };
  const decoder = new RdbDecoder(tap, { crc, ...limits, onLost: skip ? onLost : undefined });
  let problem: ReplicantError | undefined;
  try {
    await decode(feed, decoder, options);
    problem = checksumProblem(tap.checksum, decoder.offset, options);
    if (problem !== undefined) throw problem;
  } catch (error) {
    const placed = error instanceof ReplicantError ? error.within({ at: feed.source.label }) : error;
    if (options.onError !== 'skip' || !isInputError(placed)) throw placed;
    problem = placed;
    options.onLost?.(placed);
  }
  const { dialect, version, checksum } = tap;
  return { format: 'rdb', dialect, version, checksum, bytes: decoder.offset, problem };
}

async function decode(feed: Feed, decoder: RdbDecoder, options: SnapshotOptions): Promise<void> {
  const { window } = feed;
  while (!decoder.done) {
    options.signal?.throwIfAborted();
    if (!(await feed.fill())) {
      decoder.finish();
      return;
    }
    for (let before = -1; before !== window.start && !decoder.done;) {
      before = window.start;
      options.beforeBatch?.();
      feed.take(decoder.feed(window.bytes, window.start, window.end));
      options.afterBatch?.();
      const wait = options.drain?.();
      if (wait !== undefined) await wait;
    }
  }
}

export function checksumProblem(
  checksum: Checksum | undefined,
  offset: number,
  options: SnapshotOptions,
): ReplicantError | undefined {
  if (checksum?.state !== 'mismatch' || options.checksum === false) return undefined;
  const { stored, computed } = checksum;
  return new ReplicantError(
    'RDB_CORRUPT',
    `the checksum is wrong: the file says ${stored}, its bytes give ${computed}`,
    {
      place: { offset: offset - 8 },
      hint: 'everything before it was read, but some of it may be damaged; --no-checksum takes it as it is',
    },
  );
}

export function isInputError(error: unknown): error is ReplicantError {
  return error instanceof ReplicantError && error.code.startsWith('RDB_');
}
