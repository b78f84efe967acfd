/**
 * One connection to one primary of a cluster, and what is on its way there. Commands of the stream are gathered and
 * go out as scripts that carry the lane's text along (`lane-script.ts`); without `atomic` they go out as they come, and the
 * text behind them. What a snapshot brings goes straight into `pipeline`.
 */
import type { SlotSet } from '../../keyspace/slot-set.js';
import { bytesOf } from '../../keyspace/words.js';
import { encodeCommand, toBytes } from '../../resp/encode.js';
import type { Pipeline } from '../pipeline.js';
import type { TargetLink } from '../target-link.js';
import { LaneBatch } from './lane-batch.js';

/** A script keeps its node from serving others: some hundreds of commands, below a millisecond. */
const MOST_BATCH_BYTES = 64 * 1024;
/** A transaction of the source is not cut before it has so much for one lane. */
const MOST_TRANSACTION_BYTES = 16 * 1024 * 1024;
const SET = bytesOf('SET');
const SCRIPT_ARGS = 8;

export interface LaneOptions {
  readonly link: TargetLink;
  readonly nodeId: string;
  readonly address: string;
  readonly slots: SlotSet;
  readonly tag: string;
  readonly key: string;
  /** What the key holds now, '' for nothing. */
  readonly found: string;
  /** `lane-text`: all but offset and database; and while a snapshot is loaded. */
  readonly prefix: string;
  readonly loadingPrefix: string;
  readonly sha: string;
  readonly atomic: boolean;
}

export class Lane {
  readonly o: LaneOptions;
  readonly pipeline: Pipeline;
  readonly #batch = new LaneBatch();
  readonly #key: Uint8Array;
  #expected: string;

  constructor(options: LaneOptions) {
    this.o = options;
    this.pipeline = options.link.pipeline;
    this.#key = bytesOf(options.key);
    this.#expected = options.found;
  }

  get gathered(): number {
    return this.#batch.used;
  }

  /**
   * A whole command as it stands in source[start, end); its `argc` bulk strings, MOST_WORDS at the most, begin at
   * `from`.
   */
  raw(source: Uint8Array, start: number, from: number, end: number, argc: number, offset: number): void {
    if (this.o.atomic) {
      this.#batch.raw(source, from, end, argc, offset);
      return;
    }
    const { pipeline } = this;
    pipeline.from(offset);
    pipeline.begin();
    pipeline.put(source, start, end);
    pipeline.ended(1);
  }

  command(args: readonly Uint8Array[], offset: number, done: number, tolerate: boolean): void {
    if (this.o.atomic) {
      this.#batch.command(args, offset, done, tolerate);
      return;
    }
    this.pipeline.from(offset);
    if (tolerate) this.pipeline.tolerate();
    this.pipeline.command(args);
  }

  /** Everything of the snapshot that stands before `offset` in its file has been answered. */
  noteLoaded(offset: number): void {
    this.#expected = `${this.o.loadingPrefix}${offset} -1`;
    this.pipeline.ours();
    this.pipeline.command([SET, this.#key, bytesOf(this.#expected)]);
  }

  /** Enough has been gathered: `offset` is where the next command begins. */
  sendIfFull(offset: number, db: number, inMulti: boolean): void {
    if (this.#batch.used > (inMulti ? MOST_TRANSACTION_BYTES : MOST_BATCH_BYTES)) this.send(offset, db);
  }

  /** Everything that begins before `offset` and belongs to this lane has been given to it. */
  send(offset: number, db: number): void {
    const final = `${offset} ${db}`;
    if (this.o.atomic) this.#script(final);
    else this.pipeline.command([SET, this.#key, bytesOf(this.o.prefix + final)]);
    this.pipeline.flush(offset);
  }

  /** The script with what has been gathered; with nothing it only moves the text on. */
  #script(final: string): void {
    const batch = this.#batch;
    const { pipeline } = this;
    const head = scriptHead(SCRIPT_ARGS + batch.words, [
      'EVALSHA',
      this.o.sha,
      '1',
      this.#key,
      this.#expected,
      this.o.prefix,
      final,
      batch.starts,
    ]);
    pipeline.ours();
    pipeline.begin();
    pipeline.put(head, 0, head.length);
    pipeline.put(batch.bytes, 0, batch.used);
    pipeline.ended(1);
    this.#expected = this.o.prefix + final;
    batch.clear();
  }
}

/** The beginning of a command of `count` words: the array's header and the first of them. */
function scriptHead(count: number, args: readonly (string | Uint8Array)[]): Uint8Array {
  const body = encodeCommand(args);
  const own = bytesOf(`*${args.length}\r\n`).length;
  const header = toBytes(`*${count}\r\n`);
  const out = new Uint8Array(header.length + body.length - own);
  out.set(header);
  out.set(body.subarray(own), header.length);
  return out;
}
