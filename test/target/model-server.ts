/* oxlint-disable vitest/no-standalone-expect -- a model checks itself, as far as the case at hand goes */
/**
 * A server made of memory that means what it is told: databases of strings, MULTI/EXEC/WATCH, errors when a command
 * is queued (then EXEC does nothing) and when it is carried out (then the rest is done). A connection takes bytes
 * when told to, answers when told to, and may break with any of them under way.
 */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { CommandScanner, commandArgs, INCOMPLETE } from '../../src/resp/command-scanner.js';
import type { Pipeline, PipelineOutput } from '../../src/target/pipeline.js';
import { bytes, text } from './support.js';

type Db = Map<string, string>;

const NAMES = new Set(
  'SET GET APPEND INCR DEL RENAME SELECT FLUSHDB FLUSHALL SWAPDB PING PUBLISH PEXPIREAT SCRIPTED'.split(' '),
);
export const DATABASES = 16;

export class ModelStore {
  readonly dbs: Db[] = Array.from({ length: DATABASES }, () => new Map<string, string>());
  readonly #versions = new Map<string, number>();

  get(db: number, key: string): string | undefined {
    return this.dbs[db]!.get(key);
  }

  version(db: number, key: string): number {
    return this.#versions.get(`${db}/${key}`) ?? 0;
  }

  /** As text, large values by their hash; `but` is a key of database 0 that is left out. */
  dump(but = '', keep: (key: string, db: number) => boolean = () => true): string {
    return this.dbs
      .flatMap((db, index) =>
        [...db]
          .filter(([key]) => (index !== 0 || key !== but) && keep(key, index))
          .map(([key, value]) => `${index}/${key}=${value.length > 200 ? shortened(value) : value}`),
      )
      .toSorted()
      .join('\n');
  }

  put(db: number, key: string, value: string | undefined): void {
    if (value === undefined && !this.dbs[db]!.has(key)) return;
    this.#versions.set(`${db}/${key}`, this.version(db, key) + 1);
    if (value === undefined) this.dbs[db]!.delete(key);
    else this.dbs[db]!.set(key, value);
  }

  empty(db: number, which: (key: string) => boolean = () => true): void {
    for (const key of this.dbs[db]!.keys()) if (which(key)) this.put(db, key, undefined);
  }

  /** Runs one command of a client and returns the reply. */
  run(client: { db: number }, [name = '', ...args]: readonly string[]): string {
    const [first = '', second = ''] = args;
    const { db } = client;
    const old = this.get(db, first);
    switch (name.toUpperCase()) {
      case 'SET':
        this.put(db, first, second);
        return '+OK\r\n';
      case 'GET':
        return old === undefined ? '$-1\r\n' : `$${old.length}\r\n${old}\r\n`;
      case 'APPEND':
        this.put(db, first, (old ?? '') + second);
        return ':1\r\n';
      case 'INCR':
        if (!/^\d*$/.test(old ?? '')) return '-ERR value is not an integer\r\n';
        this.put(db, first, String(Number(old ?? '0') + 1));
        return ':1\r\n';
      case 'DEL':
        for (const key of args) this.put(db, key, undefined);
        return ':1\r\n';
      case 'RENAME':
        if (old === undefined) return '-ERR no such key\r\n';
        this.put(db, first, undefined);
        this.put(db, second, old);
        return '+OK\r\n';
      case 'SELECT':
        if (Number(first) >= DATABASES) return '-ERR DB index is out of range\r\n';
        client.db = Number(first);
        return '+OK\r\n';
      case 'FLUSHDB':
        this.empty(db);
        return '+OK\r\n';
      case 'FLUSHALL':
        for (const at of this.dbs.keys()) this.empty(at);
        return '+OK\r\n';
      case 'SWAPDB':
        this.#swap(Number(first), Number(second));
        return '+OK\r\n';
      case 'SCRIPTED':
        return '*2\r\n$3\r\nabc\r\n$2\r\nde\r\n';
      case 'PUBLISH':
      case 'PEXPIREAT':
        return ':1\r\n';
      case 'PING':
        return '+PONG\r\n';
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.dbs[a]!, this.dbs[b]!];
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      for (const db of new Set([a, b])) this.#versions.set(`${db}/${key}`, this.version(db, key) + 1);
    }
    this.dbs[a] = right;
    this.dbs[b] = left;
  }
}

function shortened(value: string): string {
  return `${value.length}:${createHash('sha1').update(value).digest('hex')}`;
}

interface Write {
  readonly view: Uint8Array;
  readonly copy: Uint8Array;
  readonly written: () => void;
}

interface Reply {
  readonly text: string;
  readonly exec: boolean;
}

export class ModelConnection implements PipelineOutput {
  readonly store: ModelStore;
  /** Called after every EXEC that was carried out. */
  onExec: () => void = () => {};
  /** Names of all commands that have arrived, and of those that came outside MULTI. */
  readonly arrived: string[] = [];
  readonly outside = new Set<string>();
  readonly client: { db: number } = { db: 0 };
  execsCarriedOut = 0;
  #execsSent = 0;
  #execsAnswered = 0;
  readonly #sent = new Incoming();
  readonly #landed = new Incoming();
  readonly #writes: Write[] = [];
  readonly #replies: Reply[] = [];
  #part = 0;
  #queue: string[][] | undefined;
  #refused = false;
  readonly #watched = new Map<string, number>();

  constructor(store: ModelStore) {
    this.store = store;
  }

  write(view: Uint8Array, written: () => void): void {
    const copy = view.slice();
    this.#writes.push({ view, copy, written });
    for (const args of this.#sent.take(copy)) {
      if (text(args[0]!).toUpperCase() === 'EXEC') this.#execsSent++;
    }
    expect(this.#execsSent - this.#execsAnswered, 'EXECs unanswered').toBeLessThanOrEqual(1);
  }

  get waiting(): boolean {
    return this.#writes.length > 0 || this.#replies.length > 0;
  }

  deliver(count = Number.POSITIVE_INFINITY): void {
    for (let left = Math.min(count, this.#writes.length); left > 0; left--) {
      const { view, copy, written } = this.#writes.shift()!;
      expect(Buffer.compare(view, copy)).toBe(0);
      this.#land(copy);
      written();
    }
  }

  /** The next bytes of the answers reach the pipeline. */
  reply(pipeline: Pipeline, count = Number.POSITIVE_INFINITY): void {
    let part = '';
    let execs = 0;
    while (this.#replies.length > 0 && part.length < count) {
      const { text: all, exec } = this.#replies[0]!;
      const taken = Math.min(all.length - this.#part, count - part.length);
      part += all.slice(this.#part, this.#part + taken);
      this.#part += taken;
      if (this.#part < all.length) break;
      this.#part = 0;
      this.#replies.shift();
      if (exec) execs++;
    }
    // The answer to an EXEC counts before what it brings about is written.
    this.#execsAnswered += execs;
    if (part !== '') pipeline.replies(bytes(part), 0, part.length);
  }

  settle(pipeline: Pipeline): void {
    while (this.waiting) {
      this.deliver();
      this.reply(pipeline);
    }
  }

  /** The connection breaks: so many more bytes arrive, everything else under way is lost. */
  cut(landing: number): void {
    let left = landing;
    for (const { copy } of this.#writes.splice(0)) {
      this.#land(copy.subarray(0, left));
      left = Math.max(0, left - copy.length);
    }
    this.#replies.length = 0;
  }

  #land(piece: Uint8Array): void {
    for (const args of this.#landed.take(piece)) this.#obey(args.map(text));
  }

  #obey(args: string[]): void {
    const name = args[0]!.toUpperCase();
    this.arrived.push(name);
    const answer = this.#answer(name, args);
    this.#replies.push({ text: answer, exec: name === 'EXEC' });
    if (name === 'EXEC' && answer.startsWith('*') && !answer.startsWith('*-1')) {
      this.execsCarriedOut++;
      this.onExec();
    }
  }

  #answer(name: string, args: string[]): string {
    if (name === 'EXEC') return this.#exec();
    if (this.#queue !== undefined) {
      if (!NAMES.has(name)) {
        this.#refused = true;
        return `-ERR unknown command '${name}'\r\n`;
      }
      this.#queue.push(args);
      return '+QUEUED\r\n';
    }
    this.outside.add(name);
    if (name === 'WATCH') {
      const key = args[1]!;
      this.#watched.set(`${this.client.db}/${key}`, this.store.version(this.client.db, key));
      return '+OK\r\n';
    }
    if (name === 'MULTI') {
      this.#queue = [];
      return '+OK\r\n';
    }
    return this.store.run(this.client, args);
  }

  #exec(): string {
    const queue = this.#queue;
    if (queue === undefined) return '-ERR EXEC without MULTI\r\n';
    const refused = this.#refused;
    const dirty = [...this.#watched].some(([place, version]) => {
      const slash = place.indexOf('/');
      return this.store.version(Number(place.slice(0, slash)), place.slice(slash + 1)) !== version;
    });
    this.#queue = undefined;
    this.#refused = false;
    this.#watched.clear();
    if (refused) return '-EXECABORT Transaction discarded because of previous errors.\r\n';
    if (dirty) return '*-1\r\n';
    const answers = queue.map((args) => this.store.run(this.client, args));
    return `*${answers.length}\r\n${answers.join('')}`;
  }
}

/** Commands out of pieces of bytes. */
class Incoming {
  readonly #scanner = new CommandScanner();
  #rest: Uint8Array = new Uint8Array(0);

  take(piece: Uint8Array): Uint8Array[][] {
    // Whoever sends a large command in small pieces has them copied once for each.
    const all = this.#rest.length === 0 ? piece : new Uint8Array(Buffer.concat([this.#rest, piece]));
    const found: Uint8Array[][] = [];
    let at = 0;
    for (;;) {
      const next = this.#scanner.find(all, at, all.length);
      if (next === INCOMPLETE) break;
      found.push(commandArgs(all, at));
      at = next;
    }
    this.#rest = all.slice(at);
    return found;
  }
}
