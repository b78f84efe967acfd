/**
 * A module's id is its name, nine characters of six bits each, and in the lowest ten bits the version of its
 * encoding.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VERSION_BITS = 10n;
const NAME_LENGTH = 9;

export function moduleName(id: bigint): string {
  let name = '';
  let rest = id >> VERSION_BITS;
  for (let left = NAME_LENGTH; left > 0; left--) {
    name = ALPHABET.charAt(Number(rest & 63n)) + name;
    rest >>= 6n;
  }
  return name;
}

export function moduleVersion(id: bigint): number {
  return Number(id & 1023n);
}
