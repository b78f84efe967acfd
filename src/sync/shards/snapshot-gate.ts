/** Full transfers, each of which costs a fork and memory there: so many at a time, and never two of one host. */
export class SnapshotGate {
  readonly #most: number;
  readonly #hosts = new Set<string>();
  readonly #waiting: { readonly host: string; readonly admit: () => void }[] = [];
  #held = 0;

  constructor(most: number) {
    this.#most = Math.max(1, most);
  }

  /** Waits for the turn; resolves to what gives it back, which may be called more than once. In the order of asking. */
  acquire(host: string): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push({ host, admit: () => resolve(this.#take(host)) });
      this.#next();
    });
  }

  #take(host: string): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#held--;
      this.#hosts.delete(host);
      this.#next();
    };
  }

  #next(): void {
    while (this.#held < this.#most) {
      const at = this.#waiting.findIndex(({ host }) => !this.#hosts.has(host));
      if (at < 0) return;
      const [next] = this.#waiting.splice(at, 1);
      this.#held++;
      this.#hosts.add(next!.host);
      next!.admit();
    }
  }
}
