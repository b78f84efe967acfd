/** What the parts of the file decoder share: whom to tell, what is allowed, and the key being put together. */
import type { Dialect } from './dialect.js';
import type { RdbEntry, RdbHandler } from './handler.js';
import type { Limits } from './limits.js';
import { Header } from './primitives.js';
import { stringBytes } from './string-bytes.js';
import { valueTypes, type ValueType } from './value-types.js';

const NO_BYTES = new Uint8Array(0);

/** The one entry of a decoder, filled anew for each key. */
export class EntryState implements RdbEntry {
  db = 0;
  type: ValueType = valueTypes('redis')[0]!;
  keyBytes: Uint8Array = NO_BYTES;
  keyStart = 0;
  keyEnd = 0;
  bytes: Uint8Array = NO_BYTES;
  valueStart = 0;
  valueEnd = 0;
  expiresAtMs = -1;
  expiresAtText: string | undefined = undefined;
  idleSeconds = -1;
  lfuFrequency = -1;
  keyMeta: Uint8Array | undefined = undefined;
  offset = 0;

  /** Decorations belong to one key only. */
  undecorate(): void {
    this.expiresAtMs = -1;
    this.expiresAtText = undefined;
    this.idleSeconds = -1;
    this.lfuFrequency = -1;
    this.keyMeta = undefined;
  }

  /** Makes the key independent of the window it was read from. */
  keepKey(): void {
    this.keyBytes = this.keyBytes.slice(this.keyStart, this.keyEnd);
    this.keyStart = 0;
    this.keyEnd = this.keyBytes.length;
  }
}

export class DecoderContext {
  readonly handler: RdbHandler;
  readonly limits: Limits;
  readonly header: Header = new Header();
  readonly entry: EntryState = new EntryState();
  dialect: Dialect = 'redis';
  /** The handler asked for a pause. */
  pause = false;
  /** Bytes in one piece that the record being waited for needs, at least; 0 when not known. */
  needed = 0;
  /** Takes the error of a str that can't be decoded and is left out; undefined: such an error is thrown. */
  onLost: ((error: unknown) => void) | undefined;

  constructor(handler: RdbHandler, limits: Limits) {
    this.handler = handler;
    this.limits = limits;
  }

  /** The bytes of the str in `header`; undefined when it is damaged and that has been told. */
  text(bytes: Uint8Array): Uint8Array | undefined {
    try {
      return stringBytes(this.header, bytes);
    } catch (error) {
      if (this.onLost === undefined) throw error;
      this.onLost(error);
      return undefined;
    }
  }
}
