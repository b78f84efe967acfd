/** The one function of lz4js that is used here. */
declare module 'lz4js' {
  /** Checks nothing; returns the position in `into` behind what it wrote. */
  export function decompressBlock(
    from: Uint8Array,
    into: Uint8Array,
    fromStart: number,
    fromBytes: number,
    intoStart: number,
  ): number;
}
