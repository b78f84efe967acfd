/**
 * gzip (any number of members, as `cat a.gz b.gz` makes them) and zstd (any number of frames) by way of
 * node:zlib. Their checksums are verified there; zstd came with Node 22.15 and 23.8.
 */
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { ReplicantError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { ZstdFrames } from './zstd-frames.js';

const IN_BYTES = 256 * 1024;
const OUT_BYTES = 256 * 1024;

/** Not in the type definitions of the oldest Node we run on. */
const maybeZstd = zlib as unknown as {
  readonly createZstdDecompress?: (options: { chunkSize: number }) => Transform;
};

export function openGunzip(inner: ByteSource): ByteSource {
  return new TransformSource(inner, zlib.createGunzip({ chunkSize: OUT_BYTES }), 'gzip');
}

export function openUnzstd(inner: ByteSource): ByteSource {
  const create = maybeZstd.createZstdDecompress;
  if (create === undefined) {
    throw new ReplicantError('RDB_UNSUPPORTED', `zstd can't be read by Node ${process.versions.node}`, {
      hint: 'use Node 22.15 or later, or decompress it first: zstd -dc FILE | replicant … -',
    });
  }
  return new ZstdSource(inner, () => create({ chunkSize: OUT_BYTES }));
}

class TransformSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #transform: Transform;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #left: Uint8Array = new Uint8Array(0);
  /** What the inner source failed with, which is not the transform's fault. */
  #innerError: unknown;

  constructor(inner: ByteSource, transform: Transform, name: string) {
    this.#inner = inner;
    this.#transform = transform;
    this.#name = name;
    const input = Readable.from(this.#pieces());
    input.on('error', (error) => transform.destroy(error));
    this.#chunks = input.pipe(transform)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  get label(): string {
    return this.#inner.label;
  }

  get totalBytes(): number | undefined {
    return this.#inner.totalBytes;
  }

  get bytesRead(): number {
    return this.#inner.bytesRead;
  }

  get modifiedMs(): number | undefined {
    return this.#inner.modifiedMs;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#left.length === 0) {
      const next = await this.#next();
      if (next === undefined) return 0;
      this.#left = next;
    }
    const count = Math.min(into.length, this.#left.length);
    into.set(this.#left.subarray(0, count));
    this.#left = this.#left.subarray(count);
    return count;
  }

  close(): Promise<void> {
    this.#transform.destroy();
    return this.#inner.close();
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const piece = new Uint8Array(IN_BYTES);
        const count = await this.#inner.read(piece);
        if (count === 0) return;
        yield piece.subarray(0, count);
      }
    } catch (error) {
      this.#innerError = error;
      throw error;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      throw this.#innerError ?? this.#explain(error);
    }
  }

  #explain(error: unknown): ReplicantError {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const message = error instanceof Error ? error.message : String(error);
    const place = { at: this.label, offset: this.#inner.bytesRead };
    const cut = code === 'Z_BUF_ERROR' || /unexpected end/iu.test(message);
    if (cut) {
      return new ReplicantError('RDB_TRUNCATED', `the ${this.#name} data end in the middle`, {
        place,
        hint: 'the file is incomplete; copy it again',
        cause: error,
      });
    }
    return new ReplicantError('RDB_CORRUPT', `the ${this.#name} data are damaged: ${message}`, {
      place,
      cause: error,
    });
  }
}

/** One decompressor for each frame. */
class ZstdSource implements ByteSource {
  readonly #inner: ByteSource;
  readonly #create: () => Transform;
  readonly #frames: ZstdFrames;
  #frame: TransformSource | undefined;

  constructor(inner: ByteSource, create: () => Transform) {
    this.#inner = inner;
    this.#create = create;
    this.#frames = new ZstdFrames(inner);
  }

  get label(): string {
    return this.#inner.label;
  }

  get totalBytes(): number | undefined {
    return this.#inner.totalBytes;
  }

  get bytesRead(): number {
    return this.#inner.bytesRead;
  }

  get modifiedMs(): number | undefined {
    return this.#inner.modifiedMs;
  }

  async read(into: Uint8Array): Promise<number> {
    for (;;) {
      if (this.#frame === undefined) {
        if (!(await this.#frames.next())) return 0;
        this.#frame = new TransformSource(this.#current(), this.#create(), 'zstd');
      }
      const count = await this.#frame.read(into);
      if (count > 0) return count;
      this.#frame = undefined;
    }
  }

  async close(): Promise<void> {
    await this.#frame?.close();
    await this.#inner.close();
  }

  /** The bytes of the frame alone. */
  #current(): ByteSource {
    const { label, totalBytes, modifiedMs } = this.#inner;
    const inner = this.#inner;
    return {
      ...{ label, totalBytes, modifiedMs },
      get bytesRead() {
        return inner.bytesRead;
      },
      read: (into) => this.#frames.read(into),
      close: () => Promise.resolve(),
    };
  }
}
