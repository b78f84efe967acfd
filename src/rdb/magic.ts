/** The first nine bytes: `REDIS` + 4 digits or `VALKEY` + 3 digits. */
import { ReplicantError } from '../errors.js';
import type { Dialect } from './dialect.js';

const MAGIC_BYTES = 9;

export interface Magic {
  readonly dialect: Dialect;
  readonly version: number;
  readonly bytes: number;
}

/** The first version Valkey numbers on its own; below it Valkey writes the REDIS magic. */
const VALKEY_FIRST = 80;

/** undefined: more bytes are needed. */
export function parseMagic(bytes: Uint8Array, at: number, end: number): Magic | undefined {
  const head = String.fromCharCode(...bytes.subarray(at, Math.min(end, at + MAGIC_BYTES)));
  if (head.startsWith('VCS')) {
    throw new ReplicantError(
      'RDB_UNSUPPORTED',
      'this is a compressed snapshot of Valkey 9.2 (VCS envelope)',
      {
        place: { offset: at },
        hint: 'set rdbcompression to yes or no, not lz4 or zstd, on the server that writes it',
      },
    );
  }
  if (!'REDIS'.startsWith(head.slice(0, 5)) && !'VALKEY'.startsWith(head.slice(0, 6))) {
    throw new ReplicantError('RDB_CORRUPT', `not an RDB: it starts with ${JSON.stringify(head)}`, {
      place: { offset: at },
    });
  }
  if (head.length < MAGIC_BYTES) return undefined;
  const match = /^(REDIS|VALKEY)(\d+)$/.exec(head);
  const version = Number(match?.[2] ?? 0);
  const dialect = match?.[1] === 'VALKEY' ? 'valkey' : 'redis';
  if (version < 1 || version >= VALKEY_FIRST !== (dialect === 'valkey')) {
    throw new ReplicantError('RDB_CORRUPT', `RDB version ${JSON.stringify(head)} does not exist`, {
      place: { offset: at },
    });
  }
  return { dialect, version, bytes: MAGIC_BYTES };
}
