/**
 * An AOF with commands as an input that has none: a server of this machine loads its snapshot and carries out
 * its commands, and what it holds then is read from it as a replica would. So it is what a real server holds
 * that has loaded the AOF, down to keys whose time is over: nothing expires there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicantError } from '../errors.js';
import type { Client } from '../net/client.js';
import type { RdbHandler } from '../rdb/handler.js';
import { atLeast, formatMagic, formatServer } from '../rdb/server-support.js';
import type { FileInput } from './file-input.js';
import { LiveInput } from './live-input.js';
import { type ScratchBinary, chooseScratchBinary } from './scratch-choice.js';
import { ScratchCommands } from './scratch-commands.js';
import { ScratchForwarder } from './scratch-forwarder.js';
import { AsOfFile, Passer } from './scratch-handlers.js';
import { ScratchPrimary } from './scratch-primary.js';
import { ScratchServer } from './scratch-server.js';
import type { AofEnd, SnapshotEnd, SnapshotInput, SnapshotOptions } from './snapshot-input.js';

export interface ScratchOptions {
  /** The server's program; undefined: looked for on the PATH. */
  readonly server?: string | undefined;
  readonly truncatedTail?: 'fail' | 'keep' | undefined;
  readonly toTime?: number | undefined;
  /** Something a person should know. */
  readonly onNote?: ((note: string) => void) | undefined;
}

const START_MS = 60_000;
/** Stands in the first bytes of an RDB that has commands behind it (4.0 to 6.2). */
const PREAMBLE_MARK = Buffer.from('aof-preamble', 'latin1');

export class ScratchInput implements SnapshotInput {
  readonly label: string;
  readonly hasCommands = false;
  readonly #input: FileInput;
  readonly #reopen: (() => Promise<FileInput>) | undefined;
  readonly #o: ScratchOptions;

  /** `reopen`: to look at the same once more; undefined when it can be read only once. */
  constructor(input: FileInput, reopen: (() => Promise<FileInput>) | undefined, options: ScratchOptions) {
    this.#input = input;
    this.#reopen = reopen;
    this.#o = options;
    this.label = input.label;
  }

  get totalBytes(): number | undefined {
    return this.#input.totalBytes;
  }

  get bytesRead(): number {
    return this.#input.bytesRead;
  }

  async snapshot(handler: RdbHandler, options: SnapshotOptions = {}): Promise<SnapshotEnd> {
    if (!(await this.#needsServer(options))) return this.#input.snapshot(handler, options);
    const run = new ScratchRun(this.#input, this.#o, options);
    try {
      return await run.run(handler);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error instanceof ReplicantError ? error.within({ at: this.label }) : error;
    } finally {
      await run.close();
    }
  }

  commands(): Promise<AofEnd> {
    return Promise.reject(new ReplicantError('INTERNAL', 'the commands are part of the snapshot'));
  }

  close(): Promise<void> {
    return this.#input.close();
  }

  /** Whether commands follow a preamble shows only behind it; reading over it is cheap beside a server. */
  async #needsServer({ signal, onError }: SnapshotOptions): Promise<boolean> {
    const { hasCommands, content, head } = this.#input;
    if (hasCommands !== undefined || content !== 'rdb' || Buffer.from(head).indexOf(PREAMBLE_MARK) < 0)
      return hasCommands === true;
    if (this.#reopen === undefined) return true;
    const again = await this.#reopen();
    try {
      await again.snapshot(new Passer(), { signal, onError, checksum: false });
      return again.hasCommands === true;
    } catch {
      signal?.throwIfAborted();
      // What is wrong with it will be said when it is read in earnest.
      return false;
    } finally {
      await again.close();
    }
  }
}

class ScratchRun {
  readonly #input: FileInput;
  readonly #o: ScratchOptions;
  readonly #snapshot: SnapshotOptions;
  readonly #forwarder: ScratchForwarder;
  readonly #abort = (): void => this.#primary?.fail(this.#snapshot.signal?.reason);
  /** Of the snapshot, until there is a server. */
  #waiting: Uint8Array[] = [];
  #primary: ScratchPrimary | undefined;
  #server: ScratchServer | undefined;
  #client: Client | undefined;
  #opened = false;

  constructor(input: FileInput, options: ScratchOptions, snapshot: SnapshotOptions) {
    this.#input = input;
    this.#o = options;
    this.#snapshot = snapshot;
    this.#forwarder = new ScratchForwarder((bytes) => {
      if (this.#opened) this.#primary!.snapshot(bytes);
      else this.#waiting.push(bytes);
    }, snapshot.onError === 'skip');
    snapshot.signal?.addEventListener('abort', this.#abort);
  }

  async run(handler: RdbHandler): Promise<SnapshotEnd> {
    const preamble = await this.#sendSnapshot();
    const writtenMs = await this.#sendCommands(preamble);
    const live = await this.#read(new AsOfFile(handler, writtenMs));
    const damaged = preamble.checksum?.state === 'mismatch';
    return {
      ...live,
      ...(damaged ? { checksum: preamble.checksum, bytes: preamble.bytes } : {}),
      problem: preamble.problem ?? live.problem,
    };
  }

  async close(): Promise<void> {
    this.#snapshot.signal?.removeEventListener('abort', this.#abort);
    this.#client?.close();
    this.#primary?.close();
    await this.#server?.stop();
  }

  // ---- the server ----------------------------------------------------------------------------------------

  async #open(): Promise<void> {
    const { format, writer, hints } = this.#forwarder;
    const binary = await chooseScratchBinary(this.#o.server, { format, writer });
    this.#noteChoice(binary);
    const primary = await ScratchPrimary.listen();
    this.#primary = primary;
    this.#snapshot.signal?.throwIfAborted();
    const server = await ScratchServer.start(binary, primary);
    this.#server = server;
    void server.ended.then(() => primary.fail(new ReplicantError('RDB_UNSUPPORTED', ENDED)));
    await this.#explained(async () => {
      await inTime(primary.ready());
      this.#client = await server.connect();
      // Otherwise it would neither keep nor tell them. It has no limit of memory, so nothing is evicted.
      if (hints !== 'none') {
        const policy = hints === 'frequency' ? 'allkeys-lfu' : 'allkeys-lru';
        await this.#client.call('CONFIG', 'SET', 'maxmemory-policy', policy);
      }
    });
    primary.beginSnapshot();
    this.#opened = true;
    for (const bytes of this.#waiting.splice(0)) primary.snapshot(bytes);
  }

  #noteChoice({ path, server }: ScratchBinary): void {
    const { format, writer } = this.#forwarder;
    const behind = format === undefined ? '' : ` behind ${formatMagic(format)}`;
    const whose = writer === undefined ? '' : `, written by ${formatServer(writer)},`;
    this.#o.onNote?.(
      `the commands of this AOF${behind}${whose} are carried out by a scratch server, ${formatServer(server)} (${path})`,
    );
  }

  // ---- the three steps -----------------------------------------------------------------------------------

  async #sendSnapshot(): Promise<SnapshotEnd> {
    const { signal, checksum, onError, onLost, limits, crc } = this.#snapshot;
    const end = await this.#input.snapshot(this.#forwarder, {
      ...{ signal, checksum, onError, onLost, limits, crc },
      drain: () =>
        this.#opened ? this.#explained(() => this.#primary!.drain() ?? Promise.resolve()) : this.#open(),
    });
    if (!this.#opened) await this.#open();
    this.#forwarder.finish();
    await this.#explained(() => this.#primary!.endSnapshot());
    return end;
  }

  /** Resolves with the time of the last command. */
  async #sendCommands({ commandsFollow }: SnapshotEnd): Promise<number | undefined> {
    const { writer } = this.#forwarder;
    const { signal, onError, onLost } = this.#snapshot;
    const { truncatedTail, toTime } = this.#o;
    const commands = new ScratchCommands({
      ...{ primary: this.#primary!, server: this.#server!, client: this.#client! },
      relativeTtls: writer === undefined || !atLeast(writer.version, 7),
      onFailed: (error) => {
        if (onError !== 'skip') throw error;
        onLost?.(error);
      },
    });
    if (commandsFollow) {
      const end = await this.#explained(() =>
        this.#input.commands(commands, {
          ...{ signal, truncatedTail, toTime },
          drain: () => commands.drain(),
        }),
      );
      this.#noteEnd(end);
    }
    await this.#explained(() => commands.check());
    return commands.writtenMs;
  }

  async #read(handler: RdbHandler): Promise<SnapshotEnd> {
    const live = new LiveInput(this.#server!.endpoint);
    try {
      return await this.#explained(() => live.snapshot(handler, this.#snapshot));
    } finally {
      await live.close();
    }
  }

  #noteEnd({ commands, truncated, stoppedAtTime }: AofEnd): void {
    const { label } = this.#input;
    if (truncated !== undefined) {
      const { message, place } = truncated;
      this.#o.onNote?.(
        `${place.at ?? label}: ${message} at byte offset ${place.offset}, what is left of it was left out`,
      );
    }
    if (stoppedAtTime) this.#o.onNote?.(`${label}: stopped at --to-time, after ${commands} commands`);
  }

  /** What breaks off because of the server is told in its own words. */
  async #explained<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      this.#snapshot.signal?.throwIfAborted();
      const ofServer = error instanceof ReplicantError && error.code.startsWith('SOURCE_');
      const ended = error instanceof ReplicantError && error.message.startsWith('the scratch server');
      if (this.#server === undefined || (!ofServer && !ended)) throw error;
      throw await this.#server.explain(ofServer ? `the scratch server: ${error.message}` : error.message);
    }
  }
}

const ENDED = 'the scratch server ended';

async function inTime(ready: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const late = sleep(START_MS, undefined, { signal: stop.signal }).then(() => {
    throw new ReplicantError('RDB_UNSUPPORTED', `the scratch server is not there after ${START_MS / 1000} s`);
  });
  try {
    await Promise.race([ready, late]);
  } finally {
    stop.abort();
    late.catch(() => {});
  }
}
