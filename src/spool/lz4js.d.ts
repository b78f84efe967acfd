/** What the spool needs of lz4js besides what `io` does. */
declare module 'lz4js' {
  /** Returns how many bytes of `into` it wrote from its start on; 0: nothing could be saved. */
  export function compressBlock(
    from: Uint8Array,
    into: Uint8Array,
    fromStart: number,
    fromBytes: number,
    hashTable: Uint32Array,
  ): number;
}
