/** A snapshot of a running server, taken as a replica would (PSYNC), and nothing after it. */
import { Crc64 } from '../bytes/crc64.js';
import { ByteWindow } from '../bytes/window.js';
import { ReplicantError } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../net/endpoint.js';
import { RdbDecoder } from '../rdb/file-decoder.js';
import type { RdbHandler } from '../rdb/handler.js';
import { type LinkHandler, ReplicationLink } from '../replication/link.js';
import { HandlerTap } from './handler-tap.js';
import { checksumProblem, isInputError } from './read-snapshot.js';
import {
  type AofEnd,
  type SnapshotEnd,
  type SnapshotInput,
  type SnapshotOptions,
  WINDOW_BYTES,
} from './snapshot-input.js';

export class LiveInput implements SnapshotInput {
  readonly label: string;
  readonly hasCommands = false;
  readonly #endpoint: Endpoint;
  readonly #psyncCommand: string;
  #link: ReplicationLink | undefined;
  #reader: LiveReader | undefined;

  constructor(endpoint: Endpoint, psyncCommand = 'PSYNC') {
    this.#endpoint = endpoint;
    this.#psyncCommand = psyncCommand;
    this.label = formatEndpoint(endpoint);
  }

  get totalBytes(): number | undefined {
    return this.#reader?.totalBytes;
  }

  get bytesRead(): number {
    return this.#reader?.bytesRead ?? 0;
  }

  async snapshot(handler: RdbHandler, options: SnapshotOptions = {}): Promise<SnapshotEnd> {
    const crc = options.crc ?? new Crc64(WINDOW_BYTES);
    const home = crc.window.length > 0 ? crc.window : new Uint8Array(WINDOW_BYTES);
    const reader = new LiveReader(handler, crc, options, this.label);
    this.#reader = reader;
    const link = new ReplicationLink({
      source: this.#endpoint,
      window: new ByteWindow(home),
      handler: reader,
      psyncCommand: this.#psyncCommand,
      position: undefined,
      rdbOnly: true,
    });
    this.#link = link;
    reader.link = link;
    const abort = (): void => link.stop();
    options.signal?.throwIfAborted();
    options.signal?.addEventListener('abort', abort);
    try {
      await link.run();
    } catch (error) {
      reader.failed(error);
    } finally {
      options.signal?.removeEventListener('abort', abort);
      link.stop();
    }
    options.signal?.throwIfAborted();
    return reader.end();
  }

  commands(): Promise<AofEnd> {
    return Promise.reject(new ReplicantError('INTERNAL', 'a server gives a snapshot only'));
  }

  close(): Promise<void> {
    this.#link?.stop();
    return Promise.resolve();
  }
}

class LiveReader implements LinkHandler {
  link: ReplicationLink | undefined;
  totalBytes: number | undefined;
  readonly #tap: HandlerTap;
  readonly #crc: Crc64;
  readonly #o: SnapshotOptions;
  #decoder: RdbDecoder;
  #waiting = false;
  #problem: ReplicantError | undefined;
  #error: unknown;

  constructor(handler: RdbHandler, crc: Crc64, options: SnapshotOptions, label: string) {
    this.#o = options;
    this.#crc = crc;
    this.#tap = new HandlerTap(handler, options.onError === 'skip', (error) =>
      options.onLost?.(error.within({ at: label })),
    );
    this.#decoder = this.#newDecoder();
  }

  get bytesRead(): number {
    return this.#decoder.offset;
  }

  end(): SnapshotEnd {
    if (this.#error !== undefined) throw this.#error;
    const { dialect, version, checksum } = this.#tap;
    const bytes = this.#decoder.offset;
    const problem = this.#problem;
    return { format: 'rdb', dialect, version, checksum, bytes, commandsFollow: false, problem };
  }

  /** The link has ended with an error. */
  failed(error: unknown): void {
    if (this.#error !== undefined) return;
    if (this.#o.onError !== 'skip' || !isInputError(error)) {
      this.#error = error;
      return;
    }
    this.#problem = error;
    this.#o.onLost?.(error);
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------

  get snapshotDone(): boolean {
    return this.#decoder.done;
  }

  get needed(): number {
    return 0;
  }

  get blocked(): boolean {
    return this.#waiting;
  }

  get acknowledged(): number {
    return 0;
  }

  fullResync(): void {
    this.#decoder = this.#newDecoder();
  }

  /** Never: no position is offered. */
  continued(): void {
    throw new ReplicantError('SOURCE_PROTOCOL', 'the source continues a stream that was not asked for');
  }

  transferHeader(header: Parameters<LinkHandler['transferHeader']>[0]): void {
    this.totalBytes = header.kind === 'sized' ? header.bytes : undefined;
  }

  snapshot(bytes: Uint8Array, start: number, end: number): number {
    this.#o.beforeBatch?.();
    const next = this.#decoder.feed(bytes, start, end);
    this.#o.afterBatch?.();
    // Without progress there is nothing to wait for but more bytes.
    const wait = next > start ? this.#o.drain?.() : undefined;
    if (wait !== undefined) this.#wait(wait);
    return next;
  }

  snapshotEnd(): void {
    const problem = checksumProblem(this.#tap.checksum, this.#decoder.offset, this.#o);
    if (problem !== undefined) throw problem;
    this.link?.stop();
  }

  stream(_bytes: Uint8Array, _start: number, end: number): number {
    return end;
  }

  #newDecoder(): RdbDecoder {
    const { limits } = this.#o;
    return new RdbDecoder(this.#tap, { crc: this.#crc, ...(limits === undefined ? {} : { limits }) });
  }

  #wait(drained: Promise<void>): void {
    this.#waiting = true;
    drained.then(
      () => {
        this.#waiting = false;
        this.link?.resume();
      },
      (error: unknown) => {
        this.#error ??= error;
        this.link?.stop();
      },
    );
  }
}
