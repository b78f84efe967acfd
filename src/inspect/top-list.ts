/** The N greatest of many, in a heap whose root is the least of them; what does not qualify costs a compare. */
export class TopList<T> {
  readonly #limit: number;
  readonly #heap: { readonly rank: number; readonly item: T }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Would an item of this rank get in? */
  admits(rank: number): boolean {
    return this.#heap.length < this.#limit || (this.#limit > 0 && rank > this.#heap[0]!.rank);
  }

  /** Only after `admits` said yes. */
  add(rank: number, item: T): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push({ rank, item });
      this.#up(heap.length - 1);
    } else {
      heap[0] = { rank, item };
      this.#down(0);
    }
  }

  /** Greatest first. */
  items(): T[] {
    return this.#heap.toSorted((a, b) => b.rank - a.rank).map(({ item }) => item);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#heap[parent]!.rank <= this.#heap[at]!.rank) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && heap[right]!.rank < heap[left]!.rank ? right : left;
      if (heap[at]!.rank <= heap[child]!.rank) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const item = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = item;
  }
}
