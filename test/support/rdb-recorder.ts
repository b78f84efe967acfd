import type { StreamGroup, StreamId, StreamMeta, ValueVisitor } from '../../src/rdb/value-visitor.js';

/** Writes down what a decoder tells, bytes as latin1; a string's chunks become one. */
export class Recorder implements ValueVisitor {
  readonly calls: string[] = [];
  #chunks: string[] = [];
  #total = -1;

  stringStart(totalBytes: number): void {
    this.#total = totalBytes;
    this.#chunks = [];
  }

  stringChunk(bytes: Uint8Array): void {
    if (bytes.length === 0) throw new Error('an empty chunk');
    this.#chunks.push(text(bytes));
  }

  listItem(item: Uint8Array): void {
    this.calls.push(`item ${text(item)}`);
  }

  setMember(member: Uint8Array): void {
    this.calls.push(`member ${text(member)}`);
  }

  zsetMember(member: Uint8Array, score: number): void {
    this.calls.push(`member ${text(member)} score ${score}`);
  }

  hashField(field: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    this.calls.push(`field ${text(field)} = ${text(value)} until ${expiresAtMs}`);
  }

  streamEntry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.calls.push(`entry ${id.ms}-${id.seq} ${fields.map(text).join(' ')}`);
  }

  streamMeta(meta: StreamMeta): void {
    this.calls.push(`meta ${json(meta)}`);
  }

  streamGroup(group: StreamGroup): void {
    this.calls.push(`group ${json(group)}`);
  }

  moduleValue(moduleId: bigint, payload: Uint8Array): void {
    this.calls.push(`module ${moduleId} ${text(payload)}`);
  }

  /** All that was told. */
  finish(): readonly string[] {
    if (this.#total >= 0) this.calls.push(`string of ${this.#total}: ${this.#chunks.join('')}`);
    return this.calls;
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return String(part);
    return part instanceof Uint8Array ? text(part) : part;
  });
}
