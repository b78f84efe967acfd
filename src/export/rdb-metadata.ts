/**
 * What stands in a snapshot beside its keys, on the way to the files written: AUX fields, function libraries,
 * data of modules.
 */
import { ReplicantError } from '../errors.js';
import { showKey } from '../keyspace/words.js';
import type { RdbEntry } from '../rdb/handler.js';
import { lengthAsBigInt } from '../rdb/primitives.js';
import { formatServer, type ServerIdentity } from '../rdb/server-support.js';
import { moduleName } from '../rdb/module-name.js';
import type { Destination, HandlerOptions } from './rdb-export-handler.js';
import type { RdbTally } from './rdb-report.js';

/**
 * Fields that would not be true of the result: positions in a replication stream, counts of slots, what
 * follows the file.
 */
const NOT_KEPT = new Set([
  ...['repl-stream-db', 'repl-id', 'repl-offset', 'aof-preamble', 'aof-base'],
  ...['slot-info', 'cluster-asm-task', 'cluster-slot-imports', 'used-mem'],
]);
/** Fields that belong to the key before them (KeyDB: expiry of a member). */
const OF_LAST_KEY = new Set(['keydb-subexpire-key', 'keydb-subexpire-when']);
const OF_KEYDB = new Set(['mvcc-tstamp', ...OF_LAST_KEY]);

export class RdbMetadata {
  snapshotTimeMs: number;
  readonly #o: HandlerOptions;
  #destinations: readonly Destination[] = [];
  #label = '';
  /** Names and the like are taken from the input that comes first. */
  #first = true;
  #inputs = 0;
  #keyWritten = false;
  readonly #libraries = new Map<string, string>();

  constructor(options: HandlerOptions) {
    this.#o = options;
    this.snapshotTimeMs = options.nowMs();
  }

  begin(label: string, destinations: readonly Destination[]): void {
    this.#label = label;
    this.#destinations = destinations;
    this.#first = this.#inputs++ === 0;
    this.#keyWritten = false;
    this.snapshotTimeMs = this.#o.nowMs();
  }

  /** The key that fields may follow has been written, or not. */
  keyPassed(written: boolean): void {
    this.#keyWritten = written;
  }

  aux(nameBytes: Uint8Array, value: Uint8Array): void {
    const name = latin1(nameBytes);
    if (name === 'ctime') this.snapshotTimeMs = Number(latin1(value)) * 1000;
    if (!this.#keeps(name)) return;
    for (const { writer } of this.#destinations) writer.aux(nameBytes, value);
  }

  functionLibrary(source: Uint8Array): void {
    const { tally, duplicates } = this.#o;
    const name = libraryName(source);
    const loss = { what: 'dropped', input: this.#label, type: 'function', key: name } as const;
    if (!this.#destinations.every(({ writer }) => writer.takesFunctions)) {
      tally.lose({ ...loss, why: 'functions need Redis 7.0 or Valkey' });
      return;
    }
    const text = latin1(source);
    const before = this.#libraries.get(name);
    if (before === undefined) {
      this.#libraries.set(name, text);
      for (const { writer } of this.#destinations) writer.functionLibrary(source);
    } else if (before !== text) {
      if (duplicates === 'fail') {
        throw new ReplicantError('USAGE', `the function library ${name} is not the same in all inputs`, {
          place: { at: this.#label },
          hint: 'say which one is to be kept: --duplicates first or --duplicates last',
        });
      }
      tally.duplicates++;
    }
  }

  /** Modules keep such data for themselves; two inputs' can't be put together. */
  moduleAux(record: Uint8Array): void {
    if (!this.#first) return;
    for (const { writer } of this.#destinations) writer.moduleAux(record);
  }

  #keeps(name: string): boolean {
    if (NOT_KEPT.has(name)) return false;
    const { converter, tally } = this.#o;
    if (OF_KEYDB.has(name) && converter !== undefined) {
      if (name === 'keydb-subexpire-key' && this.#keyWritten) {
        tally.lose({
          what: 'changed',
          input: this.#label,
          why: 'a KeyDB expiry of a single member left out',
        });
      }
      return false;
    }
    if (OF_LAST_KEY.has(name)) return this.#keyWritten;
    if (name === 'valkey-ver' && converter?.server.family === 'redis') return false;
    return this.#first || name === 'lua';
  }
}

/** `#!lua name=NAME`, the first line of a library. */
function libraryName(source: Uint8Array): string {
  const [line = ''] = latin1(source.subarray(0, 512)).split('\n');
  return /\bname=(\S+)/u.exec(line)?.[1] ?? showKey(source);
}

/** A server without the module refuses the whole file, so its name is worth a note. */
export function noteModule(entry: RdbEntry, tally: RdbTally, server: ServerIdentity | undefined): void {
  if (entry.type.kind !== 'module') return;
  const name = moduleName(lengthAsBigInt(entry.bytes, entry.valueStart));
  if (name === 'vectorset' && server !== undefined) {
    tally.notes.add(
      'there are vector sets: a patch release older than the one that wrote them may refuse the file, as 8.0.2 does those of 8.0.6',
    );
    return;
  }
  const who = server === undefined ? 'the server' : formatServer(server);
  tally.notes.add(`there are values of the module ${name}: ${who} loads the file only with that module`);
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
