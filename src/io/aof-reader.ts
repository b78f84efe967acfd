/**
 * The commands of an append-only file: RESP arrays of bulk strings, with `#…` lines between them that are
 * skipped (7.0+; `#TS:<unix seconds>` says when what follows was written).
 *
 * Commands are handed on in runs, as they lie in the window. Only the end of the last file may be damaged
 * by being cut off (facts §16.4): up to the last whole command it is good, and a transaction without its EXEC
 * counts as cut off as well; since its commands have been handed on by then, a DISCARD follows them.
 */
import { ReplicantError } from '../errors.js';
import { isWord, parseCount } from '../keyspace/words.js';
import { CommandScanner, commandArgs, INCOMPLETE } from '../resp/command-scanner.js';
import { encodeCommand } from '../resp/encode.js';
import type { Feed } from './feed.js';
import type { AofEnd, AofHandler, AofOptions } from './snapshot-input.js';

const HASH = 35;
const LF = 10;
/** The servers' limit on such a line is 1 KiB. */
const MAX_NOTE_BYTES = 64 * 1024;
const DISCARD = encodeCommand(['DISCARD']);

export class AofReader {
  readonly #handler: AofHandler;
  readonly #o: AofOptions;
  readonly #scanner = new CommandScanner();
  #commands = 0;
  /** Offset of the MULTI that is open; -1: none. */
  #multiAt = -1;
  #firstTime: number | undefined;
  #lastTime: number | undefined;
  #stopped = false;
  #truncated: ReplicantError | undefined;

  constructor(handler: AofHandler, options: AofOptions) {
    this.#handler = handler;
    this.#o = options;
  }

  /** The time asked for has been reached. */
  get stopped(): boolean {
    return this.#stopped;
  }

  end(): AofEnd {
    return {
      commands: this.#commands,
      truncated: this.#truncated,
      stoppedAtTime: this.#stopped,
      firstTime: this.#firstTime,
      lastTime: this.#lastTime,
    };
  }

  /** Reads the commands of one file, from where the feed stands to its end. */
  async read(feed: Feed, last: boolean): Promise<void> {
    const { window, source } = feed;
    this.#scanner.reset();
    this.#handler.file?.(source.label, feed.offset, source.modifiedMs);
    try {
      do {
        this.#o.signal?.throwIfAborted();
        for (let before = -1; before !== window.start && !this.#stopped;) {
          before = window.start;
          this.#batch(feed);
          const wait = this.#o.drain?.();
          if (wait !== undefined) await wait;
        }
      } while (!this.#stopped && (await feed.fill()));
      this.#finish(feed, last);
    } catch (error) {
      throw error instanceof ReplicantError ? error.within({ at: source.label }) : error;
    }
  }

  /** Takes a run of whole commands, or one note. */
  #batch(feed: Feed): void {
    const { window } = feed;
    const { bytes, start, end } = window;
    if (start === end) return;
    if (bytes[start] === HASH) this.#note(feed);
    else if (bytes[start] === LF || bytes[start] === 13) feed.take(start + 1);
    else this.#run(feed, bytes, start, end);
  }

  #run(feed: Feed, bytes: Uint8Array, start: number, end: number): void {
    const scanner = this.#scanner;
    let at = start;
    let count = 0;
    while (at < end && bytes[at] !== HASH) {
      const next = this.#find(feed, bytes, at, end);
      if (next === INCOMPLETE) break;
      if (scanner.argc <= 2) this.#follow(bytes, at, scanner, feed.offset + at - start);
      at = next;
      count++;
    }
    if (count === 0) return;
    if (this.#o.toTime !== undefined && this.#firstTime === undefined) this.#checkDated(bytes, start, count);
    const taken = this.#handler.commands(bytes, start, at, feed.offset);
    this.#commands += taken === at ? count : countCommands(bytes, start, taken);
    if (taken < at) scanner.reset();
    feed.take(taken);
  }

  #find(feed: Feed, bytes: Uint8Array, at: number, end: number): number {
    try {
      return this.#scanner.find(bytes, at, end);
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      const offset = feed.offset + (error.place.offset ?? at) - feed.window.start;
      throw new ReplicantError('RDB_CORRUPT', error.message.replace('in the stream', 'in the AOF'), {
        place: { offset },
        hint: 'the file is damaged here; redis-check-aof can cut it off at this place',
        cause: error,
      });
    }
  }

  /** MULTI, EXEC and SELECT. What was not taken is seen again, in the same order: that changes nothing. */
  #follow(bytes: Uint8Array, at: number, { nameFrom, nameBytes }: CommandScanner, offset: number): void {
    const name = at + nameFrom;
    const is = (word: string): boolean => isWord(bytes, word, name, name + nameBytes);
    if (nameBytes === 6 && is('SELECT')) {
      const db = parseCount(commandArgs(bytes, at)[1]);
      if (db !== undefined) this.#handler.select?.(db, offset);
    } else if (nameBytes === 5 && is('MULTI')) {
      this.#multiAt = offset;
    } else if ((nameBytes === 4 && is('EXEC')) || (nameBytes === 7 && is('DISCARD'))) {
      this.#multiAt = -1;
    }
  }

  #note(feed: Feed): void {
    const { bytes, start, end } = feed.window;
    const stop = bytes.subarray(start, end).indexOf(LF);
    if (stop < 0) {
      if (end - start <= MAX_NOTE_BYTES) return;
      throw new ReplicantError('RDB_CORRUPT', 'a # line without an end', { place: { offset: feed.offset } });
    }
    const line = new TextDecoder('latin1').decode(bytes.subarray(start, start + stop)).trimEnd();
    const seconds = /^#TS:(\d+)$/u.exec(line)?.[1];
    if (seconds !== undefined && this.#isLater(Number(seconds))) {
      this.#stopped = true;
      return;
    }
    feed.take(start + stop + 1);
  }

  /** Notes the time; true when it is later than what is wanted. */
  #isLater(seconds: number): boolean {
    const { toTime } = this.#o;
    if (toTime !== undefined && seconds > toTime) {
      if (this.#firstTime === undefined && this.#commands === 0) throw nothingBefore(toTime, seconds);
      return true;
    }
    this.#firstTime ??= seconds;
    this.#lastTime = seconds;
    this.#handler.timestamp?.(seconds);
    return false;
  }

  /** A time was asked for, and here are commands that say nothing of theirs. */
  #checkDated(bytes: Uint8Array, start: number, count: number): void {
    if (count === 1 && isWord(bytes, '*2\r\n$6\r\nSELECT', start, start + 14)) return;
    throw new ReplicantError('USAGE', 'this AOF does not say when its commands were written', {
      hint: '--to-time needs an AOF written with aof-timestamp-enabled yes (Redis 7.0 and up)',
    });
  }

  #finish(feed: Feed, last: boolean): void {
    const left = this.#stopped ? 0 : feed.window.length;
    if (left === 0 && this.#multiAt < 0) return;
    const offset = this.#multiAt >= 0 ? this.#multiAt : feed.offset;
    if (this.#multiAt >= 0) {
      this.#handler.commands(DISCARD, 0, DISCARD.length, feed.offset);
      this.#multiAt = -1;
    }
    if (this.#stopped) return;
    const what = offset < feed.offset ? 'inside a transaction' : 'inside a command';
    const error = new ReplicantError('RDB_TRUNCATED', `the AOF ends ${what}`, {
      place: { at: feed.source.label, offset },
      hint: last
        ? '--truncated-tail keep takes everything before this place, as servers do when they start'
        : 'it is not the last file of this AOF: a part of the data is missing',
    });
    if (!last || this.#o.truncatedTail !== 'keep') throw error;
    this.#truncated = error;
  }
}

function countCommands(bytes: Uint8Array, start: number, end: number): number {
  const scanner = new CommandScanner();
  let count = 0;
  for (let at = start; at < end; at = scanner.find(bytes, at, end)) count++;
  return count;
}

function nothingBefore(toTime: number, seconds: number): ReplicantError {
  const [asked, first] = [toTime, seconds].map((time) => new Date(time * 1000).toISOString());
  return new ReplicantError('USAGE', `the AOF holds nothing from before ${asked}: it begins at ${first}`);
}
