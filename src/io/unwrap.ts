/** Compressed sources, by their first bytes: what comes out is read as if it had not been compressed. */
import { ReplicantError } from '../errors.js';
import { type ByteSource, PeekedSource } from './byte-source.js';
import { Lz4Source } from './lz4-source.js';
import { SNIFF_BYTES, sniffWrapping, type Wrapping } from './sniff.js';
import { openGunzip, openUnzstd } from './zlib-source.js';

const REFUSED: Readonly<Partial<Record<Wrapping, readonly [what: string, hint: string]>>> = {
  'lz4-legacy': [
    'the legacy format of lz4 (lz4 -l)',
    'it has no checksums; decompress it first: lz4 -dc FILE | replicant … -',
  ],
  xz: ['compressed with xz', 'decompress it first: xz -dc FILE | replicant … -'],
  bzip2: ['compressed with bzip2', 'decompress it first: bzip2 -dc FILE | replicant … -'],
  zip: ['a zip archive', 'unpack it first'],
};

export async function unwrap(source: ByteSource): Promise<ByteSource> {
  const peeked = await PeekedSource.open(source, SNIFF_BYTES);
  const wrapping = sniffWrapping(peeked.head);
  const refused = REFUSED[wrapping];
  if (refused !== undefined) {
    throw new ReplicantError('RDB_UNSUPPORTED', `this is ${refused[0]}`, { hint: refused[1] });
  }
  if (wrapping === 'gzip') return openGunzip(peeked);
  if (wrapping === 'zstd') return openUnzstd(peeked);
  return wrapping === 'lz4' ? new Lz4Source(peeked) : peeked;
}
