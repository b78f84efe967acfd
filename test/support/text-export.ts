/** Exports a snapshot that is in memory to a string, through the same handler and writers as the program. */
import { CsvWriter } from '../../src/export/csv.js';
import { ExportHandler, type ExportCounts } from '../../src/export/export-handler.js';
import type { FormatWriter } from '../../src/export/format-writer.js';
import { JsonWriter } from '../../src/export/json.js';
import { KeysWriter } from '../../src/export/keys.js';
import { NdjsonWriter } from '../../src/export/ndjson.js';
import { type ByteTarget, Output } from '../../src/export/output.js';
import { RespWriter } from '../../src/export/resp.js';
import type { TextFormat } from '../../src/export/text-formats.js';
import type { Selection } from '../../src/export/selection.js';
import { createDbMap } from '../../src/keyspace/db-map.js';
import { createKeyFilter } from '../../src/keyspace/key-filter.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/rdb/limits.js';
import type { ServerIdentity } from '../../src/rdb/server-support.js';
import type { FilterOptions } from '../../src/sync/options.js';
import { NO_FILTER } from './no-filter.js';
import { type Feed, feedIn, FEEDS } from './rdb-feeds.js';

export class MemoryTarget implements ByteTarget {
  readonly slow: boolean;
  readonly chunks: Buffer[] = [];

  constructor(slow = false) {
    this.slow = slow;
  }

  writeSync(bytes: Uint8Array): void {
    this.chunks.push(Buffer.from(bytes));
  }

  async write(bytes: Uint8Array): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.writeSync(bytes);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

export interface TextExport {
  readonly format: TextFormat;
  readonly feed?: Feed;
  readonly limits?: Limits;
  readonly filter?: Partial<FilterOptions>;
  readonly selection?: Selection;
  readonly dbMap?: ReadonlyMap<number, number>;
  readonly meta?: boolean;
  readonly escape?: boolean;
  readonly restore?: boolean;
  readonly server?: ServerIdentity;
}

export interface TextExported {
  readonly bytes: Buffer;
  readonly text: string;
  readonly counts: ExportCounts;
  readonly losses: readonly string[];
}

export function exportText(rdb: Uint8Array, options: TextExport): TextExported {
  const target = new MemoryTarget();
  const out = new Output(target);
  const counts: ExportCounts = { keys: 0, filteredKeys: 0, emptyKeys: 0 };
  const losses: string[] = [];
  const writer = writerOf(out, options, losses);
  const handler = new ExportHandler({
    ...{ writer, out, counts },
    filter: createKeyFilter({ ...NO_FILTER, ...options.filter }),
    selection: options.selection ?? {},
    dbMap: createDbMap(options.dbMap ?? new Map()),
  });
  const decoder = new RdbDecoder(handler, { limits: options.limits ?? DEFAULT_LIMITS });
  try {
    feedIn(options.feed ?? FEEDS[0]!, decoder, rdb);
    decoder.finish();
  } finally {
    handler.close();
  }
  writer.finish();
  out.endSync();
  return { bytes: target.bytes, text: target.bytes.toString('utf8'), counts, losses };
}

function writerOf(out: Output, options: TextExport, losses: string[]): FormatWriter {
  switch (options.format) {
    case 'ndjson':
      return new NdjsonWriter(out, { meta: options.meta ?? false });
    case 'json':
      return new JsonWriter(out);
    case 'csv':
      return new CsvWriter(out);
    case 'keys':
      return new KeysWriter(out, options.escape ?? false);
    default:
      return new RespWriter(out, {
        restore: options.restore ?? false,
        server: options.server,
        onLoss: ({ message }) => losses.push(message),
      });
  }
}

/** One object per line of NDJSON. */
export function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): T => JSON.parse(line));
}
