/** Byte sources in memory, that give out as much at once as a test wants. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { type ByteSource, PeekedSource } from '../../src/io/byte-source.js';
import { FileInput } from '../../src/io/file-input.js';
import { SNIFF_BYTES } from '../../src/io/sniff.js';
import type { AofHandler } from '../../src/io/snapshot-input.js';
import { unwrap } from '../../src/io/unwrap.js';
import type { RdbEntry, RdbHandler } from '../../src/rdb/handler.js';
import { ValueSkipper } from '../../src/rdb/skip-value.js';
import { CommandScanner, commandArgs } from '../../src/resp/command-scanner.js';

export class MemorySource implements ByteSource {
  readonly label: string;
  readonly totalBytes: number;
  readonly modifiedMs = undefined;
  bytesRead = 0;
  closed = false;
  readonly #bytes: Uint8Array;
  readonly #atOnce: number;

  constructor(bytes: Uint8Array, atOnce: number = Infinity, label = 'memory') {
    this.#bytes = bytes;
    this.#atOnce = atOnce;
    this.totalBytes = bytes.length;
    this.label = label;
  }

  read(into: Uint8Array): Promise<number> {
    const count = Math.min(into.length, this.#atOnce, this.#bytes.length - this.bytesRead);
    into.set(this.#bytes.subarray(this.bytesRead, this.bytesRead + count));
    this.bytesRead += count;
    return Promise.resolve(count);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

export async function readToEnd(source: ByteSource, bufferBytes = 10_000): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(bufferBytes);
  for (;;) {
    const count = await source.read(buffer);
    if (count === 0) return Buffer.concat(parts);
    parts.push(buffer.slice(0, count));
  }
}

export function concat(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}

/** The error of a call that must fail. */
export async function failureOf(action: () => Promise<unknown>): Promise<ReplicantError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ReplicantError) return error;
    throw error;
  }
  throw new Error('this was expected to fail');
}

export async function inputOf(
  bytes: Uint8Array,
  { atOnce = Infinity, more = [] }: { atOnce?: number; more?: readonly Uint8Array[] } = {},
): Promise<FileInput> {
  const open = async (content: Uint8Array, label: string): Promise<PeekedSource> =>
    PeekedSource.open(await unwrap(new MemorySource(content, atOnce, label)), SNIFF_BYTES);
  return new FileInput({
    label: 'memory',
    first: await open(bytes, 'memory'),
    more: more.map((content, index) => ({
      label: `part ${index + 1}`,
      totalBytes: content.length,
      open: () => open(content, `part ${index + 1}`),
    })),
  });
}

/** Notes each key as `db:key`, and everything else it hears of. */
export class Listener implements RdbHandler {
  readonly keys: string[] = [];
  readonly calls: string[] = [];
  large = 0;
  /** Ask for a pause behind every key. */
  readonly #pausing: boolean;

  constructor(pausing = false) {
    this.#pausing = pausing;
  }

  begin(dialect: string, version: number): void {
    this.calls.push(`begin ${dialect} ${version}`);
  }

  aux(): void {}
  selectDb(): void {}
  sizeHint(): void {}
  functionLibrary(): void {}
  moduleAux(): void {}

  entry(entry: RdbEntry): boolean {
    this.#note(entry);
    return !this.#pausing;
  }

  largeValue(entry: RdbEntry): ValueSkipper {
    this.large++;
    return new ValueSkipper(entry.type);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    this.#note(entry);
    return true;
  }

  emptyKey(): void {}

  end(): void {
    this.calls.push('end');
  }

  #note({ db, keyBytes, keyStart, keyEnd }: RdbEntry): void {
    this.keys.push(`${db}:${Buffer.from(keyBytes.subarray(keyStart, keyEnd)).toString('latin1')}`);
  }
}

/** The commands it was given, as words; takes at most `atOnce` at a time. */
export class CommandListener implements AofHandler {
  readonly heard: string[] = [];
  readonly #atOnce: number;

  constructor(atOnce: number = Infinity) {
    this.#atOnce = atOnce;
  }

  commands(bytes: Uint8Array, start: number, end: number, offset: number): number {
    const scanner = new CommandScanner();
    let at = start;
    for (let count = 0; at < end && count < this.#atOnce; count++) {
      const words = commandArgs(bytes, at).map((arg) => Buffer.from(arg).toString('latin1'));
      this.heard.push(`${offset + at - start} ${words.join(' ')}`);
      at = scanner.find(bytes, at, end);
    }
    return at;
  }

  file(name: string): void {
    this.heard.push(`file ${name}`);
  }

  select(db: number, offset: number): void {
    this.heard.push(`db ${db} at ${offset}`);
  }

  timestamp(seconds: number): void {
    this.heard.push(`time ${seconds}`);
  }
}

export function resp(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** A folder for the files of a test file, removed at its end. */
export async function temporaryFolder(): Promise<
  (name: string, content?: Uint8Array | string) => Promise<string>
> {
  const folder = await mkdtemp(join(tmpdir(), 'replicant-io-'));
  afterAll(() => rm(folder, { recursive: true }));
  return async (name, content) => {
    const path = join(folder, name);
    if (content !== undefined) await writeFile(path, content);
    return path;
  };
}
