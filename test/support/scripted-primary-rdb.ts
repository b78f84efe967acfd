/** Snapshots and stream bytes made by hand, for primaries that tests script. */
import { crc64 } from '../../scripts/workload/crc64.mjs';

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

export interface HandMadeRdb {
  /** Default 11. */
  readonly version?: number;
  /** Written by what: default `7.2.0`. */
  readonly serverVersion?: string;
  /** The database in force where the stream starts. */
  readonly streamDb?: number;
  /** db → key → value; all are strings below 64 bytes. */
  readonly databases?: Readonly<Record<number, Readonly<Record<string, string>>>>;
  /** Raw bytes in front of the end mark. */
  readonly extra?: Uint8Array;
  /** Flips the lowest bit of the checksum. */
  readonly wrongChecksum?: boolean;
}

/** A string of at most 16,383 bytes. */
function rdbString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = bytes.length < 64 ? [bytes.length] : [0x40 | (bytes.length >> 8), bytes.length & 0xff];
  return Buffer.concat([Buffer.from(length), bytes]);
}

function aux(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0xfa]), rdbString(name), rdbString(value)]);
}

export function handMadeRdb(options: HandMadeRdb = {}): Buffer {
  const { version = 11, serverVersion = '7.2.0', streamDb = 0, databases = {} } = options;
  const parts = [ascii(`REDIS${String(version).padStart(4, '0')}`), aux('redis-ver', serverVersion)];
  if (streamDb !== 0) parts.push(aux('repl-stream-db', String(streamDb)));
  for (const [db, keys] of Object.entries(databases)) {
    parts.push(Buffer.from([0xfe, Number(db)]));
    for (const [key, value] of Object.entries(keys)) {
      parts.push(Buffer.from([0]), rdbString(key), rdbString(value));
    }
  }
  parts.push(Buffer.from(options.extra ?? []), Buffer.from([0xff]));
  const body = Buffer.concat(parts);
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(crc64(body) ^ (options.wrongChecksum === true ? 1n : 0n));
  return Buffer.concat([body, sum]);
}

/** One command as the stream carries it. */
export function command(...args: readonly (string | number | Uint8Array)[]): Buffer {
  const parts = args.flatMap((arg) => {
    const bytes = arg instanceof Uint8Array ? Buffer.from(arg) : Buffer.from(String(arg));
    return [ascii(`$${bytes.length}\r\n`), bytes, ascii('\r\n')];
  });
  return Buffer.concat([ascii(`*${args.length}\r\n`), ...parts]);
}

/** Several commands, one per line, words separated by blanks. */
export function commands(lines: string): Buffer {
  const rows = lines.split('\n').map((line) => line.trim());
  return Buffer.concat(rows.filter((row) => row !== '').map((row) => command(...row.split(/\s+/u))));
}
