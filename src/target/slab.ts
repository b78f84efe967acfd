/**
 * Output memory: blocks that are filled with whole commands, given to the socket as they are, and used
 * again when every reply to what is in them has come. A slab also remembers, sparsely, which source offset
 * stands where in it, so that an error reply can be traced to its command without any bookkeeping per
 * command.
 */
export class Slab {
  readonly bytes: Uint8Array;
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
  /** Pairs: position in this slab, offset in the source there. */
  readonly origins: number[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(size));
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
    this.origins.length = 0;
  }
}
