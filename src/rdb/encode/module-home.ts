/**
 * Module values that a named server is known not to load. Whether it has some other module can't be seen from its
 * version; vector sets are built into Redis 8.0 and known to nobody else.
 */
import { moduleName } from '../module-name.js';
import { lengthAsBigInt } from '../primitives.js';
import { atLeast, type ServerIdentity } from '../server-support.js';

const VECTOR_SET = 'vectorset';

/** The module type's name; `bytes[start…]` is a value of type 6 or 7, which begins with the module's id. */
export function moduleTypeName(bytes: Uint8Array, start: number): string {
  return moduleName(lengthAsBigInt(bytes, start));
}

/** Why the server can't load values of this module type, as far as that is known. */
export function lacksModule({ family, version }: ServerIdentity, name: string): string | undefined {
  if (name !== VECTOR_SET || (family === 'redis' && atLeast(version, 8))) return undefined;
  return 'vector sets need Redis 8.0';
}
