/**
 * A source cluster in miniature: nodes with keys in slots and a log of what happens to them, clients that write, and moves of
 * slots, key by key or as a whole, that end well or are given up. An offset is a place in a log.
 */
import type { Random } from './sim-random.js';

export interface Command {
  readonly op: 'append' | 'set' | 'del' | 'cat' | 'flush';
  readonly slot: number;
  readonly key: string;
  /** `append`: what is appended; `set`: the value; `cat`: the keys that are put together. */
  readonly value: string;
}

export type Store = Map<number, Map<string, string>>;

export function apply(store: Store, { op, slot, key, value }: Command): void {
  if (op === 'flush') {
    store.clear();
    return;
  }
  const keys = store.get(slot) ?? new Map<string, string>();
  store.set(slot, keys);
  if (op === 'append') keys.set(key, (keys.get(key) ?? '') + value);
  else if (op === 'set') keys.set(key, value);
  else if (op === 'del') keys.delete(key);
  else cat(keys, key, value.split(' '));
}

/** What SDIFFSTORE is like: the outcome depends on what is there, and may be that the key is gone. */
function cat(keys: Map<string, string>, key: string, [from = '', minus = '']: string[]): void {
  const value = keys.get(minus) === undefined ? (keys.get(from) ?? '') : '';
  if (value === '') keys.delete(key);
  else keys.set(key, value);
}

export interface Node {
  readonly store: Store;
  readonly log: Command[];
  /** As this node sees it. */
  readonly owned: Set<number>;
  readonly importing: Set<number>;
  /** Moves of whole slots to this node. */
  readonly receiving: Set<number>;
}

interface Move {
  readonly slot: number;
  readonly from: Node;
  readonly to: Node;
  readonly kind: 'classic' | 'whole';
  /** Of a whole slot: what is still to be sent. */
  readonly queue: Command[];
  state: 'moving' | 'giving-up' | 'moved';
}

const KEYS = ['a', 'b', 'c'];

export class SimSource {
  readonly nodes: Node[];
  readonly owner: Node[];
  readonly #random: Random;
  #moves: Move[] = [];
  #written = 0;

  constructor(random: Random, nodes: number, slots: number) {
    this.#random = random;
    this.nodes = Array.from({ length: nodes }, () => ({
      ...{ store: new Map(), log: [], owned: new Set<number>() },
      ...{ importing: new Set<number>(), receiving: new Set<number>() },
    }));
    this.owner = Array.from({ length: slots }, (_, slot) => this.nodes[slot % nodes]!);
    this.owner.forEach((node, slot) => node.owned.add(slot));
  }

  get moving(): number {
    return this.#moves.length;
  }

  /** Something happens. */
  act(): void {
    const roll = this.#random.below(100);
    if (roll < 50) this.#write();
    else if (roll < 58) this.#begin();
    else if (roll < 98) this.#progress(roll < 93);
    else this.#flush();
  }

  /** Nothing new; moves go on to their end. */
  settle(): void {
    this.#progress(true);
  }

  #do(node: Node, command: Command): void {
    apply(node.store, command);
    node.log.push(command);
    for (const move of this.#moves) {
      if (move.kind !== 'whole' || move.from !== node || move.state !== 'moving') continue;
      if (move.slot === command.slot && command.op !== 'flush') move.queue.push(command);
    }
  }

  #write(): void {
    const slot = this.#random.below(this.owner.length);
    const key = this.#random.pick(KEYS);
    const move = this.#moves.find((one) => one.slot === slot);
    const classic = move?.kind === 'classic' && move.state !== 'moved' ? move : undefined;
    const owner = this.owner[slot]!;
    const has = (node: Node): boolean => node.store.get(slot)?.has(key) === true;
    // Clients are paused while the old owner has not heard of a move.
    if (move?.state === 'moved' && move.kind === 'whole') return;
    const node = classic !== undefined && !has(classic.from) ? classic.to : owner;
    const roll = this.#random.below(10);
    if (roll < 2) {
      if (has(node)) this.#do(node, { op: 'del', slot, key, value: '' });
    } else if (roll < 4) {
      // Keys of one slot in two places: TRYAGAIN.
      if (classic !== undefined) return;
      const value = `${this.#random.pick(KEYS)} ${this.#random.pick(KEYS)}`;
      this.#do(node, { op: 'cat', slot, key, value });
    } else {
      this.#do(node, { op: 'append', slot, key, value: `.${++this.#written}` });
    }
  }

  #begin(): void {
    const slot = this.#random.below(this.owner.length);
    const from = this.owner[slot]!;
    const to = this.#random.pick(this.nodes);
    if (to === from || this.#moves.some((one) => one.slot === slot)) return;
    const kind = this.#random.below(2) === 0 ? 'classic' : 'whole';
    const queue: Command[] = [];
    if (kind === 'classic') to.importing.add(slot);
    else {
      to.receiving.add(slot);
      for (const [key, value] of from.store.get(slot) ?? []) queue.push({ op: 'set', slot, key, value });
    }
    this.#moves.push({ slot, from, to, kind, queue, state: 'moving' });
  }

  #progress(well: boolean): void {
    if (this.#moves.length === 0) return;
    const move = this.#random.pick(this.#moves);
    if (move.state === 'moving' && !well) move.state = 'giving-up';
    if (move.kind === 'classic') this.#classic(move);
    else this.#whole(move);
  }

  #classic(move: Move): void {
    const { slot, from, to, state } = move;
    if (state === 'moved') {
      from.owned.delete(slot);
      this.#end(move);
      return;
    }
    const [here, there] = state === 'moving' ? [from, to] : [to, from];
    const [first] = here.store.get(slot) ?? [];
    if (first !== undefined) {
      const [key, value] = first;
      this.#do(there, { op: 'set', slot, key, value });
      this.#do(here, { op: 'del', slot, key, value: '' });
    } else if (state === 'moving') {
      move.state = 'moved';
      this.owner[slot] = to;
      to.importing.delete(slot);
      to.owned.add(slot);
    } else {
      to.importing.delete(slot);
      this.#end(move);
    }
  }

  #whole(move: Move): void {
    const { slot, from, to, queue, state } = move;
    const next = queue.shift();
    if (state === 'moving' && next !== undefined) this.#do(to, next);
    else if (state === 'moving') {
      move.state = 'moved';
      this.owner[slot] = to;
      to.owned.add(slot);
      to.receiving.delete(slot);
    } else {
      const node = state === 'moved' ? from : to;
      for (const key of [...(node.store.get(slot)?.keys() ?? [])])
        this.#do(node, { op: 'del', slot, key, value: '' });
      if (state === 'moved') from.owned.delete(slot);
      else to.receiving.delete(slot);
      this.#end(move);
    }
  }

  #end(move: Move): void {
    this.#moves = this.#moves.filter((one) => one !== move);
  }

  #flush(): void {
    const node = this.#random.pick(this.nodes);
    if (this.#moves.some(({ from, to, kind }) => kind === 'whole' && (from === node || to === node))) return;
    this.#do(node, { op: 'flush', slot: -1, key: '', value: '' });
  }
}
