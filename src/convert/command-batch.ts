/**
 * Gathers elements into commands of bounded size: `prefix… element… suffix…`. An element (a member, a field
 * with its value, an id) is never split, so a single one may exceed the limits.
 */

export type Emit = (args: Uint8Array[]) => void;

export interface BatchLimits {
  /** Arguments in one command, its name and key included. */
  readonly maxArgs: number;
  /** Bytes of all arguments in one command. */
  readonly maxBytes: number;
}

export const DEFAULT_BATCH_LIMITS: BatchLimits = { maxArgs: 512, maxBytes: 65536 };

export class CommandBatch {
  readonly #emit: Emit;
  readonly #limits: BatchLimits;
  #prefix: readonly Uint8Array[] = [];
  #suffix: readonly Uint8Array[] = [];
  #frameBytes = 0;
  #elements: Uint8Array[] = [];
  #bytes = 0;

  constructor(emit: Emit, limits: BatchLimits) {
    this.#emit = emit;
    this.#limits = limits;
  }

  /** Sends what is gathered and starts another command. */
  begin(prefix: readonly Uint8Array[], suffix: readonly Uint8Array[] = []): void {
    this.flush();
    this.#prefix = prefix;
    this.#suffix = suffix;
    this.#frameBytes = totalBytes(prefix) + totalBytes(suffix);
    this.#bytes = this.#frameBytes;
  }

  /** Would one more element of this size go into the next command? */
  isFullFor(argCount: number, bytes: number): boolean {
    const { maxArgs, maxBytes } = this.#limits;
    const args = this.#prefix.length + this.#suffix.length + this.#elements.length;
    return this.#elements.length > 0 && (args + argCount > maxArgs || this.#bytes + bytes > maxBytes);
  }

  /** The arrays are kept until the command is sent: pass copies. */
  add(first: Uint8Array, second?: Uint8Array): void {
    const bytes = first.length + (second?.length ?? 0);
    if (this.isFullFor(second === undefined ? 1 : 2, bytes)) this.flush();
    this.#elements.push(first);
    if (second !== undefined) this.#elements.push(second);
    this.#bytes += bytes;
  }

  flush(): void {
    if (this.#elements.length === 0) return;
    const args = [...this.#prefix, ...this.#elements, ...this.#suffix];
    this.#elements = [];
    this.#bytes = this.#frameBytes;
    this.#emit(args);
  }
}

function totalBytes(args: readonly Uint8Array[]): number {
  let total = 0;
  for (const arg of args) total += arg.length;
  return total;
}

/** A plain copy, also of a subclass of Uint8Array whose own `slice` would share the memory. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
