/** Tells by its first bytes what a file is. */

export type Wrapping = 'none' | 'gzip' | 'zstd' | 'lz4' | 'lz4-legacy' | 'xz' | 'bzip2' | 'zip';
export type Content = 'rdb' | 'commands' | 'ndjson' | 'empty' | 'unknown';

/** So many bytes are enough to tell. */
export const SNIFF_BYTES = 16;
/** The AUX fields that say what follows an RDB are among these. */
export const HEAD_BYTES = 512;

const WRAPPINGS: readonly (readonly [wrapping: Wrapping, magic: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lz4-legacy', [0x02, 0x21, 0x4c, 0x18]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
];

const SKIPPABLE_HEAD = 8;

/** `?x 2a 4d 18` with ? = 5: a frame to be skipped, of lz4 as well as zstd. */
export function isSkippableFrame(head: Uint8Array): boolean {
  return head.length >= 4 && head[0]! >> 4 === 5 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
}

export function sniffWrapping(head: Uint8Array): Wrapping {
  if (isSkippableFrame(head)) return sniffBehind(head);
  return WRAPPINGS.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? 'none';
}

/** What follows the frame to be skipped says of which kind it is, if that is in sight: `pzstd` writes such. */
function sniffBehind(head: Uint8Array): Wrapping {
  if (head.length < SKIPPABLE_HEAD) return 'lz4';
  const size = head[4]! + head[5]! * 0x100 + head[6]! * 0x10000 + head[7]! * 0x1000000;
  const next = head.subarray(SKIPPABLE_HEAD + size);
  return next.length >= 4 && sniffWrapping(next) === 'zstd' ? 'zstd' : 'lz4';
}

export function sniffContent(head: Uint8Array): Content {
  if (head.length === 0) return 'empty';
  const text = String.fromCharCode(...head);
  // Too short to be told apart still reads as what it begins like; the decoder says how it ends.
  if ('REDIS'.startsWith(text.slice(0, 5)) || 'VALKEY'.startsWith(text.slice(0, 6))) return 'rdb';
  if (text.startsWith('VCS')) return 'rdb';
  if (text.startsWith('*') || text.startsWith('#')) return 'commands';
  return /^\s*\{/u.test(text) ? 'ndjson' : 'unknown';
}
