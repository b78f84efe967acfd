/**
 * Commands for `redis-cli --pipe`, which make the keys anew on the server they are sent to:
 *
 *   SELECT db                            whenever the database changes
 *   SET key value, PEXPIREAT key ms      strings
 *   UNLINK key, RPUSH …, PEXPIREAT …     everything else, see convert/value-to-commands.ts
 *   RESTORE key ttl payload REPLACE …    with `restore`, and always for what has no command form (module
 *                                        values, arrays); large values go as commands nevertheless
 *   FUNCTION LOAD REPLACE source         functions
 *
 * Which commands and options are used depends on the server they are for: that named, else one like the
 * source.
 */
import { ValueToCommands, type ValueLosses } from '../convert/value-to-commands.js';
import { ReplicantError } from '../errors.js';
import { bytesOf, showKey } from '../keyspace/words.js';
import type { Dialect } from '../rdb/dialect.js';
import { encodeDumpPayload } from '../rdb/dump-payload.js';
import type { RdbEntry } from '../rdb/handler.js';
import { Header, readString, STR_PLAIN } from '../rdb/primitives.js';
import type { ServerIdentity } from '../rdb/server-support.js';
import { ValueDecoder } from '../rdb/value-decoder.js';
import { capabilitiesOf, type Capabilities } from '../target/capabilities.js';
import type { FormatWriter, LargeValueWriter, SourceFacts } from './format-writer.js';
import type { Output } from './output.js';

export interface RespOptions {
  /** RESTORE payloads rather than commands. */
  readonly restore: boolean;
  /** The server the commands are for; undefined: like the source. */
  readonly server: ServerIdentity | undefined;
  /** Something of a key, or of the snapshot, has no place on that server. */
  readonly onLoss: (loss: ReplicantError) => void;
}

const CRLF = bytesOf('\r\n');
const SELECT = bytesOf('SELECT');
const SET = bytesOf('SET');
const PEXPIREAT = bytesOf('PEXPIREAT');
const RESTORE = bytesOf('RESTORE');
const FUNCTION_LOAD = ['FUNCTION', 'LOAD', 'REPLACE'].map((word) => bytesOf(word));
const NO_META = new Uint8Array(0);
const STAR = 42;
const DOLLAR = 36;

export class RespWriter implements FormatWriter {
  readonly #out: Output;
  readonly #o: RespOptions;
  readonly #header = new Header();
  readonly #emit = (args: readonly Uint8Array[]): void => this.#command(args);
  #can: Capabilities = capabilitiesOf({ family: 'redis', version: [7, 2, 0] });
  #dialect: Dialect = 'redis';
  #decoder: ValueDecoder | undefined;
  /** The database selected by what was written; -1: none yet. */
  #db = -1;

  constructor(out: Output, options: RespOptions) {
    this.#out = out;
    this.#o = options;
  }

  begin({ dialect, server }: SourceFacts): void {
    this.#dialect = dialect;
    this.#can = capabilitiesOf(this.#o.server ?? server);
  }

  functionLibrary(source: Uint8Array): void {
    if (this.#can.functions) this.#command([...FUNCTION_LOAD, source]);
    else
      this.#o.onLoss(new ReplicantError('RDB_UNSUPPORTED', 'a function library: functions need Redis 7.0'));
  }

  entry(entry: RdbEntry, db: number): void {
    const before = this.#db;
    try {
      this.#select(db);
      this.#entry(entry);
    } catch (error) {
      this.#db = before;
      throw error;
    }
  }

  openLarge(entry: RdbEntry, db: number): LargeValueWriter {
    this.#select(db);
    return new LargeCommands(this.#commandsFor(entry), entry.type.id, this.#dialect, (losses) =>
      this.#report(entry, db, losses),
    );
  }

  /** They have SELECTs of their own, and begin in database 0. */
  commandsBegin(): void {
    this.#select(0);
    this.#db = -1;
  }

  commands(bytes: Uint8Array, start: number, end: number): void {
    this.#out.put(bytes, start, end);
  }

  finish(): void {}

  #entry(entry: RdbEntry): void {
    const { kind, id } = entry.type;
    const opaque = kind === 'module' || kind === 'array';
    if (opaque || (this.#o.restore && this.#can.acceptsType(id, this.#dialect))) this.#restore(entry);
    else if (kind !== 'string' || !this.#plainString(entry)) this.#asCommands(entry);
  }

  #plainString(entry: RdbEntry): boolean {
    const header = this.#header;
    const { bytes, valueStart, valueEnd } = entry;
    readString(header, bytes, valueStart, valueEnd);
    if (header.form !== STR_PLAIN) return false;
    this.#begin(3);
    this.#argument(SET, 0, SET.length);
    this.#argument(entry.keyBytes, entry.keyStart, entry.keyEnd);
    this.#argument(bytes, header.start, header.start + header.fileBytes);
    this.#expire(entry);
    return true;
  }

  #asCommands(entry: RdbEntry): void {
    const commands = this.#commandsFor(entry);
    const decoder = (this.#decoder ??= new ValueDecoder(0, this.#dialect, commands));
    decoder.reset(entry.type.id, this.#dialect, commands);
    const at = decoder.feed(entry.bytes, entry.valueStart, entry.valueEnd);
    if (!decoder.done || at !== entry.valueEnd) {
      throw new ReplicantError('RDB_CORRUPT', 'a value whose content does not fill it', {
        place: { offset: at },
      });
    }
    this.#report(entry, entry.db, commands.finish());
  }

  #commandsFor(entry: RdbEntry): ValueToCommands {
    const { keyBytes, keyStart, keyEnd, expiresAtMs } = entry;
    const key = keyBytes.subarray(keyStart, keyEnd);
    return new ValueToCommands({ key, expiresAtMs, abilities: this.#can }, this.#emit);
  }

  #restore(entry: RdbEntry): void {
    const { restoreAbsttl, restoreReplace, keyMetadata } = this.#can;
    const { type, bytes, valueStart, valueEnd } = entry;
    const meta = keyMetadata ? entry.keyMeta : undefined;
    const payload = encodeDumpPayload(
      type.id,
      bytes.subarray(valueStart, valueEnd),
      undefined,
      meta ?? NO_META,
    );
    const absolute = restoreAbsttl && entry.expiresAtMs >= 0;
    const ttl = absolute ? (entry.expiresAtText ?? String(Math.max(1, entry.expiresAtMs))) : '0';
    const key = entry.keyBytes.subarray(entry.keyStart, entry.keyEnd);
    const args = [RESTORE, key, bytesOf(ttl), payload];
    if (restoreReplace) args.push(bytesOf('REPLACE'));
    if (absolute) args.push(bytesOf('ABSTTL'));
    if (restoreAbsttl && entry.idleSeconds >= 0)
      args.push(bytesOf('IDLETIME'), bytesOf(String(entry.idleSeconds)));
    else if (restoreAbsttl && entry.lfuFrequency >= 0) {
      args.push(bytesOf('FREQ'), bytesOf(String(entry.lfuFrequency)));
    }
    this.#command(args);
    if (!absolute) this.#expire(entry);
  }

  #expire(entry: RdbEntry): void {
    if (entry.expiresAtMs < 0) return;
    this.#begin(3);
    this.#argument(PEXPIREAT, 0, PEXPIREAT.length);
    this.#argument(entry.keyBytes, entry.keyStart, entry.keyEnd);
    const deadline = bytesOf(entry.expiresAtText ?? String(entry.expiresAtMs));
    this.#argument(deadline, 0, deadline.length);
  }

  #select(db: number): void {
    if (db === this.#db) return;
    this.#command([SELECT, bytesOf(String(db))]);
    this.#db = db;
  }

  #report(entry: RdbEntry, db: number, losses: Readonly<ValueLosses>): void {
    const lost = Object.entries(losses).filter(([, count]) => count > 0);
    if (lost.length === 0) return;
    const what = lost.map(([name, count]) => `${count} × ${name}`).join(', ');
    const key = showKey(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd));
    this.#o.onLoss(
      new ReplicantError('RDB_UNSUPPORTED', `commands can't make all of this value: ${what} left out`, {
        place: { offset: entry.offset, db, key },
      }),
    );
  }

  #command(args: readonly Uint8Array[]): void {
    this.#begin(args.length);
    for (const arg of args) this.#argument(arg, 0, arg.length);
  }

  #begin(count: number): void {
    const out = this.#out;
    out.byte(STAR);
    out.integer(count);
    out.word(CRLF);
  }

  #argument(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    out.byte(DOLLAR);
    out.integer(end - start);
    out.word(CRLF);
    if (end - start > 64) out.put(bytes, start, end);
    else {
      out.room(end - start);
      for (let from = start; from < end; from++) out.bytes[out.at++] = bytes[from]!;
    }
    out.word(CRLF);
  }
}

/** A value on its way from pieces of the file to commands. */
class LargeCommands implements LargeValueWriter {
  readonly #commands: ValueToCommands;
  readonly #decoder: ValueDecoder;
  readonly #report: (losses: Readonly<ValueLosses>) => void;

  constructor(
    commands: ValueToCommands,
    type: number,
    dialect: Dialect,
    report: (losses: Readonly<ValueLosses>) => void,
  ) {
    this.#commands = commands;
    this.#decoder = new ValueDecoder(type, dialect, commands);
    this.#report = report;
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  get needBytes(): number {
    return this.#decoder.needBytes;
  }

  feed(bytes: Uint8Array, start: number, end: number): number {
    return this.#decoder.feed(bytes, start, end);
  }

  end(): void {
    this.#report(this.#commands.finish());
  }

  /** The commands so far are whole. */
  abandon(): void {}
}
