/* oxlint-disable vitest/no-standalone-expect -- a model checks itself, as far as the case at hand goes */
/** A target made of memory: takes bytes when told to, and answers when told to. */
import { expect } from 'vitest';
import { CommandScanner, commandArgs, INCOMPLETE } from '../../src/resp/command-scanner.js';
import type { Pipeline, PipelineOutput } from '../../src/target/pipeline.js';

interface Write {
  readonly view: Uint8Array;
  readonly copy: Uint8Array;
  readonly written: () => void;
}

export type Answer = (args: readonly Uint8Array[]) => string;

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const bytes = (words: string): Uint8Array => new Uint8Array(Buffer.from(words, 'latin1'));

/** +OK to everything but commands named FAIL…. */
export function okOrFail(args: readonly Uint8Array[]): string {
  return /^fail/i.test(text(args[0]!)) ? '-ERR no\r\n' : '+OK\r\n';
}

export class FakeTarget implements PipelineOutput {
  #memory: Uint8Array = new Uint8Array(1024);
  #arrived = 0;
  /** Commands that have arrived whole. */
  readonly commands: (readonly Uint8Array[])[] = [];
  /** Different blocks of memory that were written from. */
  readonly blocks = new Set<ArrayBufferLike>();
  readonly #writes: Write[] = [];
  readonly #scanner = new CommandScanner();
  readonly #answer: Answer;
  #scanned = 0;
  #queue: string[] | undefined;
  #replies = '';

  constructor(answer: Answer = okOrFail) {
    this.#answer = answer;
  }

  write(view: Uint8Array, written: () => void): void {
    expect(view.length).toBeGreaterThan(0);
    this.blocks.add(view.buffer);
    this.#writes.push({ view, copy: view.slice(), written });
  }

  /** Everything that has arrived. */
  get received(): Uint8Array {
    return this.#memory.subarray(0, this.#arrived);
  }

  get waiting(): boolean {
    return this.#writes.length > 0 || this.#replies.length > 0;
  }

  /** The oldest writes leave. */
  deliver(count = Number.POSITIVE_INFINITY): void {
    for (let left = Math.min(count, this.#writes.length); left > 0; left--) {
      const { view, copy, written } = this.#writes.shift()!;
      // The memory must not have been used again while the write was under way.
      expect(Buffer.compare(view, copy)).toBe(0);
      this.#keep(copy);
      this.#read();
      written();
    }
  }

  /** The next bytes of the answers reach the pipeline. */
  reply(pipeline: Pipeline, count = Number.POSITIVE_INFINITY): void {
    const part = bytes(this.#replies.slice(0, Math.min(count, this.#replies.length)));
    this.#replies = this.#replies.slice(part.length);
    if (part.length > 0) pipeline.replies(part, 0, part.length);
  }

  /** Until nothing is under way. */
  settle(pipeline: Pipeline): void {
    while (this.waiting) {
      this.deliver();
      this.reply(pipeline);
    }
  }

  #keep(bytes: Uint8Array): void {
    if (this.#arrived + bytes.length > this.#memory.length) {
      const larger = new Uint8Array(2 * (this.#arrived + bytes.length));
      larger.set(this.received);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.#arrived);
    this.#arrived += bytes.length;
  }

  #read(): void {
    for (;;) {
      const next = this.#scanner.find(this.#memory, this.#scanned, this.#arrived);
      if (next === INCOMPLETE) return;
      const args = commandArgs(this.#memory, this.#scanned);
      this.commands.push(args);
      this.#replies += this.#answerTo(args);
      this.#scanned = next;
    }
  }

  #answerTo(args: readonly Uint8Array[]): string {
    const name = text(args[0]!).toUpperCase();
    if (name === 'MULTI') {
      this.#queue = [];
      return '+OK\r\n';
    }
    if (name === 'EXEC' && this.#queue !== undefined) {
      const answers = this.#queue;
      this.#queue = undefined;
      return `*${answers.length}\r\n${answers.join('')}`;
    }
    if (this.#queue === undefined) return this.#answer(args);
    this.#queue.push(this.#answer(args));
    return '+QUEUED\r\n';
  }
}
