/** The bytes of one source on their way to a parser: a window, and how it is filled and kept in bounds. */
import { ByteWindow } from '../bytes/window.js';
import type { ByteSource } from './byte-source.js';

/** One read of a file: large enough for the calls not to count, small enough to stay in cache. */
const READ_BYTES = 1024 * 1024;

export class Feed {
  readonly source: ByteSource;
  readonly window: ByteWindow;
  /** Offset in the (uncompressed) source of the first byte in the window. */
  offset = 0;
  ended = false;

  constructor(source: ByteSource, home: Uint8Array) {
    this.source = source;
    this.window = new ByteWindow(home);
  }

  /** Reads more; false at the end. The window grows only when it is full of one record. */
  async fill(): Promise<boolean> {
    const { window } = this;
    // Twice the size, whatever a record claims to need: memory follows the bytes that really come.
    if (window.full) window.require(window.bytes.length * 2);
    const room = window.room();
    const count = await this.source.read(room.length > READ_BYTES ? room.subarray(0, READ_BYTES) : room);
    if (count === 0) this.ended = true;
    else window.commit(count, room);
    return count > 0;
  }

  /** Everything before `position` of the window is done with. */
  take(position: number): void {
    this.offset += position - this.window.start;
    this.window.take(position);
  }
}
