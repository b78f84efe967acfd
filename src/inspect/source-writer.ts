/** What the AUX fields of a snapshot say of the server that wrote it. */
import type { Dialect } from '../rdb/dialect.js';
import { parseServerName, serverOfRdbVersion, type ServerName } from './server-profile.js';

export class SourceWriter {
  #dialect: Dialect = 'redis';
  #version = 0;
  #named: ServerName | undefined;
  /** `redis 7.2.6`; undefined when the file does not say. */
  text: string | undefined;
  takenAtMs: number | undefined;
  usedMemory: number | undefined;

  begin(dialect: Dialect, version: number): void {
    this.#dialect = dialect;
    this.#version = version;
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    const word = latin1(name);
    if (word === 'ctime') this.takenAtMs = positive(latin1(value), 1000);
    else if (word === 'used-mem') this.usedMemory = positive(latin1(value), 1);
    else if (word === 'valkey-ver') this.#name('valkey', latin1(value));
    // Valkey up to 8.1 names beside itself the Redis it is compatible with.
    else if (word === 'redis-ver' && this.#named?.family !== 'valkey') this.#name('redis', latin1(value));
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  get version(): number {
    return this.#version;
  }

  /** Does the file say it? */
  get isNamed(): boolean {
    return this.#named !== undefined;
  }

  get server(): ServerName {
    return this.#named ?? serverOfRdbVersion(this.#dialect, this.#version);
  }

  #name(family: Dialect, version: string): void {
    this.#named = parseServerName(`${family} ${version}`);
    this.text = `${family} ${version}`;
  }
}

function positive(text: string, factor: number): number | undefined {
  const value = Number(text) * factor;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
