/** A place in a replication history: everything up to and including byte `offset` has been taken. */
export interface Position {
  /** 40 hex digits. */
  readonly replid: string;
  readonly offset: number;
}

/** `<replid>:<offset>`, the one textual form. */
export function formatPosition({ replid, offset }: Position): string {
  return `${replid}:${offset}`;
}

/** The arguments of PSYNC: the offset asked for is the next byte wanted. */
export function psyncArgs(position: Position | undefined): readonly [string, string] {
  return position === undefined ? ['?', '-1'] : [position.replid, String(position.offset + 1)];
}
