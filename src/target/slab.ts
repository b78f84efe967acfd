/**
 * Output memory: blocks that are filled with whole commands, given to the socket as they are, and used
 * again when every reply to what is in them has come. A slab also remembers, sparsely, which source offset
 * stands where in it, so that an error reply can be traced to its command without any bookkeeping per
 * command.
 */
export const NO_ORIGIN = -1;

export function nearOrigin(offset: number): number {
  return -2 - offset;
}

export interface Origin {
  /** In the source; -1: none. */
  readonly offset: number;
  /** What stands here was copied from there; otherwise it was made of what stands there or shortly behind. */
  readonly copied: boolean;
}

/** Where what stands at `at` comes from. */
export function originAt({ near, origins }: Slab, at: number): Origin {
  let offset = near;
  let copied = false;
  for (let index = 0; index < origins.length && origins[index]! <= at; index += 2) {
    const origin = origins[index + 1]!;
    copied = origin > NO_ORIGIN;
    if (origin === NO_ORIGIN) offset = -1;
    else offset = copied ? origin + at - origins[index]! : nearOrigin(origin);
  }
  return { offset, copied };
}

export class Slab {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  used = 0;
  /** bytes[0, sent) has been given to the socket; `writing` writes are not confirmed yet. */
  sent = 0;
  writing = 0;
  /** Replies of the connection there will have been once all commands that end in this slab are answered. */
  repliesDue = 0;
  /** Commands that end in this slab. */
  ends = 0;
  /** The first command of this slab is the tail of one that began in an earlier slab. */
  continues = false;
  /** Where that tail ends, once it does. */
  tail = 0;
  /**
   * Pairs: position in this slab, and what begins there: bytes copied from this offset of the source on, which
   * keep their distances; or NO_ORIGIN; or by `nearOrigin` what was made at or shortly behind an offset.
   */
  readonly origins: number[] = [];
  /** Where no origin is known: an offset in the source at or before what this slab begins with; -1: none. */
  near = -1;

  constructor(size: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(size));
    this.view = new DataView(this.bytes.buffer);
  }

  get room(): number {
    return this.bytes.length - this.used;
  }

  reset(): void {
    this.used = 0;
    this.sent = 0;
    this.writing = 0;
    this.repliesDue = 0;
    this.ends = 0;
    this.continues = false;
    this.tail = 0;
    this.origins.length = 0;
    this.near = -1;
  }
}
