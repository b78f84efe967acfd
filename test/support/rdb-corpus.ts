/** The snapshots in fixtures/corpus, taken apart into raw values, and what their servers said of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Dialect } from '../../src/rdb/dialect.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { Checksum, RdbEntry } from '../../src/rdb/handler.js';
import type { Limits } from '../../src/rdb/limits.js';
import { decodeValue, type RdbValue, ValueBuilder } from '../../src/rdb/value.js';
import { ValueDecoder } from '../../src/rdb/value-decoder.js';
import { type Feed, feedIn } from './rdb-feeds.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/corpus/', import.meta.url));

/** One key of a snapshot; everything is copied. */
export interface CorpusEntry {
  readonly db: number;
  readonly key: Uint8Array;
  readonly type: number;
  readonly dialect: Dialect;
  readonly value: Uint8Array;
  readonly expiresAtMs: number;
  readonly idleSeconds: number;
  readonly lfuFrequency: number;
}

export interface CorpusSnapshot {
  readonly version: number;
  readonly checksum: Checksum;
  readonly entries: readonly CorpusEntry[];
}

/** UTF-8 text, or the base64 of bytes that are not. */
export type Text = string | { readonly base64: string };

interface LineBase {
  readonly db: number;
  readonly key: Text;
  readonly serverEncoding: string;
  readonly expiresAt?: number;
}

interface StringLine extends LineBase {
  readonly type: 'string';
  readonly value: Text;
}

interface ItemsLine extends LineBase {
  readonly type: 'list' | 'set';
  readonly value: readonly Text[];
}

interface ZsetLine extends LineBase {
  readonly type: 'zset';
  readonly value: readonly (readonly [member: Text, score: string])[];
}

interface HashLine extends LineBase {
  readonly type: 'hash';
  readonly value: readonly (readonly [field: Text, value: Text])[];
  readonly fieldExpiresAt?: readonly (readonly [field: Text, expiresAt: number])[];
}

interface GroupLine {
  readonly name: Text;
  readonly lastId: string;
  readonly entriesRead?: number;
}

export interface StreamLine extends LineBase {
  readonly type: 'stream';
  readonly value: readonly { readonly id: string; readonly fields: readonly (readonly [Text, Text])[] }[];
  readonly lastId: string;
  readonly entriesAdded?: number;
  readonly groups: readonly GroupLine[];
}

interface OpaqueLine extends LineBase {
  readonly type: 'vectorset';
  readonly value: null;
}

/** What a server answered for one key. */
export type ExpectedLine = StringLine | ItemsLine | ZsetLine | HashLine | StreamLine | OpaqueLine;

function parseLine(text: string): ExpectedLine {
  const line: ExpectedLine = JSON.parse(text);
  return line;
}

/** Names of all snapshots, without `.rdb`. */
export function corpusNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.rdb'))
    .map((file) => file.slice(0, -4));
}

export function readSnapshotBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${FOLDER}${name}.rdb`));
}

/** One line per key; variants (`-lfu` …) hold the data of their base. */
export function readExpected(name: string): ExpectedLine[] {
  const base = name.replace(/-(?:lfu|lru|plain)$/, '');
  const text = readFileSync(`${FOLDER}${base}.expected.ndjson`, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

function ignore(): void {}

function refuse(): never {
  throw new Error('not in the corpus');
}

export function readSnapshot(name: string): CorpusSnapshot {
  const bytes = readSnapshotBytes(name);
  const entries: CorpusEntry[] = [];
  let dialect: Dialect = 'redis';
  let version = 0;
  let checksum: Checksum | undefined;
  const decoder = new RdbDecoder({
    begin: (itsDialect, itsVersion) => {
      dialect = itsDialect;
      version = itsVersion;
    },
    aux: ignore,
    selectDb: ignore,
    sizeHint: ignore,
    functionLibrary: ignore,
    moduleAux: ignore,
    entry: (entry) => {
      entries.push({
        db: entry.db,
        key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
        type: entry.type.id,
        dialect,
        value: entry.bytes.slice(entry.valueStart, entry.valueEnd),
        expiresAtMs: entry.expiresAtMs,
        idleSeconds: entry.idleSeconds,
        lfuFrequency: entry.lfuFrequency,
      });
      return true;
    },
    largeValue: refuse,
    largeValueEnd: refuse,
    emptyKey: refuse,
    end: (itsChecksum) => {
      checksum = itsChecksum;
    },
  });
  decoder.feed(bytes, 0, bytes.length);
  decoder.finish();
  return { version, checksum: checksum!, entries };
}

/** The same snapshot in pieces, with every larger value handed on element by element. */
export function readInPieces(name: string, feed: Feed, limits: Limits): Map<string, RdbValue> {
  const values = new Map<string, RdbValue>();
  let dialect: Dialect = 'redis';
  let builder = new ValueBuilder();
  const keep = (entry: RdbEntry, value: RdbValue): boolean => {
    values.set(
      `${entry.db} ${Buffer.from(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd)).toString('hex')}`,
      value,
    );
    return true;
  };
  const decoder = new RdbDecoder(
    {
      begin: (itsDialect) => {
        dialect = itsDialect;
      },
      aux: ignore,
      selectDb: ignore,
      sizeHint: ignore,
      functionLibrary: ignore,
      moduleAux: ignore,
      entry: (entry) =>
        keep(entry, decodeValue(entry.type.id, dialect, entry.bytes, entry.valueStart, entry.valueEnd)),
      largeValue: (entry) => {
        builder = new ValueBuilder();
        return new ValueDecoder(entry.type.id, dialect, builder);
      },
      largeValueEnd: (entry) => keep(entry, builder.build(entry.type.kind)),
      emptyKey: refuse,
      end: ignore,
    },
    { limits },
  );
  feedIn(feed, decoder, readSnapshotBytes(name));
  decoder.finish();
  return values;
}
