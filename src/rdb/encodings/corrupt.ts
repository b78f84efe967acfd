/**
 * What the decoders of packed containers throw. Offsets are positions in the buffer at hand, as in
 * `primitives.ts`; whoever knows where that buffer lies in the file adds its base.
 */
import { ReplicantError } from '../../errors.js';

export function corrupt(message: string, offset: number): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', message, { place: { offset } });
}

/**
 * An error inside a container that was stored compressed: positions in the decompressed bytes mean nothing
 * in the file, so the error is placed at the compressed string and the inner position goes into the text.
 */
export function insideCompressed(error: unknown, offset: number): unknown {
  if (!(error instanceof ReplicantError) || error.place.offset === undefined) return error;
  const message = `${error.message} (at byte ${error.place.offset} of the decompressed container)`;
  return new ReplicantError(error.code, message, {
    place: { ...error.place, offset },
    hint: error.hint,
    cause: error,
  });
}
