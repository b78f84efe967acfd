/**
 * What stands on the command line → an input: a path to a file or an `appendonlydir`, `-` for stdin, or the
 * address of a running server, of Sentinels or of a cluster.
 */
import { readdir, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ReplicantError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import { parseEndpoint } from '../net/parse-endpoint.js';
import { openManifest } from './aof-manifest.js';
import { explainFileError, FileSource, PeekedSource, StreamSource } from './byte-source.js';
import { DeploymentInput } from './deployment-input.js';
import { FileInput } from './file-input.js';
import { ScratchInput, type ScratchOptions } from './scratch-input.js';
import { HEAD_BYTES } from './sniff.js';
import type { SnapshotInput } from './snapshot-input.js';
import { unwrap } from './unwrap.js';

export interface InputOptions {
  /** For a server: with password and TLS files already in it. Otherwise the spec is parsed. */
  readonly endpoint?: Endpoint | undefined;
  /** The name of PSYNC there. */
  readonly psyncCommand?: string | undefined;
  /** For `-`; default: the process's own. */
  readonly stdin?: Readable | undefined;
  /** Have a server carry out the commands of an AOF, so that there are only values. */
  readonly scratch?: ScratchOptions | undefined;
}

export type InputKind = 'stdin' | 'server' | 'path';

/** What a spec means, by its form alone. */
export function inputKind(spec: string): InputKind {
  if (spec === '-') return 'stdin';
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(spec)) return 'server';
  // Shorthand for redis://, unless it reads like a file.
  return /^([^/@]*@)?[\w.-]+:\d+(,[\w.-]+:\d+)*(\/\d*)?(\?[\w=&.-]*)?$/u.test(spec) ? 'server' : 'path';
}

export async function openInput(spec: string, options: InputOptions = {}): Promise<SnapshotInput> {
  switch (options.endpoint === undefined ? inputKind(spec) : 'server') {
    case 'server':
      return new DeploymentInput(options.endpoint ?? parseEndpoint(spec, 'source'), options.psyncCommand);
    default: {
      const input = await openFileInput(spec, options);
      if (options.scratch === undefined) return input;
      return new ScratchInput(input, spec === '-' ? undefined : () => openFileInput(spec), options.scratch);
    }
  }
}

/** A file, the files of a multi-part AOF, or stdin. `content` of the result says what it is. */
export async function openFileInput(spec: string, options: InputOptions = {}): Promise<FileInput> {
  const manifest = spec === '-' ? undefined : await findManifest(spec);
  if (manifest !== undefined) return openManifest(manifest);
  const source =
    spec === '-' ? new StreamSource(options.stdin ?? process.stdin, 'stdin') : await FileSource.open(spec);
  try {
    const first = await PeekedSource.open(await unwrap(source), HEAD_BYTES);
    return new FileInput({ label: source.label, first, more: [] });
  } catch (error) {
    await source.close();
    throw error instanceof ReplicantError ? error.within({ at: source.label }) : error;
  }
}

/** The manifest meant by a path: itself, or the one in a directory; undefined for any other file. */
async function findManifest(path: string): Promise<string | undefined> {
  if (path.endsWith('.manifest')) return path;
  const stats = await stat(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  if (!stats.isDirectory()) return undefined;
  const found = (await readdir(path)).filter((name) => name.endsWith('.manifest'));
  const [manifest] = found;
  if (manifest !== undefined && found.length === 1) return `${path.replace(/\/+$/u, '')}/${manifest}`;
  throw new ReplicantError(
    'USAGE',
    found.length === 0
      ? 'this directory holds no AOF manifest'
      : `this directory holds ${found.length} AOF manifests`,
    { place: { at: path }, hint: 'name the .manifest file, or the .rdb or .aof file itself' },
  );
}
