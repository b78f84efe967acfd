/** NDJSON on its way to the target: lines in a window, each taken as soon as it is here, in pieces if long. */
import { ReplicantError } from '../errors.js';
import type { Feed } from '../io/feed.js';
import { bytesOf } from '../keyspace/words.js';
import type { RdbEntry } from '../rdb/handler.js';
import type { SnapshotWriter } from '../sync/snapshot-writer.js';
import { type EntryTaker, type LargeTaker, LineEntry } from './line-entry.js';
import { LineParser } from './line-parser.js';
import type { LoadContext } from './load-context.js';

const NEWLINE = 10;
/** A line longer than this is taken in pieces. */
const LONG_LINE_BYTES = 1024 * 1024;

export interface LineOptions {
  readonly onError: 'stop' | 'skip';
}

export class LineLoader {
  readonly #feed: Feed;
  readonly #writer: SnapshotWriter;
  readonly #c: LoadContext;
  readonly #o: LineOptions;
  readonly #entry: LineEntry;
  readonly #parser: LineParser;
  /** Number of the line that begins at, or lies over, the window's start. */
  #line = 1;
  #begun = false;
  /** The rest of this line is not wanted. */
  #skipping = false;
  /** With fewer bytes than this, trying again is of no use. */
  #enough = 0;

  constructor(feed: Feed, writer: SnapshotWriter, context: LoadContext, options: LineOptions) {
    this.#feed = feed;
    this.#writer = writer;
    this.#c = context;
    this.#o = options;
    this.#entry = new LineEntry(takerOf(writer, context), context.capabilities);
    this.#parser = new LineParser(this.#entry);
  }

  async run(): Promise<void> {
    this.#writer.begin(this.#entry.dialect, 0);
    for (let more = true; more;) {
      this.#c.signal.throwIfAborted();
      more = await this.#feed.fill();
      while (this.#batch(!more)) await this.#drain();
      await this.#drain();
    }
  }

  async #drain(): Promise<void> {
    this.#c.target.pipeline.flush();
    const wait = this.#c.target.drain();
    if (wait !== undefined) await wait;
  }

  /** Takes lines until none is left whole; true when it stopped only because the target is busy. */
  #batch(ended: boolean): boolean {
    const { window } = this.#feed;
    this.#writer.tick(Date.now());
    while (window.length > 0) {
      const stop = window.bytes.subarray(window.start, window.end).indexOf(NEWLINE);
      if (stop < 0 && !ended) {
        this.#part();
        return false;
      }
      const end = stop < 0 ? window.end : window.start + stop;
      this.#take(end, true);
      this.#feed.take(stop < 0 ? end : end + 1);
      this.#line++;
      this.#begun = false;
      this.#skipping = false;
      this.#enough = 0;
      if (this.#c.target.pipeline.blocked) return true;
    }
    if (ended && this.#begun) this.#fail(new ReplicantError('RDB_TRUNCATED', 'the file ends inside a line'));
    return false;
  }

  /** A line whose end is not here: its pieces, once there are many. */
  #part(): void {
    const { window } = this.#feed;
    if (window.length < Math.max(LONG_LINE_BYTES, this.#enough)) return;
    const before = window.start;
    this.#take(window.end, false);
    // One piece that fills the window: looked at again when there is twice as much of it.
    this.#enough = window.start === before ? 2 * window.length : 0;
  }

  #take(end: number, last: boolean): void {
    const { window } = this.#feed;
    if (this.#skipping) {
      this.#feed.take(end);
      return;
    }
    if (!this.#begun) {
      if (isBlank(window.bytes, window.start, end)) return;
      this.#begun = true;
      this.#entry.begin(this.#line);
      this.#parser.reset();
    }
    try {
      this.#feed.take(this.#parser.feed(window.bytes, window.start, end, last));
    } catch (error) {
      this.#fail(error);
      this.#skipping = true;
      this.#feed.take(end);
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof ReplicantError)) throw error;
    const known = this.#entry.place(this.#parser.members);
    const place = { ...known, ...error.place, at: `${this.#feed.source.label}, line ${this.#line}` };
    const { offset: _, ...rest } = place;
    const placed = new ReplicantError(error.code, error.message, {
      place: rest,
      hint: error.hint,
      cause: error,
    });
    if (this.#o.onError === 'stop' || !error.code.startsWith('RDB_')) throw placed;
    const { key = 'line', db = -1 } = rest;
    this.#c.skip({
      what: 'key',
      name: key,
      db,
      offset: this.#line,
      why: `${error.message} (line ${this.#line})`,
    });
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! > 32) return false;
  return true;
}

function takerOf(writer: SnapshotWriter, context: LoadContext): EntryTaker {
  let selected = -1;
  const select = ({ db }: RdbEntry): void => {
    if (db !== selected) writer.selectDb(db);
    selected = db;
  };
  return {
    entry(entry) {
      select(entry);
      writer.entry(entry);
    },
    large(entry) {
      select(entry);
      const commands = writer.largeCommands(entry);
      return commands === undefined ? undefined : new LargeValue(entry, commands, writer, context);
    },
    functionLibrary: (source) => writer.functionLibrary(source),
    lost: (error) => context.onUnsupported(error),
  };
}

const HPEXPIREAT = bytesOf('HPEXPIREAT');
const FIELDS = bytesOf('FIELDS');
const FIELDS_AT_ONCE = 128;

type Commands = NonNullable<ReturnType<SnapshotWriter['largeCommands']>>;

class LargeValue implements LargeTaker {
  readonly visitor: Commands;
  readonly #entry: RdbEntry;
  readonly #writer: SnapshotWriter;
  readonly #c: LoadContext;
  readonly #key: Uint8Array;
  #told = false;
  /** Fields that expire at #deadline. */
  #fields: Uint8Array[] = [];
  #deadline = -1;
  #lostTtls = 0;

  constructor(entry: RdbEntry, commands: Commands, writer: SnapshotWriter, context: LoadContext) {
    this.visitor = commands;
    this.#entry = entry;
    this.#writer = writer;
    this.#c = context;
    this.#key = entry.keyBytes.slice(entry.keyStart, entry.keyEnd);
  }

  expireField(field: Uint8Array, expiresAtMs: number): void {
    this.#finishValue();
    if (!this.#c.capabilities.fieldTtl) {
      this.#lostTtls++;
      return;
    }
    if (expiresAtMs !== this.#deadline || this.#fields.length === FIELDS_AT_ONCE) this.#flush();
    this.#deadline = expiresAtMs;
    this.#fields.push(field);
  }

  finish(): void {
    this.#finishValue();
    this.#flush();
    if (this.#lostTtls === 0) return;
    this.#c.onUnsupported(
      new ReplicantError(
        'RDB_UNSUPPORTED',
        `the target can't hold all of this value: ${this.#lostTtls} × TTLs of hash fields left out`,
      ),
    );
  }

  /** All fields must be there before one of them can expire. */
  #finishValue(): void {
    if (this.#told) return;
    this.#told = true;
    this.#writer.largeCommandsEnd(this.#entry, this.visitor);
  }

  #flush(): void {
    const count = this.#fields.length;
    if (count === 0) return;
    const head = [HPEXPIREAT, this.#key, bytesOf(String(this.#deadline)), FIELDS, bytesOf(String(count))];
    this.#c.target.pipeline.command([...head, ...this.#fields]);
    this.#fields = [];
  }
}
