/**
 * The write path: commands go out in order over one connection, many at a time, and replies are counted as
 * they come back. Nothing is allocated per command.
 *
 * Writers put bytes with `reserve`/`put…` and declare each finished command with `ended`. `flush` hands
 * what is there to the socket and notes `mark`, the source offset reached: once every command before the
 * mark has been answered, `applied` is at least that offset. Memory is bounded by `maxInFlightBytes`:
 * writers look at `blocked` between commands and wait for `onDrain`.
 */
import { ReplicantError } from '../errors.js';
import { isWord } from '../keyspace/words.js';
import { ReplyScanner } from '../resp/reply-scanner.js';
import { commandAt, type FailedCommand } from './failed-command.js';
import { copyBytes, DOLLAR, headerBytes, STAR, writeEnd, writeHeader } from './resp-writer.js';
import { nearOrigin, NO_ORIGIN, Slab } from './slab.js';

/** Where the bytes go: a socket. `written` is called when the piece has left; pieces leave in order. */
export interface PipelineOutput {
  write(bytes: Uint8Array, written: () => void): void;
}

export interface PipelineOptions {
  readonly slabBytes?: number;
  readonly maxInFlightBytes?: number;
  /** An error reply. Throwing is fatal for the connection. */
  readonly onError: (failed: FailedCommand) => void;
  /** There is room again after `blocked`. */
  readonly onDrain: () => void;
  /** `applied` has moved. */
  readonly onApplied?: () => void;
}

const SLAB_BYTES = 128 * 1024;
const MAX_IN_FLIGHT = 8 * 1024 * 1024;

export class Pipeline {
  readonly #output: PipelineOutput;
  readonly #options: PipelineOptions;
  readonly #scanner: ReplyScanner;
  readonly #slabBytes: number;
  #maxInFlight: number;
  readonly #free: Slab[] = [];
  /** Slabs that hold unanswered commands, oldest first; the last one is being filled. */
  readonly #slabs: Slab[] = [];
  #slab: Slab;
  #commands = 0;
  #blocked = false;
  /** Parallel rings would be faster to fill, but a mark per flush is rare enough for objects. */
  readonly #marks: { replies: number; offset: number }[] = [];
  #applied = -1;
  #origin = -1;
  #near = -1;
  #ours = false;
  /** MULTI has been written and not its EXEC. */
  #inMulti = false;
  /** A command has been begun and not ended. */
  #open = false;
  /** Commands from this number on are kept readable until `keepFrom` moves, for tracing errors. */
  #keep = Number.POSITIVE_INFINITY;
  /** Numbers of commands whose errors mean nothing. */
  readonly #tolerated = new Set<number>();

  constructor(output: PipelineOutput, options: PipelineOptions) {
    this.#output = output;
    this.#options = options;
    this.#slabBytes = options.slabBytes ?? SLAB_BYTES;
    this.#maxInFlight = options.maxInFlightBytes ?? MAX_IN_FLIGHT;
    this.#scanner = new ReplyScanner((...error) => this.#failed(...error));
    this.#slab = new Slab(this.#slabBytes);
    this.#slabs.push(this.#slab);
  }

  /** So much is in flight that nothing more should be written now. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Commands written and not answered. */
  get pending(): number {
    return this.#commands - this.#scanner.replies;
  }

  /** Commands written since the connection began. */
  get commands(): number {
    return this.#commands;
  }

  /** The last marked source offset up to which everything has been answered; -1 before the first. */
  get applied(): number {
    return this.#applied;
  }

  /** Another history begins: offsets of the one before mean nothing any more. */
  forgetMarks(): void {
    this.#marks.length = 0;
    this.#applied = -1;
  }

  /**
   * Keeps the bytes of command number `command` and of those behind it although they are answered, as long as
   * memory allows: an error in the reply of an EXEC is about a command that was answered with QUEUED long ago.
   */
  keepFrom(command: number): void {
    this.#keep = command;
    this.#release();
  }

  /** The bulk string the next command written will be answered with; undefined when it is anything else. */
  wantReply(take: (body: Uint8Array | undefined) => void): void {
    this.#scanner.want(this.#commands, take);
  }

  set maxInFlightBytes(bytes: number) {
    this.#maxInFlight = bytes;
  }

  /** Free bytes in the slab being filled. */
  get room(): number {
    return this.#slab.room;
  }

  get slabBytes(): number {
    return this.#slabBytes;
  }

  /** Says at which source offset the bytes begin that are copied next, for error messages. */
  from(offset: number): void {
    this.#origin = offset;
    this.#near = -1;
    this.#ours = false;
    this.#slab.origins.push(this.#slab.used, offset);
  }

  /** The same for what is made, not copied; cheap enough for every key. Only kept once per slab. */
  near(offset: number): void {
    this.#near = offset;
    if (this.#slab.near < 0) this.#slab.near = offset;
    if (this.#ours) this.made(offset);
  }

  /** The same for one command that is made of several. */
  made(offset: number): void {
    this.#near = offset;
    this.#ours = false;
    this.#slab.origins.push(this.#slab.used, nearOrigin(offset));
  }

  /** What comes next is not from the source. */
  ours(): void {
    this.#ours = true;
    this.#origin = -1;
    this.#near = -1;
    this.#slab.origins.push(this.#slab.used, NO_ORIGIN);
  }

  /**
   * Makes `count` bytes writable in one piece at `slab.bytes[slab.used]` and returns the slab; the caller
   * writes and adds to `used`. `count` must not exceed `slabBytes`.
   */
  reserve(count: number): Slab {
    if (this.#slab.room < count) this.#nextSlab();
    return this.#slab;
  }

  /** A command that may not fit into one slab is about to be written; `ended` closes it. */
  begin(): void {
    this.#open = true;
  }

  /** An error reply to the next command is expected and means nothing. */
  tolerate(): void {
    this.#tolerated.add(this.#commands);
  }

  /** `count` commands have been written completely. */
  ended(count: number): void {
    this.#open = false;
    this.#commands += count;
    if (this.#slab.ends === 0) this.#slab.tail = this.#slab.used;
    this.#slab.ends += count;
    this.#slab.repliesDue = this.#commands;
  }

  /** Copies source[from, to) into the output, over as many slabs as it takes. */
  put(source: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#slab.room === 0) this.#nextSlab();
      const slab = this.#slab;
      const count = Math.min(slab.room, to - at);
      copyBytes(slab.bytes, slab.used, source, at, at + count);
      slab.used += count;
      at += count;
    }
  }

  /** Writes one command from its arguments. */
  command(args: readonly Uint8Array[]): void {
    if (args.length === 1)
      this.#inMulti = isWord(args[0]!, 'MULTI') || (this.#inMulti && !isWord(args[0]!, 'EXEC'));
    let size = headerBytes(args.length);
    for (const arg of args) size += headerBytes(arg.length) + arg.length + 2;
    if (size <= this.#slabBytes) this.reserve(size);
    this.begin();
    this.#line(STAR, args.length);
    for (const arg of args) {
      this.#line(DOLLAR, arg.length);
      this.put(arg, 0, arg.length);
      this.#crlf();
    }
    this.ended(1);
  }

  /** Hands everything written to the socket. `offset` marks the source position reached, when given. */
  flush(offset = -1): void {
    for (const slab of this.#slabs) if (slab.sent < slab.used) this.#send(slab);
    if (offset >= 0) this.#mark(offset);
  }

  /** Bytes have come from the target. */
  replies(bytes: Uint8Array, start: number, end: number): void {
    this.#scanner.feed(bytes, start, end);
    if (this.#scanner.replies > this.#commands) {
      throw new ReplicantError('TARGET_PROTOCOL', 'the target sent more replies than it was given commands');
    }
    // In a transaction the reply that counts is that of EXEC.
    if (this.#tolerated.size > 0 && this.pending === 0 && !this.#inMulti) this.#tolerated.clear();
    this.#settleMarks();
    this.#release();
  }

  #nextSlab(): void {
    if (this.#slab.sent < this.#slab.used) this.#send(this.#slab);
    const slab = this.#free.pop() ?? new Slab(this.#slabBytes);
    slab.continues = this.#open;
    slab.repliesDue = this.#commands;
    this.#place(slab);
    this.#slab = slab;
    this.#slabs.push(slab);
    if (this.#slabs.length * this.#slabBytes > this.#maxInFlight) this.#blocked = true;
  }

  /** A fresh slab begins with what was announced last. */
  #place(slab: Slab): void {
    if (this.#ours) slab.origins.push(0, NO_ORIGIN);
    else if (this.#near >= 0) slab.near = this.#near;
    else if (this.#origin >= 0) slab.origins.push(0, this.#origin);
  }

  #send(slab: Slab): void {
    const piece = slab.bytes.subarray(slab.sent, slab.used);
    slab.sent = slab.used;
    slab.writing++;
    this.#output.write(piece, () => {
      slab.writing--;
      this.#release();
    });
  }

  #mark(offset: number): void {
    const marks = this.#marks;
    const last = marks[marks.length - 1];
    if (last !== undefined && last.replies === this.#commands) last.offset = offset;
    else marks.push({ replies: this.#commands, offset });
    this.#settleMarks();
  }

  #settleMarks(): void {
    const { replies } = this.#scanner;
    const marks = this.#marks;
    let settled = 0;
    while (settled < marks.length && marks[settled]!.replies <= replies) settled++;
    if (settled === 0) return;
    this.#applied = marks[settled - 1]!.offset;
    marks.splice(0, settled);
    this.#options.onApplied?.();
  }

  /** Takes back the slabs whose commands are all answered. */
  #release(): void {
    const slabs = this.#slabs;
    // What is kept for tracing only must not stop the writing.
    const keep = slabs.length * this.#slabBytes > this.#maxInFlight / 2 ? Infinity : this.#keep;
    const replies = Math.min(this.#scanner.replies, keep);
    let done = 0;
    for (; done < slabs.length - 1; done++) {
      const slab = slabs[done]!;
      // A command that runs on into the next slab must not keep this one: it may be larger than all of them.
      if (slab.writing > 0 || slab.repliesDue > replies) break;
    }
    if (done > 0) {
      for (const slab of slabs.splice(0, done)) this.#recycle(slab);
    }
    const slab = this.#slab;
    if (slabs.length === 1 && slab.writing === 0 && slab.sent === slab.used && this.#commands === replies) {
      slab.reset();
      slab.continues = this.#open;
      slab.repliesDue = this.#commands;
      if (this.#open) this.#place(slab);
    }
    if (this.#blocked && slabs.length * this.#slabBytes <= this.#maxInFlight / 2) {
      this.#blocked = false;
      this.#options.onDrain();
    }
  }

  #recycle(slab: Slab): void {
    slab.reset();
    if (this.#free.length * this.#slabBytes < this.#maxInFlight) this.#free.push(slab);
  }

  #failed(text: string, reply: number, element: number, elements: number): void {
    const failed = commandAt(this.#slabs, text, reply, element, elements);
    if (failed !== undefined && !this.#tolerated.has(failed.number)) this.#options.onError(failed);
  }

  #line(mark: number, value: number): void {
    const slab = this.reserve(headerBytes(value));
    slab.used = writeHeader(slab.bytes, slab.used, mark, value);
  }

  #crlf(): void {
    if (this.#slab.room < 2) this.#nextSlab();
    const slab = this.#slab;
    slab.used = writeEnd(slab.bytes, slab.used);
  }
}
