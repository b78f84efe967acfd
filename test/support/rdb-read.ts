/** A whole RDB file in memory, for comparisons. */
import { readFileSync } from 'node:fs';
import type { Dialect } from '../../src/rdb/dialect.js';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { formatMagic } from '../../src/rdb/server-support.js';
import { decodeValue, type RdbValue } from '../../src/rdb/value.js';

export interface ReadKey {
  readonly db: number;
  readonly key: string;
  readonly value: RdbValue;
  readonly expiresAtMs: number;
  readonly idleSeconds: number;
  readonly lfuFrequency: number;
}

export interface ReadFile {
  readonly format: string;
  readonly checksum: string;
  readonly aux: Readonly<Record<string, string>>;
  readonly functions: readonly string[];
  readonly hints: readonly string[];
  readonly keys: readonly ReadKey[];
}

/** Text one character per byte. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function readRdbFile(path: string): ReadFile {
  const bytes = new Uint8Array(readFileSync(path));
  let dialect: Dialect = 'redis';
  let [format, checksum] = ['', ''];
  const aux: Record<string, string> = {};
  const [functions, hints, keys]: [string[], string[], ReadKey[]] = [[], [], []];
  const refuse = (): never => {
    throw new Error('a value larger than the limit');
  };
  const decoder = new RdbDecoder(
    {
      begin: (itsDialect, version) => {
        dialect = itsDialect;
        format = formatMagic({ dialect, version });
      },
      aux: (name, value) => void (aux[text(name)] = text(value)),
      selectDb: () => {},
      sizeHint: (count, expiring) => void hints.push(`${count} ${expiring}`),
      functionLibrary: (source) => void functions.push(text(source)),
      moduleAux: () => {},
      entry: (entry) => {
        keys.push({
          db: entry.db,
          key: text(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd)),
          value: decodeValue(entry.type.id, dialect, entry.bytes, entry.valueStart, entry.valueEnd),
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
        checksum = itsChecksum.state;
      },
    },
    { limits: { ...DEFAULT_LIMITS, inlineBytes: 2 ** 30, inlineStreamBytes: 2 ** 30 } },
  );
  if (decoder.feed(bytes, 0, bytes.length) !== bytes.length) throw new Error('bytes behind the end');
  decoder.finish();
  return { format, checksum, aux, functions, hints, keys };
}
