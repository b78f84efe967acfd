/**
 * One line of NDJSON, in pieces: members up to `value`, then the value element by element, then the rest. A
 * line need not be here whole, so a value of any size passes through; only one element must fit.
 *
 *   {"db":0,"key":K,"type":"hash", …,"value":[[f,v], …],"fieldExpiresAt":[[f,ms], …],"serializedBytes":n}
 */
import { ReplicantError } from '../errors.js';
import { CUT, type Json, JsonReader } from './json-tree.js';
import { bad } from './line-values.js';

export interface LineSink {
  /** What stood before `value`. Says how the value is to be told. May be asked again when bytes were missing. */
  head(members: ReadonlyMap<string, Json>): 'elements' | 'stream' | 'whole';
  /** Of an `elements` value; of a `stream` its entries. */
  element(value: Json): void;
  /** What stood in a stream's value beside its entries; of a `whole` value all of it. */
  value(value: Json): void;
  /** One of `[[field,ms]…]`, which may be many. */
  fieldExpiry(value: Json): void;
  /** The line is complete; `members` are all but those told otherwise. */
  line(members: ReadonlyMap<string, Json>): void;
}

type State = 'start' | 'member' | 'elements' | 'stream' | 'entries' | 'expiries' | 'end';

const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const COMMA = 44;

export class LineParser {
  readonly #sink: LineSink;
  readonly #reader = new JsonReader();
  #state: State = 'start';
  /** Nothing stands before the next member or element of what is open. */
  #first = true;
  #members = new Map<string, Json>();
  #streamMembers = new Map<string, Json>();
  #valueSeen = false;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** The line that was begun is forgotten. */
  reset(): void {
    this.#state = 'start';
    this.#first = true;
    this.#members = new Map();
    this.#streamMembers = new Map();
    this.#valueSeen = false;
  }

  /** What is known of the line so far, for errors. */
  get members(): ReadonlyMap<string, Json> {
    return this.#members;
  }

  /** Takes the pieces that are whole and returns the position behind them. `last`: the line ends at `end`. */
  feed(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    const reader = this.#reader;
    reader.bytes = bytes;
    reader.at = start;
    reader.end = end;
    let done = start;
    try {
      while (this.#state !== 'end') {
        this.#step();
        done = reader.at;
      }
    } catch (error) {
      if (error !== CUT) throw error;
      if (last) throw new ReplicantError('RDB_TRUNCATED', 'the line ends in the middle');
      return done;
    }
    for (let at = done; at < end; at++) {
      if (bytes[at]! > 32) throw bad('something stands behind the end of the line');
    }
    if (last) this.#finish();
    return end;
  }

  #finish(): void {
    this.#sink.line(this.#members);
    this.reset();
  }

  /** One piece. State changes come last, so that a cut piece can be begun anew. */
  #step(): void {
    switch (this.#state) {
      case 'start':
        this.#reader.expect(OPEN_OBJECT);
        this.#enter('member');
        return;
      case 'member':
        this.#member();
        return;
      case 'stream':
        this.#streamMember();
        return;
      default:
        this.#element(this.#state);
    }
  }

  #enter(state: State): void {
    this.#state = state;
    this.#first = true;
  }

  /** Goes back to the members of what encloses. */
  #leave(state: State): void {
    this.#state = state;
    this.#first = false;
  }

  /** True at the closing mark; otherwise stands before the next item. */
  #closed(mark: number): boolean {
    if (this.#reader.skip(mark)) return true;
    if (!this.#first) this.#reader.expect(COMMA);
    return false;
  }

  #member(): void {
    const reader = this.#reader;
    if (this.#closed(CLOSE_OBJECT)) {
      this.#state = 'end';
      return;
    }
    const name = reader.name();
    if (name === 'value' && !this.#valueSeen) {
      this.#value();
      return;
    }
    if (name === 'fieldExpiresAt') {
      reader.expect(OPEN_LIST);
      this.#enter('expiries');
      return;
    }
    const value = reader.value();
    this.#members.set(name, value);
    this.#first = false;
  }

  #value(): void {
    const reader = this.#reader;
    const mark = reader.peek();
    if (mark !== OPEN_LIST && mark !== OPEN_OBJECT) {
      const value = reader.value();
      this.#valueSeen = true;
      this.#sink.head(this.#members);
      this.#sink.value(value);
      this.#first = false;
      return;
    }
    const how = this.#sink.head(this.#members);
    if (how === 'elements') {
      reader.expect(OPEN_LIST);
      this.#enter('elements');
    } else if (how === 'stream') {
      reader.expect(OPEN_OBJECT);
      this.#enter('stream');
    } else {
      this.#sink.value(reader.value());
      this.#first = false;
    }
    this.#valueSeen = true;
  }

  #element(state: 'elements' | 'entries' | 'expiries' | 'end'): void {
    const reader = this.#reader;
    if (this.#closed(CLOSE_LIST)) {
      this.#leave(state === 'entries' ? 'stream' : 'member');
      return;
    }
    const value = reader.value();
    if (state === 'expiries') this.#sink.fieldExpiry(value);
    else this.#sink.element(value);
    this.#first = false;
  }

  #streamMember(): void {
    const reader = this.#reader;
    if (this.#closed(CLOSE_OBJECT)) {
      this.#sink.value(this.#streamMembers);
      this.#leave('member');
      return;
    }
    const name = reader.name();
    if (name === 'entries') {
      reader.expect(OPEN_LIST);
      this.#enter('entries');
      return;
    }
    const value = reader.value();
    this.#streamMembers.set(name, value);
    this.#first = false;
  }
}
