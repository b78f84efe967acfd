/** A node of a cluster made of memory, as far as lanes know nodes: it carries out lane scripts, or stops in them. */
import type { Pipeline } from '../../../src/target/pipeline.js';
import { type LaneOptions, Lane } from '../../../src/target/cluster/lane.js';
import type { SlotSet } from '../../../src/keyspace/slot-set.js';
import { Pipeline as RealPipeline } from '../../../src/target/pipeline.js';
import { FakeTarget, text } from '../support.js';

/** What all nodes hold: `DO <slot> <word>` adds a word to what was done to a slot. */
export class FakeData {
  readonly keys = new Map<string, string>();
  readonly done = new Map<number, string[]>();
}

export class FakeNode {
  readonly target: FakeTarget;
  readonly pipeline: Pipeline;
  /** Errors that the pipeline was told of. */
  readonly errors: string[] = [];
  /** So many commands are carried out, the next one is refused. */
  patience = Number.POSITIVE_INFINITY;
  readonly #data: FakeData;
  /** How the changes of each request are taken back, newest last. Replicas get a script's changes as a whole. */
  readonly #undo: (() => void)[][] = [];

  constructor(data: FakeData, onApplied: () => void) {
    this.#data = data;
    this.target = new FakeTarget((args) => {
      this.#undo.push([]);
      return this.#answer(args.map(text));
    });
    this.pipeline = new RealPipeline(this.target, {
      onError: ({ error }) => void this.errors.push(error),
      onDrain: () => {},
      onApplied,
    });
  }

  /** In a failover: what the last requests have changed. */
  lose(requests: number): void {
    const lost = this.#undo.splice(Math.max(0, this.#undo.length - requests));
    for (const undo of lost.flat().toReversed()) undo();
  }

  lane(slots: SlotSet, options: Omit<LaneOptions, 'link' | 'slots' | 'nodeId' | 'address' | 'sha'>): Lane {
    const link = { pipeline: this.pipeline, idle: () => Promise.resolve(true), close: () => {} };
    return new Lane({
      ...options,
      ...{ slots, nodeId: 'node', address: 'node:1', sha: 'sha' },
      link: link as unknown as LaneOptions['link'],
    });
  }

  #answer(args: readonly string[]): string {
    const [name = '', key = '', value = ''] = args;
    if (name === 'GET') {
      const found = this.#data.keys.get(key);
      return found === undefined ? '$-1\r\n' : `$${found.length}\r\n${found}\r\n`;
    }
    if (name === 'EVALSHA') return this.#script(args[3]!, args.slice(4));
    return this.#call(name === 'SET' ? ['SET', key, value] : args) ?? '+OK\r\n';
  }

  #script(key: string, [expected, prefix, final, starts = '', ...words]: string[]): string {
    if ((this.#data.keys.get(key) ?? '') !== expected) return '-REPLICANT CHAIN\r\n';
    const begins = starts.split(' ');
    for (let at = 0, index = 0; at < words.length; index++) {
      const count = Number(words[at]);
      const size = Math.abs(count);
      const error = this.#call(words.slice(at + 1, at + 1 + size));
      if (error !== undefined && count > 0) {
        this.#set(key, `${prefix}${begins[index]} -1`);
        return `-REPLICANT ${begins[index]} ${words[at + 1]} ${error.slice(1)}`;
      }
      at += size + 1;
    }
    this.#set(key, `${prefix}${final}`);
    return ':1\r\n';
  }

  /** An error, or undefined. */
  #call([name = '', first = '', second = '']: readonly string[]): string | undefined {
    if (name === 'SET') {
      this.#set(first, second);
      return undefined;
    }
    if (this.patience-- <= 0) return '-OOM command not allowed\r\n';
    if (/^fail/iu.test(name)) return '-ERR no\r\n';
    const { done } = this.#data;
    const list = done.get(Number(first)) ?? [];
    done.set(Number(first), list);
    list.push(second);
    this.#undo.at(-1)!.push(() => void list.pop());
    return undefined;
  }

  #set(key: string, value: string): void {
    const { keys } = this.#data;
    const before = keys.get(key);
    keys.set(key, value);
    this.#undo
      .at(-1)!
      .push(() => (before === undefined ? void keys.delete(key) : void keys.set(key, before)));
  }
}
