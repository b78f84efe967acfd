/** One or several files (or a stream) as an input: an RDB, commands, or an RDB with commands behind it. */
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import type { RdbHandler } from '../rdb/handler.js';
import { parseMagic } from '../rdb/magic.js';
import { AofReader } from './aof-reader.js';
import { PeekedSource } from './byte-source.js';
import { Feed } from './feed.js';
import { readSnapshot } from './read-snapshot.js';
import { type Content, SNIFF_BYTES, sniffContent } from './sniff.js';
import {
  type AofEnd,
  type AofHandler,
  type AofOptions,
  type SnapshotEnd,
  type SnapshotInput,
  type SnapshotOptions,
  WINDOW_BYTES,
} from './snapshot-input.js';

/** A file to come: opened when it is its turn. */
export interface InputPart {
  readonly label: string;
  readonly totalBytes: number | undefined;
  /** Bytes before this are not to be read (a manifest's startoffset). */
  open(): Promise<PeekedSource>;
}

export interface FileInputOptions {
  readonly label: string;
  /** The first file, opened and looked at. */
  readonly first: PeekedSource;
  /** The others, in order: commands only. */
  readonly more: readonly InputPart[];
}

const NOT_READ: Omit<SnapshotEnd, 'commandsFollow'> = {
  format: 'none',
  dialect: 'redis',
  version: 0,
  checksum: undefined,
  bytes: 0,
  problem: undefined,
};

export class FileInput implements SnapshotInput {
  readonly label: string;
  readonly totalBytes: number | undefined;
  readonly content: Content;
  readonly #first: PeekedSource;
  readonly #more: readonly InputPart[];
  #current: PeekedSource;
  #done = 0;
  #crc: Crc64 | undefined;
  #home: Uint8Array = new Uint8Array(0);
  #feed: Feed | undefined;
  #hasCommands: boolean | undefined;

  constructor({ label, first, more }: FileInputOptions) {
    this.label = label;
    this.#first = first;
    this.#current = first;
    this.#more = more;
    this.content = sniffContent(first.head.subarray(0, SNIFF_BYTES));
    this.totalBytes = [first, ...more].reduce<number | undefined>(
      (sum, { totalBytes }) => (sum === undefined || totalBytes === undefined ? undefined : sum + totalBytes),
      0,
    );
    if (this.content === 'commands' || more.some(({ totalBytes }) => totalBytes !== 0)) {
      this.#hasCommands = true;
    }
  }

  get bytesRead(): number {
    return this.#done + this.#current.bytesRead;
  }

  /** The first bytes; there only before anything has been read. */
  get head(): Uint8Array {
    return this.#first.head;
  }

  get hasCommands(): boolean | undefined {
    return this.#hasCommands;
  }

  async snapshot(handler: RdbHandler, options: SnapshotOptions = {}): Promise<SnapshotEnd> {
    this.checkContent();
    const feed = this.#openFeed(options.crc);
    if (this.content !== 'rdb') {
      this.#hasCommands ??= false;
      return { ...NOT_READ, commandsFollow: this.#hasCommands };
    }
    const facts = await readSnapshot(feed, handler, this.#crc!, options);
    this.#hasCommands ??= facts.problem === undefined && (await this.#commandsBehind(feed));
    return { ...facts, commandsFollow: this.#hasCommands };
  }

  async commands(handler: AofHandler, options: AofOptions = {}): Promise<AofEnd> {
    this.checkContent();
    const feed = this.#openFeed(undefined);
    const reader = new AofReader(handler, options);
    await reader.read(feed, this.#more.length === 0);
    for (const [index, part] of this.#more.entries()) {
      if (reader.stopped) break;
      this.#done += this.#current.bytesRead;
      await this.#current.close();
      this.#current = await part.open();
      await reader.read(new Feed(this.#current, this.#home), index === this.#more.length - 1);
    }
    return reader.end();
  }

  /** The bytes as they are, for content that is neither (NDJSON). */
  raw(): Feed {
    return this.#openFeed(undefined);
  }

  close(): Promise<void> {
    return this.#current.close();
  }

  #openFeed(crc: Crc64 | undefined): Feed {
    this.#crc ??= crc ?? new Crc64(WINDOW_BYTES);
    if (this.#home.length === 0) {
      this.#home = this.#crc.window.length > 0 ? this.#crc.window : new Uint8Array(WINDOW_BYTES);
    }
    return (this.#feed ??= new Feed(this.#first, this.#home));
  }

  #placed(action: () => unknown): void {
    try {
      action();
    } catch (error) {
      throw error instanceof ReplicantError ? error.within({ at: this.label }) : error;
    }
  }

  /** Behind the RDB of an AOF preamble commands follow directly. */
  async #commandsBehind(feed: Feed): Promise<boolean> {
    if (feed.window.length === 0 && !(await feed.fill())) return false;
    return sniffContent(feed.window.bytes.subarray(feed.window.start, feed.window.start + 1)) === 'commands';
  }

  /** Throws when this is neither an RDB nor an AOF, or an RDB of a version that does not exist. */
  checkContent(): void {
    if (this.content === 'commands') return;
    if (this.content === 'rdb') {
      const { head } = this.#first;
      // Once reading has begun the decoder has seen it.
      if (this.#feed === undefined) this.#placed(() => parseMagic(head, 0, head.length));
      return;
    }
    const place = { at: this.label, offset: 0 };
    if (this.content === 'ndjson') {
      throw new ReplicantError('RDB_UNSUPPORTED', 'this is NDJSON, not a snapshot', {
        place,
        hint: 'replicant restore loads it into a server',
      });
    }
    if (this.content === 'empty') {
      // A multi-part AOF may begin with an empty base of commands.
      if (this.#more.length > 0) return;
      throw new ReplicantError('RDB_TRUNCATED', 'the file is empty', { place });
    }
    throw new ReplicantError('RDB_CORRUPT', 'this is neither an RDB nor an AOF', {
      place,
      hint: 'an RDB begins with REDIS or VALKEY, an AOF with * or #',
    });
  }
}
