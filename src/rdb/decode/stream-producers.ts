/**
 * What types 26 and 27 (Redis 8.6 and 8.8) add at the end of a stream: the ids by which idempotent producers
 * recognise entries they have added before. No command sets them, so they are only read over.
 *
 *   len duration, len max entries, count producers × (str, count × (str, len ms, len seq)),
 *   len added, len duplicates
 */
import { INCOMPLETE } from '../primitives.js';
import type { UnitReader } from './unit-reader.js';

type Part = 'producers' | 'producer' | 'produced' | 'counters' | 'end';

export class StreamProducers {
  #part: Part = 'producers';
  /** Producers still to come, that under way included, and ids of the one under way. */
  #left = 0;
  #idsLeft = 0;

  begin(): void {
    this.#part = 'producers';
  }

  /** As `Body.run`. */
  run(reader: UnitReader): boolean {
    while (this.#part !== 'end') {
      reader.begin();
      if (!this.#unit(reader)) return reader.rewind();
    }
    return true;
  }

  #unit(reader: UnitReader): boolean {
    switch (this.#part) {
      case 'producers':
        return this.#readProducerCount(reader);
      case 'producer':
        return this.#readProducer(reader);
      case 'produced':
        return this.#readProduced(reader);
      default:
        if (!readPair(reader)) return false;
        this.#part = 'end';
        return true;
    }
  }

  #readProducerCount(reader: UnitReader): boolean {
    if (!readPair(reader)) return false;
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#left = count;
    this.#part = count > 0 ? 'producer' : 'counters';
    return true;
  }

  #readProducer(reader: UnitReader): boolean {
    if (reader.string() === undefined) return false;
    const count = reader.length();
    if (count === INCOMPLETE) return false;
    this.#idsLeft = count;
    this.#part = 'produced';
    if (count === 0) this.#endProducer();
    return true;
  }

  #readProduced(reader: UnitReader): boolean {
    if (reader.string() === undefined || !readPair(reader)) return false;
    if (--this.#idsLeft === 0) this.#endProducer();
    return true;
  }

  #endProducer(): void {
    this.#part = --this.#left > 0 ? 'producer' : 'counters';
  }
}

function readPair(reader: UnitReader): boolean {
  return reader.bigLength() !== undefined && reader.bigLength() !== undefined;
}
