/** The files an export to RDB writes: opened when the format is known, named when they are complete. */
import { statSync } from 'node:fs';
import { join, parse } from 'node:path';
import { Crc64 } from '../bytes/crc64.js';
import { ReplicantError } from '../errors.js';
import { RdbFileWriter } from '../rdb/encode/file-writer.js';
import { formatFor, formatMagic, type RdbFormat, type ServerIdentity } from '../rdb/server-support.js';
import type { ByteTarget } from './output.js';
import type { Destination } from './rdb-export-handler.js';
import { openOutput, type RdbOutput, StreamOutput } from './rdb-outputs.js';
import type { Shard } from './slot-split.js';

/** Servers from 2.6 on read this; older formats only lack things. */
export const OLDEST_VERSION = 6;
const VALKEY_VERSION = 80;
const LAST_COMMON_VERSION = 11;
/** Memory for the buffers of all files together, and the least for one. */
const BUFFER_BYTES = 16 * 1024 * 1024;
const LEAST_BUFFER_BYTES = 16 * 1024;
const MOST_BUFFER_BYTES = 256 * 1024;

export interface RdbFilesOptions {
  readonly out: string | undefined;
  readonly server: ServerIdentity | undefined;
  readonly force?: boolean | undefined;
}

export class RdbFiles {
  destinations: readonly Destination[] = [];
  readonly #o: RdbFilesOptions;
  readonly #shards: readonly Shard[] | undefined;
  readonly #target: ByteTarget | undefined;
  /** One for all files: they are written in turn. */
  readonly #sums = new Crc64();

  constructor(
    options: RdbFilesOptions,
    shards: readonly Shard[] | undefined,
    stdout: ByteTarget | undefined,
  ) {
    this.#o = options;
    this.#shards = shards;
    this.#target = stdout;
  }

  get isOpen(): boolean {
    return this.destinations.length > 0;
  }

  async finish(): Promise<void> {
    for (const { writer } of this.destinations) writer.end();
    for (const { output } of this.destinations) await output.finish();
  }

  /** What is not finished leaves no trace. */
  discard(): void {
    for (const { output } of this.destinations) output.discard();
  }

  /** At the first input: opens the files; at a later one: makes sure that it fits. */
  open(input: RdbFormat): readonly Destination[] {
    const { server } = this.#o;
    const wanted: RdbFormat =
      server === undefined
        ? { ...input, version: Math.max(OLDEST_VERSION, input.version) }
        : formatFor(server);
    const [first] = this.destinations;
    if (first === undefined) this.destinations = this.#openAll(wanted);
    else if (!fits(wanted, first.writer.format)) throw doesNotFit(wanted, first.writer.format);
    return this.destinations;
  }

  #openAll(format: RdbFormat): Destination[] {
    const paths = this.#shards === undefined ? [this.#o.out] : shardPaths(this.#o.out!, this.#shards);
    const chunkBytes = Math.min(MOST_BUFFER_BYTES, Math.max(LEAST_BUFFER_BYTES, BUFFER_BYTES / paths.length));
    if (this.#shards !== undefined && this.#o.force !== true) refuseExisting(paths);
    const opened: Destination[] = [];
    try {
      for (const path of paths) {
        const output = path === undefined ? this.#stdout() : openOutput(path);
        const writer = new RdbFileWriter((bytes) => output.write(bytes), format, {
          crc: this.#sums,
          chunkBytes,
        });
        opened.push({ writer, output });
      }
    } catch (error) {
      for (const { output } of opened) output.discard();
      throw error;
    }
    return opened;
  }

  #stdout(): RdbOutput {
    if (this.#target === undefined) throw new ReplicantError('INTERNAL', 'no stdout was given');
    return new StreamOutput(this.#target);
  }
}

/** `dump.rdb` → `dump-1.rdb`; in a directory `1.rdb`. */
function shardPaths(out: string, shards: readonly Shard[]): string[] {
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === true) {
    return shards.map(({ name }) => join(out, `${name}.rdb`));
  }
  const { dir, name: base, ext } = parse(out);
  return shards.map(({ name }) => join(dir, `${base}-${name}${ext === '' ? '.rdb' : ext}`));
}

function refuseExisting(paths: readonly (string | undefined)[]): void {
  const there = paths.find(
    (path) => path !== undefined && statSync(path, { throwIfNoEntry: false }) !== undefined,
  );
  if (there === undefined) return;
  throw new ReplicantError('USAGE', 'an output file is there already', {
    place: { at: there },
    hint: 'name another one, or replace it with --force',
  });
}

function fits(input: RdbFormat, output: RdbFormat): boolean {
  if (input.dialect === output.dialect) return input.version <= output.version;
  return output.version >= VALKEY_VERSION && input.version <= LAST_COMMON_VERSION;
}

function doesNotFit(input: RdbFormat, output: RdbFormat): ReplicantError {
  const [is, has] = [formatMagic(input), formatMagic(output)];
  return new ReplicantError(
    'USAGE',
    `an input is ${is}, which does not fit into the ${has} of the one read first`,
    {
      hint: 'name the server that is to load the result, such as --for redis-7.2',
    },
  );
}
