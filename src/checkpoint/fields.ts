/** The members of a JSON object from elsewhere, each with the type it must have. */
import { ReplicantError } from '../errors.js';

export function damaged(what: string, cause?: unknown): ReplicantError {
  return new ReplicantError('CHECKPOINT', `the checkpoint on the target is damaged: ${what}`, {
    hint: 'somebody else wrote to this key; remove it with `replicant checkpoint clear`, and the next sync starts with a full copy',
    cause,
  });
}

export class Fields {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #path: string;

  private constructor(members: ReadonlyMap<string, unknown>, path: string) {
    this.#members = members;
    this.#path = path;
  }

  static parse(text: Uint8Array): Fields {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    } catch (cause) {
      throw damaged('it is not JSON', cause);
    }
    return Fields.#of(value, 'it', '');
  }

  static #of(value: unknown, what: string, path: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw damaged(`${what} is not an object`);
    return new Fields(new Map(Object.entries(value)), path);
  }

  text(name: string): string {
    const value = this.#members.get(name);
    if (typeof value !== 'string') throw this.#wrong(name, 'a text');
    return value;
  }

  /** All our numbers are counts, offsets and times. */
  number(name: string): number {
    const value = this.#members.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.#wrong(name, 'a whole number');
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#members.get(name);
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value;
  }

  oneOf<const T extends string>(name: string, words: readonly T[]): T {
    const value = this.#members.get(name);
    const word = words.find((one) => one === value);
    if (word === undefined) throw this.#wrong(name, words.join(' or '));
    return word;
  }

  has(name: string): boolean {
    return (this.#members.get(name) ?? undefined) !== undefined;
  }

  list(name: string): Fields[] {
    const value = this.#members.get(name);
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list');
    return value.map((one, at) =>
      Fields.#of(one, `'${this.#path}${name}' number ${at}`, `${this.#path}${name}.`),
    );
  }

  object(name: string): Fields {
    const path = this.#path + name;
    return Fields.#of(this.#members.get(name), `'${path}'`, `${path}.`);
  }

  objectOrNull(name: string): Fields | undefined {
    const value = this.#members.get(name) ?? null;
    return value === null ? undefined : this.object(name);
  }

  #wrong(name: string, expected: string): ReplicantError {
    return damaged(`'${this.#path}${name}' should be ${expected}`);
  }
}
