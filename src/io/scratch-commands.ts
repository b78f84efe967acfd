/**
 * The commands of an AOF on their way to a scratch server: as they are, except that relative times of old
 * files count from when they were written. From time to time, outside of transactions, everything sent must
 * have been applied, and it is asked whether something failed; what was sent since then is kept until then,
 * to be able to say where that stands in the file.
 */
import { toAbsoluteTtl, mayHaveRelativeTtl } from '../convert/absolute-ttl.js';
import { ReplicantError } from '../errors.js';
import { keyPositions } from '../keyspace/command-table.js';
import { isWord, parseCount, showKey } from '../keyspace/words.js';
import type { Client } from '../net/client.js';
import { CommandScanner, commandArgs } from '../resp/command-scanner.js';
import { encodeCommand } from '../resp/encode.js';
import { atLeast } from '../rdb/server-support.js';
import type { ScratchPrimary } from './scratch-primary.js';
import type { ScratchFailure, ScratchServer } from './scratch-server.js';
import type { AofHandler } from './snapshot-input.js';

const CHECK_BYTES = 1024 * 1024;
/** A transaction larger than that: where in it something fails is not told. */
const MOST_KEPT_BYTES = 64 * 1024 * 1024;

export interface ScratchCommandsOptions {
  readonly primary: ScratchPrimary;
  readonly server: ScratchServer;
  readonly client: Client;
  /** Relative times may occur (AOFs of servers before 7.0). */
  readonly relativeTtls: boolean;
  /** A command failed: throws, or takes note. */
  readonly onFailed: (error: ReplicantError) => void;
}

interface Run {
  readonly bytes: Uint8Array;
  readonly file: string;
  readonly offset: number;
  readonly db: number;
}

export class ScratchCommands implements AofHandler {
  /** When the last of it was written, as far as that is known. */
  writtenMs: number | undefined;
  readonly #o: ScratchCommandsOptions;
  readonly #scanner = new CommandScanner();
  #file = '';
  #db = 0;
  #inMulti = false;
  #runs: Run[] = [];
  #keptBytes = 0;
  #unchecked = 0;
  #failed = 0;

  constructor(options: ScratchCommandsOptions) {
    this.#o = options;
  }

  file(name: string, _offset: number, modifiedMs: number | undefined): void {
    this.#file = name;
    this.#db = 0;
    this.writtenMs = modifiedMs ?? this.writtenMs ?? Date.now();
    this.#o.primary.commands(encodeCommand(['SELECT', 0]));
  }

  timestamp(unixSeconds: number): void {
    this.writtenMs = unixSeconds * 1000;
  }

  commands(bytes: Uint8Array, start: number, end: number, offset: number): number {
    const run = bytes.slice(start, end);
    this.#keep({ bytes: run, file: this.#file, offset, db: this.#db });
    let from = 0;
    for (let at = 0; at < run.length;) {
      const next = this.#scanner.find(run, at, run.length);
      const changed = this.#look(run, at);
      if (changed !== null) {
        this.#send(run.subarray(from, at));
        for (const args of changed) this.#send(encodeCommand(args));
        from = next;
      }
      at = next;
    }
    this.#send(run.subarray(from));
    return end;
  }

  /** What must be waited for before more is handed on. */
  drain(): Promise<void> | undefined {
    return this.#unchecked >= CHECK_BYTES && !this.#inMulti ? this.check() : this.#o.primary.drain();
  }

  /** Waits until all of it has been applied, and looks for what failed. */
  async check(): Promise<void> {
    const { primary, server, client } = this.#o;
    await primary.applied();
    const stats = (await client.ask('INFO', 'stats')) ?? '';
    const count = Number(/unexpected_error_replies:(\d+)/u.exec(stats)?.[1] ?? 0);
    if (count > this.#failed) await server.hearFailures(count);
    const failures = server.failures.slice(this.#failed);
    this.#failed = server.failures.length;
    for (const error of this.#place(failures)) this.#o.onFailed(error);
    this.#runs = [];
    this.#keptBytes = 0;
    this.#unchecked = 0;
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#unchecked += bytes.length;
    this.#o.primary.commands(bytes);
  }

  #keep(run: Run): void {
    this.#keptBytes += run.bytes.length;
    if (this.#keptBytes <= MOST_KEPT_BYTES) this.#runs.push(run);
  }

  /** Follows transactions and databases; what the command becomes, or null when it stays as it is. */
  #look(bytes: Uint8Array, at: number): readonly (readonly Uint8Array[])[] | null {
    const { nameFrom, nameBytes, argc } = this.#scanner;
    const from = at + nameFrom;
    const is = (word: string): boolean => isWord(bytes, word, from, from + nameBytes);
    if (argc === 1 && nameBytes === 5 && is('MULTI')) this.#inMulti = true;
    else if (argc === 1 && (is('EXEC') || is('DISCARD'))) this.#inMulti = false;
    else if (nameBytes === 6 && is('SELECT')) this.#db = parseCount(commandArgs(bytes, at)[1]) ?? this.#db;
    else if (this.#o.relativeTtls && argc > 2) return this.#absolute(bytes, at, from, nameBytes, argc);
    return null;
  }

  #absolute(
    bytes: Uint8Array,
    at: number,
    from: number,
    nameBytes: number,
    argc: number,
  ): readonly (readonly Uint8Array[])[] | null {
    if (argc === 3 && isWord(bytes, 'SET', from, from + nameBytes)) return null;
    if (!mayHaveRelativeTtl(bytes, from, from + nameBytes)) return null;
    const { version } = this.#o.server.identity;
    const can = { setPxat: atLeast(version, 6, 2), restoreAbsttl: atLeast(version, 5) };
    const changed = toAbsoluteTtl(commandArgs(bytes, at), this.writtenMs ?? 0, can);
    if (changed === null || changed.length < 2 || this.#inMulti) return changed;
    return [[MULTI], ...changed, [EXEC]];
  }

  /** Where the commands that failed stand: exactly, when as many of that name were sent as failed. */
  #place(failures: readonly ScratchFailure[]): readonly ReplicantError[] {
    return failures.map((failure) => {
      const alike = failures.filter(({ command }) => command === failure.command);
      const sent = this.#sentAs(failure.command);
      const exact = sent.length === alike.length || /unknown command/iu.test(failure.error);
      const place = exact ? sent[alike.indexOf(failure)] : sent[0];
      const first = this.#runs[0];
      const name = failure.command === '' ? 'a command' : failure.command.toUpperCase();
      const more = exact ? '' : ' (this one, or one of this name after it)';
      return new ReplicantError(
        'RDB_UNSUPPORTED',
        `${name} of the AOF failed: ${failure.error.trim()}${more}`,
        {
          place: place ?? { at: this.#file, offset: first?.offset ?? 0 },
          hint: 'another server, named with --scratch-server, may know what this one does not; --on-error skip leaves it out',
        },
      );
    });
  }

  #sentAs(command: string): { at: string; offset: number; db: number; key?: string }[] {
    const found: { at: string; offset: number; db: number; key?: string }[] = [];
    const scanner = new CommandScanner();
    for (const { bytes, file, offset, db: first } of this.#runs) {
      let db = first;
      for (let at = 0; at < bytes.length; at = scanner.find(bytes, at, bytes.length)) {
        const args = commandArgs(bytes, at);
        if (isWord(args[0]!, 'SELECT')) db = parseCount(args[1]) ?? db;
        if (!isWord(args[0]!, command.toUpperCase())) continue;
        const key = args[keyPositions(args)[0] ?? -1];
        found.push({
          at: file,
          offset: offset + at,
          db,
          ...(key === undefined ? {} : { key: showKey(key) }),
        });
      }
    }
    return found;
  }
}

const MULTI = new TextEncoder().encode('MULTI');
const EXEC = new TextEncoder().encode('EXEC');
