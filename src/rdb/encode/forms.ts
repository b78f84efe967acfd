/**
 * The form each kind of value is written in: one that every server from the named one on loads. Lists, sets
 * and hashes have had one for ever (types 1, 2, 4); the rest came with time.
 */
import { atLeast, type ServerIdentity } from '../server-support.js';
import type { Dialect } from '../dialect.js';
import type { StreamType } from './stream-encoder.js';

export interface ValueForms {
  /** Scores as text (3), or in binary since Redis 4.0 (5). */
  readonly zset: 3 | 5;
  /** Hashes whose fields have TTLs: Redis 7.4 (24), Valkey 9.0 (22), or not at all. */
  readonly timedHash: 24 | 22 | undefined;
  /** Redis 5.0 (15), 7.0 (19), 7.2 and Valkey (21), 8.6 (26), 8.8 (27), or not at all. */
  readonly stream: StreamType | undefined;
  /** Lists as nodes of ziplists (Redis 3.2). */
  readonly quicklist: boolean;
  /** Value types 22 and up are of this dialect. */
  readonly dialect: Dialect;
}

export function formsOf(server: ServerIdentity): ValueForms {
  const { family, version } = server;
  const redis = (major: number, minor = 0): boolean => family === 'redis' && atLeast(version, major, minor);
  const valkey = family === 'valkey';
  return {
    zset: valkey || redis(4) ? 5 : 3,
    timedHash: redis(7, 4) ? 24 : valkey && atLeast(version, 9) ? 22 : undefined,
    stream: streamForm(server),
    quicklist: valkey || redis(3, 2),
    dialect: valkey && atLeast(version, 9) ? 'valkey' : 'redis',
  };
}

function streamForm({ family, version }: ServerIdentity): ValueForms['stream'] {
  if (family === 'valkey') return 21;
  if (atLeast(version, 8, 8)) return 27;
  if (atLeast(version, 8, 6)) return 26;
  if (atLeast(version, 7, 2)) return 21;
  if (atLeast(version, 7)) return 19;
  return atLeast(version, 5) ? 15 : undefined;
}
