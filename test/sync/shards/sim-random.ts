/** Numbers from a seed, and turns: what goes on at once goes on in an order that the seed decides. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 1) >>> 0;
  }

  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** Whoever waits for a turn goes on when it is picked; whoever has died never does. */
export class Scheduler {
  readonly #random: Random;
  #waiting: { readonly alive: () => boolean; readonly go: () => void }[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  turn(alive: () => boolean): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ alive, go });
    });
  }

  /** One of them goes on, as far as it gets without another turn. */
  async step(): Promise<void> {
    this.#waiting = this.#waiting.filter(({ alive }) => alive());
    if (this.#waiting.length > 0) {
      const [next] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1);
      next!.go();
    }
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
