/**
 * Keys: type byte, key, value. The value is found whole, waited for, or, when it is too large to be held,
 * opened to be handed on in pieces.
 */
import { ReplicantError } from '../errors.js';
import type { DecoderContext } from './decoder-context.js';
import { isEmptyValue } from './empty-value.js';
import type { ValueSink } from './handler.js';
import { INCOMPLETE, readString, STR_PLAIN } from './primitives.js';
import { ValueSkipper } from './skip-value.js';
import { describeType, valueTypes, type ValueType } from './value-types.js';

const NO_BYTES = new Uint8Array(0);

export class KeyReader {
  readonly #context: DecoderContext;
  readonly #types: readonly (ValueType | undefined)[];
  #skipper: ValueSkipper | undefined;
  /** The skipper holds the state of the value that is being waited for. */
  #waiting = false;
  #large: ValueSink | undefined;
  /** The handler is being told of a key: an error of its own making is about that key. */
  #telling = false;
  /** File offset of the type byte of the latest key whose name could not be decoded. */
  #lostOffset = -1;

  constructor(context: DecoderContext) {
    this.#context = context;
    this.#types = valueTypes(context.dialect);
  }

  /** A large value has been opened and is not complete: `feedLarge` goes on. */
  get open(): boolean {
    return this.#large !== undefined;
  }

  /** Between the type byte and the end of the value, and while the handler looks at it. */
  get inside(): boolean {
    return this.#waiting || this.#large !== undefined || this.#telling;
  }

  /** The key whose type byte stands at `at`, file offset `offset`; returns the position behind it. */
  read(bytes: Uint8Array, at: number, end: number, offset: number): number {
    const { entry, header } = this.#context;
    const type = this.#types[bytes[at]!];
    if (type === undefined) throw this.#unknownType(bytes[at]!, at);
    const keyAt = readString(header, bytes, at + 1, end);
    if (keyAt === INCOMPLETE) return INCOMPLETE;
    const valueStart = keyAt + header.fileBytes;
    if (valueStart >= end) return this.#waitForKey(at, valueStart);
    if (header.form === STR_PLAIN) {
      entry.keyBytes = bytes;
      entry.keyStart = keyAt;
      entry.keyEnd = valueStart;
    } else {
      this.#decodeKey(bytes, offset);
    }
    entry.type = type;
    entry.bytes = bytes;
    entry.valueStart = valueStart;
    entry.offset = offset;
    const valueEnd = this.#valueEnd(type, bytes, valueStart, end);
    if (valueEnd === INCOMPLETE) return this.#waitForValue(at, valueStart, end);
    entry.valueEnd = valueEnd;
    this.#emit();
    return valueEnd;
  }

  /** Hands on what there is of a large value. */
  feedLarge(bytes: Uint8Array, at: number, end: number): number {
    const { handler, entry, limits } = this.#context;
    const sink = this.#large!;
    const next = sink.feed(bytes, at, end);
    if (sink.done) {
      this.#large = undefined;
      if (entry.offset !== this.#lostOffset && !handler.largeValueEnd(entry)) this.#context.pause = true;
      entry.undecorate();
    } else if (next === at && end - at > limits.maxElementBytes) {
      throw new ReplicantError('RDB_LIMIT', 'an element larger than can be held', { place: { offset: at } });
    } else {
      this.#context.needed = sink.needBytes ?? 0;
    }
    return next;
  }

  /** Most values are one str: those need no skipper. */
  #valueEnd(type: ValueType, bytes: Uint8Array, at: number, end: number): number {
    if (!this.#waiting && (type.opening === 'str' || type.opening === 'packed')) {
      const { header } = this.#context;
      const next = readString(header, bytes, at, end);
      if (next !== INCOMPLETE && next + header.fileBytes <= end) return next + header.fileBytes;
    }
    const skipper = (this.#skipper ??= new ValueSkipper(type));
    if (!this.#waiting) skipper.reset(type);
    const valueEnd = skipper.find(bytes, at, end);
    this.#waiting = valueEnd === INCOMPLETE;
    return valueEnd;
  }

  #emit(): void {
    const { entry, handler } = this.#context;
    if (entry.offset !== this.#lostOffset) {
      this.#telling = true;
      if (isEmptyValue(entry.type, entry.bytes, entry.valueStart, entry.valueEnd)) handler.emptyKey(entry);
      else if (!handler.entry(entry)) this.#context.pause = true;
      this.#telling = false;
    }
    entry.undecorate();
  }

  /** A key that is not plain. One that can't be decoded is told once, though it may be read again. */
  #decodeKey(bytes: Uint8Array, offset: number): void {
    const { entry } = this.#context;
    if (offset !== this.#lostOffset) {
      const key = this.#context.text(bytes);
      if (key === undefined) this.#lostOffset = offset;
      entry.keyBytes = key ?? NO_BYTES;
    }
    entry.keyStart = 0;
    entry.keyEnd = entry.keyBytes.length;
  }

  #waitForKey(at: number, valueStart: number): number {
    const { header, limits } = this.#context;
    if (Math.max(valueStart - at, header.textBytes) > limits.maxElementBytes) {
      throw new ReplicantError('RDB_LIMIT', `a key of ${header.textBytes} bytes`, { place: { offset: at } });
    }
    this.#context.needed = valueStart - at + 1;
    return INCOMPLETE;
  }

  /** The value is not here yet: wait for it, or start handing it on in pieces. */
  #waitForValue(at: number, valueStart: number, end: number): number {
    const { entry, limits } = this.#context;
    const { kind, opening } = entry.type;
    const reached = valueStart - at + this.#skipper!.reached;
    const size = Math.max(reached, end - at);
    if (kind === 'module' || kind === 'array') {
      checkWhole(size, limits.maxOpaqueBytes, at);
    } else if (opening === 'packed' || opening === 'time+packed') {
      checkWhole(size, limits.maxElementBytes, at);
    } else if (size > (kind === 'stream' ? limits.inlineStreamBytes : limits.inlineBytes)) {
      return this.#openLarge(valueStart);
    }
    this.#context.needed = reached + 1;
    return INCOMPLETE;
  }

  #openLarge(valueStart: number): number {
    const { entry, handler } = this.#context;
    this.#waiting = false;
    entry.keepKey();
    const lost = entry.offset === this.#lostOffset;
    this.#large = lost ? new ValueSkipper(entry.type) : handler.largeValue(entry);
    return valueStart;
  }

  #unknownType(id: number, at: number): ReplicantError {
    const { dialect, entry } = this.#context;
    return new ReplicantError('RDB_UNSUPPORTED', `can't read ${describeType(id, dialect)}`, {
      place: { offset: at, db: entry.db },
      hint: 'the length of such a value is not known, so the rest of the snapshot cannot be read',
    });
  }
}

function checkWhole(size: number, most: number, at: number): void {
  if (size <= most) return;
  throw new ReplicantError('RDB_LIMIT', `a value of more than ${most} bytes that must be held whole`, {
    place: { offset: at },
  });
}
