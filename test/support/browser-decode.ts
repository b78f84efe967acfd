/**
 * A snapshot decoded to its last element, as text: bundled for the browser by the test, and called in Node as
 * it is, so that the two answers can be compared.
 */
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { Dialect } from '../../src/rdb/dialect.js';
import type { RdbEntry } from '../../src/rdb/handler.js';
import { ValueSkipper } from '../../src/rdb/skip-value.js';
import { readStructure } from '../../src/rdb/value-structure.js';
import { decodeValue } from '../../src/rdb/value.js';

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'number' ? String(value) : value;
}

/** One line per record. */
export function describeSnapshot(bytes: Uint8Array): string {
  const lines: string[] = [];
  let dialect: Dialect = 'redis';
  const note = (...parts: readonly unknown[]): void => void lines.push(JSON.stringify(parts, plain));
  const entry = (it: RdbEntry): boolean => {
    const { type, bytes: window, valueStart, valueEnd } = it;
    const value = decodeValue(type.id, dialect, window, valueStart, valueEnd);
    const { encoding, elements } = readStructure(type.id, dialect, window, valueStart, valueEnd);
    note(it.db, it.keyBytes.slice(it.keyStart, it.keyEnd), it.expiresAtMs, encoding, elements, value);
    return true;
  };
  const decoder = new RdbDecoder({
    begin: (itsDialect, version) => {
      dialect = itsDialect;
      note(dialect, version);
    },
    aux: (name, value) => note('aux', name, value),
    selectDb: (db) => note('db', db),
    sizeHint: (keys, withExpiry) => note('size', keys, withExpiry),
    functionLibrary: (source) => note('function', source),
    moduleAux: (payload) => note('module', payload),
    entry,
    largeValue: ({ type }) => new ValueSkipper(type),
    largeValueEnd: () => true,
    emptyKey: () => note('empty'),
    end: (checksum) => note('end', checksum),
  });
  decoder.feed(bytes, 0, bytes.length);
  decoder.finish();
  return lines.join('\n');
}
