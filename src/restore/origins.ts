/**
 * Which file and database a command of the target's connection came from: looked up when one of the last
 * commands fails, so only changes are noted, and only so many of them as may be in flight.
 */
const KEPT = 1 << 20;

export class Origins {
  #numbers: number[] = [];
  #dbs: number[] = [];
  readonly #files: { readonly number: number; readonly label: string }[] = [];
  #last = -1;

  /** From the target's command `number` on, commands come from this file. */
  file(number: number, label: string): void {
    this.#files.push({ number, label });
    this.#last = -1;
  }

  /** … and from this database. */
  db(number: number, db: number): void {
    if (db === this.#last) return;
    this.#last = db;
    this.#numbers.push(number);
    this.#dbs.push(db);
    if (this.#numbers.length < 2 * KEPT) return;
    this.#numbers = this.#numbers.slice(-KEPT);
    this.#dbs = this.#dbs.slice(-KEPT);
  }

  fileOf(number: number): string | undefined {
    return this.#files.findLast((file) => file.number <= number)?.label;
  }

  dbOf(number: number): number | undefined {
    const at = this.#numbers.findLastIndex((from) => from <= number);
    return at < 0 ? undefined : this.#dbs[at];
  }
}
