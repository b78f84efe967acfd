/**
 * A target that takes everything, keeps nothing and says OK: what would be sent is made, counted, and gone. So a
 * dry run goes through the very code that a sync writes with.
 */
import { bytesOf } from '../keyspace/words.js';
import { Pipeline } from '../target/pipeline.js';

const OK = '+OK\r\n';
const REPLIES_AT_ONCE = 1024;
const REPLIES: Uint8Array = bytesOf(OK.repeat(REPLIES_AT_ONCE));

export class NowhereOutput {
  readonly pipeline: Pipeline;
  bytes = 0;
  readonly #left: (() => void)[] = [];

  constructor() {
    this.pipeline = new Pipeline(
      {
        write: (bytes, written) => {
          this.bytes += bytes.length;
          // Not at once: the pipeline is busy with its slabs.
          this.#left.push(written);
        },
      },
      { onError: () => {}, onDrain: () => {} },
    );
  }

  get commands(): number {
    return this.pipeline.commands;
  }

  /** Everything written so far has left and is answered: there is room again. */
  settle(): void {
    const { pipeline } = this;
    pipeline.flush();
    for (const written of this.#left.splice(0)) written();
    for (let due = pipeline.pending; due > 0; due -= REPLIES_AT_ONCE) {
      pipeline.replies(REPLIES, 0, Math.min(due, REPLIES_AT_ONCE) * OK.length);
    }
  }
}
