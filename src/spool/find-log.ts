/**
 * Finds what an earlier run left of a log: checks that its segments are one row without holes, cuts off what a
 * crash left unfinished at the end, and refuses what can only be damage. See `segment-format.ts` for which is which.
 */
import { join } from 'node:path';
import { damaged, unreadable } from './damage.js';
import type { SpoolDisk } from './disk.js';
import { parseSegmentName } from './segment-format.js';
import type { Segment } from './segment-store.js';
import { findRecord, scanSegment, type ScannedSegment } from './segment-scan.js';
import type { FoundLog, LogKind, SpoolEvent } from './types.js';

export interface FindOptions {
  readonly dir: string;
  readonly disk: SpoolDisk;
  readonly bootId: string;
  readonly onEvent: (event: SpoolEvent) => void;
}

export interface FoundSegments extends FoundLog {
  readonly logId: number;
  readonly segments: readonly Segment[];
  readonly stamps: readonly (readonly [position: number, timeMs: number])[];
}

export interface FindResult {
  readonly found: FoundSegments | undefined;
  /** The highest number of a file that was there. */
  readonly lastNumber: number;
}

export async function findLog(
  options: FindOptions,
  kind: LogKind,
  names: readonly string[],
): Promise<FindResult> {
  const files = names
    .map((name) => ({ name, ...parseSegmentName(name) }))
    .filter(({ log }) => log === kind)
    .toSorted((left, right) => left.number! - right.number!);
  const lastNumber = files.at(-1)?.number ?? 0;
  const paths = files.map(({ name }) => join(options.dir, name));
  const scanned: ScannedSegment[] = [];
  for (const path of paths) scanned.push(await scanSegment(options.disk, path, false));
  const own = await dropStrangers(options, kind, scanned);
  const verified = await verifyUnsynced(options.disk, own);
  const kept = await cutTail(options, verified);
  await syncLast(options.disk, kept);
  const first = kept[0];
  if (first?.header === undefined) return { found: undefined, lastNumber };
  const last = kept.at(-1)!;
  const found = {
    meta: last.header!.meta,
    start: first.header.position,
    end: last.end,
    complete: last.complete,
    logId: first.header.logId,
    segments: kept.map(segmentOf),
    stamps: kept.flatMap(({ stamps }) => stamps),
  };
  return { found, lastNumber };
}

/** Segments of an earlier log, whose removal a crash has prevented, stand before those of the last one. */
async function dropStrangers(
  { disk }: FindOptions,
  kind: LogKind,
  scanned: readonly ScannedSegment[],
): Promise<readonly ScannedSegment[]> {
  const last = scanned.findLast(({ header }) => header !== undefined)?.header;
  if (last === undefined) return scanned;
  if (last.log !== kind) throw damaged(scanned.at(-1)!.path, 10, `this is a segment of the ${last.log}`);
  const { logId } = last;
  const firstOwn = scanned.findLastIndex(({ header }) => header !== undefined && header.logId !== logId) + 1;
  for (const { path } of scanned.slice(0, firstOwn)) {
    await disk.remove(path).catch((error: unknown) => {
      throw unreadable(path, 0, error);
    });
  }
  return scanned.slice(firstOwn);
}

/** The payloads of what may not have reached the disk, and of the last segment, are read as well. */
async function verifyUnsynced(
  disk: SpoolDisk,
  scanned: readonly ScannedSegment[],
): Promise<readonly ScannedSegment[]> {
  const synced = Math.max(0, ...scanned.map((segment) => segment.synced));
  const verified: ScannedSegment[] = [];
  for (const segment of scanned) {
    const check = segment === scanned.at(-1) || (segment.header !== undefined && segment.end > synced);
    verified.push(check ? await scanSegment(disk, segment.path, true) : segment);
  }
  return verified;
}

/** The segments that are valid, in a row. */
async function cutTail(
  options: FindOptions,
  scanned: readonly ScannedSegment[],
): Promise<readonly ScannedSegment[]> {
  let expected = scanned[0]?.header?.position ?? 0;
  for (const [index, segment] of scanned.entries()) {
    const { header, path } = segment;
    if (header !== undefined && header.position !== expected) {
      throw damaged(path, 0, `the bytes from position ${expected} to ${header.position} are missing`);
    }
    const whole = header !== undefined && segment.size === segment.fileBytes;
    expected = segment.end;
    if (whole) continue;
    await refuseDamage(options, scanned, index);
    return cutAt(options, scanned, index);
  }
  return scanned;
}

/** Throws unless what is behind the valid part of segment `index` is the tail that a crash has left. */
async function refuseDamage(
  { disk, bootId }: FindOptions,
  scanned: readonly ScannedSegment[],
  index: number,
): Promise<void> {
  const { path, header, size } = scanned[index]!;
  const behind = scanned.slice(index + 1).filter((segment) => segment.header !== undefined);
  const known = header ?? behind[0]?.header ?? scanned[index - 1]?.header;
  const position = header === undefined ? (scanned[index - 1]?.end ?? 0) : scanned[index]!.end;
  const offset = header === undefined ? 0 : size + 1;
  const later = await findRecord(disk, path, offset, { logId: known?.logId, position });
  if (later === undefined && behind.length === 0) return;
  const restarted = known === undefined || known.bootId === '' || known.bootId !== bootId;
  const synced = Math.max(later?.synced ?? 0, ...behind.map((segment) => segment.synced));
  if (restarted && known !== undefined && synced <= position) return;
  const what = header === undefined ? 'the header of the segment is wrong' : 'here should be a valid record';
  throw damaged(path, size, what);
}

async function cutAt(
  { disk, onEvent }: FindOptions,
  scanned: readonly ScannedSegment[],
  index: number,
): Promise<readonly ScannedSegment[]> {
  const { path, size, fileBytes, header } = scanned[index]!;
  const gone = scanned.slice(header === undefined ? index : index + 1);
  const bytes = gone.reduce(
    (sum, segment) => sum + segment.fileBytes,
    header === undefined ? 0 : fileBytes - size,
  );
  try {
    // The last first: a crash in here leaves no hole.
    for (const segment of gone.toReversed()) await disk.remove(segment.path);
    if (header !== undefined) {
      const file = await disk.open(path);
      await file.truncate(size);
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, size, error);
  }
  onEvent({ type: 'tail-cut', path, offset: size, bytes });
  const kept = scanned.slice(0, index);
  return header === undefined ? kept : [...kept, { ...scanned[index]!, fileBytes: size }];
}

/** What the earlier run may not have synced: what is written from now on says that it has been. */
async function syncLast(disk: SpoolDisk, kept: readonly ScannedSegment[]): Promise<void> {
  const synced = Math.max(0, ...kept.map((segment) => segment.synced));
  for (const { path } of kept.filter(({ end }) => end > synced)) {
    try {
      const file = await disk.open(path);
      await file.sync();
      await file.close();
    } catch (error) {
      throw unreadable(path, 0, error);
    }
  }
}

function segmentOf({ path, header, index, end, size }: ScannedSegment): Segment {
  const { number, position, meta } = header!;
  return { path, number, position, meta, index, end, size };
}
