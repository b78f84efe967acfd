/**
 * A consumer group of a stream of type 27 on its way into an older type: which of its pending entries have no
 * owner, and must go, stands behind everything else.
 */
import { ReplicantError } from '../../errors.js';
import { keyOf } from '../decode/group-builder.js';
import { ID_BYTES } from '../encodings/stream-id.js';
import type { Limits } from '../limits.js';
import { ByteWriter } from './byte-writer.js';

export class HeldGroup {
  readonly #pending = new Map<string, Uint8Array>();
  readonly #tail = new ByteWriter();
  #bytes = 0;

  /** Returns where what follows the pending list is to be written. */
  begin(): ByteWriter {
    this.#pending.clear();
    this.#tail.clear();
    this.#bytes = 0;
    return this.#tail;
  }

  /** An entry: id, time, delivery count. */
  add(entry: Uint8Array, limits: Limits): void {
    this.#bytes += entry.length;
    if (this.#bytes > limits.maxOpaqueBytes) {
      throw new ReplicantError('RDB_LIMIT', `a stream group of more than ${limits.maxOpaqueBytes} bytes`);
    }
    this.#pending.set(keyOf(entry, 0, ID_BYTES), entry.slice());
  }

  drop(id: Uint8Array): void {
    this.#pending.delete(keyOf(id, 0, ID_BYTES));
  }

  release(out: ByteWriter): void {
    out.len(this.#pending.size);
    for (const entry of this.#pending.values()) out.raw(entry);
    out.raw(this.#tail.view());
  }
}
