/** Which server wrote a snapshot, and when: what its AUX fields say, or else the oldest that writes its version. */
import type { Dialect } from '../rdb/dialect.js';
import type { ServerIdentity } from '../rdb/server-support.js';
import { serverOfRdbVersion } from '../inspect/server-profile.js';
import type { SourceFacts } from './format-writer.js';

const VERSION = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})/u;

export class SourceServer {
  #dialect: Dialect = 'redis';
  #version = 0;
  #server: ServerIdentity | undefined;
  /** When the snapshot was taken; undefined when it does not say. */
  snapshotTimeMs: number | undefined;

  begin(dialect: Dialect, version: number): void {
    this.#dialect = dialect;
    this.#version = version;
  }

  /** Valkey writes `valkey-ver`, and beside it, up to 8.1, `redis-ver` as what it is compatible with. */
  aux(name: Uint8Array, value: Uint8Array): void {
    if (latin1(name) === 'ctime') this.snapshotTimeMs = Number(latin1(value)) * 1000;
    const family = FAMILIES[latin1(name)];
    if (family === undefined || (family === 'redis' && this.#server?.family === 'valkey')) return;
    const match = VERSION.exec(latin1(value));
    if (match === null) return;
    this.#server = { family, version: [Number(match[1]), Number(match[2]), Number(match[3])] };
  }

  facts(): SourceFacts {
    return { dialect: this.#dialect, server: this.#server ?? this.#guess() };
  }

  #guess(): ServerIdentity {
    const { family, major, minor } = serverOfRdbVersion(this.#dialect, this.#version);
    return { family, version: [major, minor, 0] };
  }
}

const FAMILIES: Readonly<Record<string, Dialect | undefined>> = {
  'redis-ver': 'redis',
  'valkey-ver': 'valkey',
};

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
