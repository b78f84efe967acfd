/**
 * The limits that keep memory bounded whatever the input claims. They are checked before anything is
 * allocated. The servers' own limits are below all of them (512 MB strings, 1 GB packed containers).
 */
export interface Limits {
  /** The longest string that must be held whole: an element of a collection, a key, a packed container. */
  readonly maxElementBytes: number;
  /** The largest value that can only be taken whole: a stream's groups, a module value. */
  readonly maxOpaqueBytes: number;
  /** Values larger than this are handed on element by element instead of whole. */
  readonly inlineBytes: number;
  /** The same for streams: kept whole longer, since commands can't set consumers' seen and active times. */
  readonly inlineStreamBytes: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: Limits = {
  maxElementBytes: 1024 * MIB,
  maxOpaqueBytes: 512 * MIB,
  inlineBytes: 2 * MIB,
  inlineStreamBytes: 32 * MIB,
};
