/**
 * What has to be done to a value of some type so that a named server loads it. What the server takes as it
 * is goes as it is; the rest is decoded and encoded in a form that is old enough:
 *
 *   packed hashes, sets, sorted sets     types 4, 2, 5 or 3: servers pack them again when they load them
 *   18 quicklist of listpacks            14, node by node; below Redis 3.2: type 1
 *   16 … 25 hashes with field TTLs       24 in Redis files, 22 in Valkey files, else 4 without the TTLs
 *   22, 23 of Redis 7.4 candidates       24 always: only the releases' own form is sure to stay
 *   19 … 27 streams                      the newest form the server has; nodes are copied as they are
 */
import type { Dialect } from '../dialect.js';
import { acceptsType, type ServerIdentity } from '../server-support.js';
import { describeType, type ValueType } from '../value-types.js';
import { formsOf } from './forms.js';
import type { StreamType } from './stream-encoder.js';

export type Route =
  | { readonly via: 'same' }
  /** Element by element. `type` is what a value too large to be looked at first becomes. */
  | { readonly via: 'elements'; readonly type: number }
  | { readonly via: 'nodes'; readonly type: 14 }
  | { readonly via: 'stream'; readonly type: StreamType }
  | { readonly via: 'nothing'; readonly why: string };

const PRE_GA = new Set(['HASH_METADATA_PRE_GA', 'HASH_LISTPACK_EX_PRE_GA']);
const QUICKLIST_2 = 'LIST_QUICKLIST_2';

export function planConversion(type: ValueType, dialect: Dialect, server: ServerIdentity): Route {
  const preGa = PRE_GA.has(type.name);
  if (!preGa && acceptsType(server, type.id, dialect)) return { via: 'same' };
  const forms = formsOf(server);
  switch (type.kind) {
    case 'list':
      return type.name === QUICKLIST_2 && forms.quicklist
        ? { via: 'nodes', type: 14 }
        : { via: 'elements', type: 1 };
    case 'set':
      return { via: 'elements', type: 2 };
    case 'zset':
      return { via: 'elements', type: forms.zset };
    case 'hash':
      return { via: 'elements', type: hasTimes(type) ? (forms.timedHash ?? 4) : 4 };
    case 'stream':
      return forms.stream === undefined
        ? { via: 'nothing', why: 'streams need Redis 5.0' }
        : { via: 'stream', type: forms.stream };
    default:
      return { via: 'nothing', why: `it has no place for ${describeType(type.id, dialect)}` };
  }
}

/** All the layouts whose fields can have a TTL; the packed ones are never converted piecewise. */
function hasTimes({ name }: ValueType): boolean {
  return name === 'HASH_METADATA' || name === 'HASH_2' || PRE_GA.has(name) || name === 'HASH_LISTPACK_EX';
}
