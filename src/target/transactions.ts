/**
 * Data and position in one transaction (replication §10.1), on the data connection:
 *
 *   MULTI  …commands…  [SELECT 0]  SET <key> <text>  EXEC  WATCH <key>  GET <key>
 *
 * The EXEC of a transaction is only sent when the GET behind the one before has shown exactly the text that
 * one wrote. So a transaction that was aborted is never overtaken by the next, and one whose writer has lost
 * the job does nothing: WATCH makes its EXEC fail as soon as anybody else has written the key. While an EXEC
 * is unanswered the next transaction is filled, and the target queues it; the longer the way to the target, the
 * larger they get. Not the slower the target: it serves nobody else while it carries one out.
 *
 * After a commit the connection stands in database 0.
 *
 * Without `atomic` there is no MULTI and no WATCH: data first, then the position. What lies between the two may
 * be applied twice after a crash, and nobody is kept out.
 */
import { bytesOf, sameBytes } from '../keyspace/words.js';
import { commitBytes } from './commit-size.js';
import type { CommitEvents, Commits } from './outlet.js';
import type { Pipeline } from './pipeline.js';

const MULTI = [bytesOf('MULTI')];
const EXEC = [bytesOf('EXEC')];
const SELECT_ZERO = [bytesOf('SELECT'), bytesOf('0')];
const SET = bytesOf('SET');
const GET = bytesOf('GET');
const WATCH = bytesOf('WATCH');
/** A transaction keeps the target from serving others: some 7,000 commands, a few milliseconds. */
const LEAST_BATCH_BYTES = 384 * 1024;

export class Transactions implements Commits {
  readonly #pipeline: Pipeline;
  readonly #key: Uint8Array;
  readonly #atomic: boolean;
  readonly #events: CommitEvents;
  #open = false;
  #waiting = false;
  #waitingSinceMs = 0;
  /** The way there and back: the least time an answer has taken, as others have the target's work in them. */
  #roundTripMs: number | undefined;
  /** Number of the open transaction's first command. */
  #beganAt = 0;

  constructor(pipeline: Pipeline, key: Uint8Array, atomic: boolean, events: CommitEvents) {
    this.#pipeline = pipeline;
    this.#key = key;
    this.#atomic = atomic;
    this.#events = events;
  }

  /** MULTI has been sent and not its EXEC. */
  get open(): boolean {
    return this.#open;
  }

  get waiting(): boolean {
    return this.#waiting;
  }

  get batchBytes(): number {
    return commitBytes(this.#roundTripMs ?? 0, LEAST_BATCH_BYTES);
  }

  guard(expected: Uint8Array | undefined): void {
    this.#confirm(expected, -1);
  }

  begin(): void {
    if (this.#open || !this.#atomic) return;
    this.#open = true;
    this.#beganAt = this.#pipeline.commands;
    if (!this.#waiting) this.#pipeline.keepFrom(this.#beganAt);
    this.#pipeline.command(MULTI);
  }

  commit(text: Uint8Array, tag: number, selected: number): void {
    this.begin();
    const pipeline = this.#pipeline;
    pipeline.ours();
    if (selected !== 0) pipeline.command(SELECT_ZERO);
    pipeline.command([SET, this.#key, text]);
    if (this.#atomic) pipeline.command(EXEC);
    this.#open = false;
    this.#confirm(text, tag);
    pipeline.flush();
  }

  #confirm(expected: Uint8Array | undefined, tag: number): void {
    const pipeline = this.#pipeline;
    this.#waiting = true;
    this.#waitingSinceMs = performance.now();
    pipeline.ours();
    if (this.#atomic) pipeline.command([WATCH, this.#key]);
    pipeline.wantReply((found) => this.#answered(found, expected, tag));
    pipeline.command([GET, this.#key]);
    pipeline.flush();
  }

  #answered(found: Uint8Array | undefined, expected: Uint8Array | undefined, tag: number): void {
    if (!same(found, expected)) {
      this.#events.disturbed(found);
      return;
    }
    this.#waiting = false;
    const tookMs = performance.now() - this.#waitingSinceMs;
    this.#roundTripMs = Math.min(this.#roundTripMs ?? tookMs, tookMs);
    this.#events.settled(tag);
    // Last, as it makes room, into which the next transaction may be written at once.
    if (!this.#waiting) this.#pipeline.keepFrom(this.#open ? this.#beganAt : Number.POSITIVE_INFINITY);
  }
}

function same(found: Uint8Array | undefined, expected: Uint8Array | undefined): boolean {
  if (found === undefined || expected === undefined) return found === expected;
  return sameBytes(found, expected);
}
