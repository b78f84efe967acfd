import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RdbDecoder } from '../../src/rdb/file-decoder.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../../src/rdb/handler.js';
import { DEFAULT_LIMITS } from '../../src/rdb/limits.js';
import { ValueSkipper } from '../../src/rdb/skip-value.js';
import { ReplicantError } from '../../src/errors.js';

const CORPUS = new URL('../../fixtures/corpus/', import.meta.url);
const FILES = readdirSync(CORPUS).filter((name) => name.endsWith('.rdb'));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Writes down everything it is told. */
class Recorder implements RdbHandler {
  readonly lines: string[] = [];
  checksum: Checksum | undefined;
  keys = 0;
  pauseEvery = 0;
  begin(dialect: string, version: number): void {
    this.lines.push(`begin ${dialect} ${version}`);
  }
  aux(name: Uint8Array, value: Uint8Array): void {
    this.lines.push(`aux ${hex(name)} ${hex(value)}`);
  }
  selectDb(db: number): void {
    this.lines.push(`db ${db}`);
  }
  sizeHint(keys: number, expires: number): void {
    this.lines.push(`size ${keys} ${expires}`);
  }
  functionLibrary(source: Uint8Array): void {
    this.lines.push(`function ${hex(source)}`);
  }
  moduleAux(payload: Uint8Array): void {
    this.lines.push(`moduleaux ${hex(payload)}`);
  }
  entry(entry: RdbEntry): boolean {
    this.#note(entry, hex(entry.bytes.subarray(entry.valueStart, entry.valueEnd)));
    return this.pauseEvery === 0 || this.keys % this.pauseEvery !== 0;
  }
  largeValue(entry: RdbEntry): ValueSink {
    this.#note(entry, 'large');
    return new ValueSkipper(entry.type);
  }
  largeValueEnd(): boolean {
    return true;
  }
  emptyKey(entry: RdbEntry): void {
    this.lines.push(`empty ${hex(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd))}`);
  }
  end(checksum: Checksum): void {
    this.checksum = checksum;
  }
  #note(entry: RdbEntry, value: string): void {
    this.keys++;
    const key = hex(entry.keyBytes.subarray(entry.keyStart, entry.keyEnd));
    const { db, type, expiresAtMs, idleSeconds, lfuFrequency, offset } = entry;
    this.lines.push([db, type.name, key, expiresAtMs, idleSeconds, lfuFrequency, offset, value].join(' '));
  }
}

/** Feeds `data` in pieces of the sizes `next` gives, keeping what is not taken. */
function feedAll(
  data: Uint8Array,
  recorder: Recorder,
  next: () => number,
  limits = DEFAULT_LIMITS,
): RdbDecoder {
  const decoder = new RdbDecoder(recorder, { limits });
  let window = new Uint8Array(0);
  for (let from = 0; from < data.length && !decoder.done;) {
    const size = next();
    const joined = new Uint8Array(window.length + Math.min(size, data.length - from));
    joined.set(window);
    joined.set(data.subarray(from, from + size), window.length);
    from += size;
    let at = 0;
    for (let last = -1; at !== last && !decoder.done;) {
      last = at;
      at = decoder.feed(joined, at, joined.length);
    }
    window = joined.slice(at);
  }
  decoder.finish();
  return decoder;
}

function randomSizes(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return 1 + ((state >>> 16) % 300);
  };
}

describe.each(FILES)('%s', (name) => {
  const data = readFileSync(new URL(name, CORPUS));
  const whole = new Recorder();
  feedAll(data, whole, () => data.length);

  test('is read to its checksum', () => {
    expect(whole.keys).toBeGreaterThan(30);
    expect(whole.checksum?.state).toBe(name.includes('-plain') ? 'disabled' : 'ok');
  });

  test.each([
    ['byte by byte', () => 1],
    ['seven by seven', () => 7],
    ['at random (seed 20)', randomSizes(20)],
  ])('gives the same when fed %s', (_, next) => {
    const pieces = new Recorder();
    pieces.pauseEvery = 3;
    const decoder = feedAll(data, pieces, next);
    expect(pieces.lines).toEqual(whole.lines);
    expect(pieces.checksum).toEqual(whole.checksum);
    expect(decoder.offset).toBe(data.length);
  });

  test('large values are handed on in pieces and change nothing else', () => {
    const pieces = new Recorder();
    feedAll(data, pieces, () => 50, { ...DEFAULT_LIMITS, inlineBytes: 100, inlineStreamBytes: 100 });
    const withoutValue = (line: string): string => line.split(' ').slice(0, 7).join(' ');
    expect(pieces.lines.map(withoutValue)).toEqual(whole.lines.map(withoutValue));
    expect(pieces.lines.some((line) => line.endsWith(' large'))).toBe(true);
    expect(pieces.checksum).toEqual(whole.checksum);
  });
});

describe('bad files', () => {
  const data = readFileSync(new URL('redis-8.0.6.rdb', CORPUS));
  const errorOf = (bytes: Uint8Array): ReplicantError => {
    try {
      feedAll(bytes, new Recorder(), () => bytes.length);
    } catch (error) {
      if (error instanceof ReplicantError) return error;
      throw error;
    }
    throw new Error('no error');
  };

  test('cut short: where, and in which key', () => {
    const error = errorOf(data.subarray(0, 2000));
    expect(error.code).toBe('RDB_TRUNCATED');
    expect(error.place.offset).toBeLessThanOrEqual(2000);
  });

  test('not an RDB', () => {
    expect(errorOf(Buffer.from('HTTP/1.1 400 Bad Request'))).toMatchObject({
      code: 'RDB_CORRUPT',
      place: { offset: 0 },
    });
  });

  test.each([
    ['an unknown value type', '52454449533030303961016b', 9, 'RDB_UNSUPPORTED'],
    ['an opcode without a known length', '5245444953303030 39f6', 9, 'RDB_UNSUPPORTED'],
    ['type 23 of Valkey', '56414c4b4559303831 17016b', 9, 'RDB_UNSUPPORTED'],
    ['a bad length', '524544495330303039fe82', 10, 'RDB_CORRUPT'],
    ['a database out of range', '524544495330303039fe80ffffffff', 10, 'RDB_CORRUPT'],
    ['a slot out of range', '524544495330303132f4800000400000 00', 10, 'RDB_CORRUPT'],
    ['LZF that claims too much', '52454449533030303900016bc3018100000000ffffffff00', 12, 'RDB_CORRUPT'],
    ['a string of 4 GB', '52454449533030303900 8100000001000000000000', 9, 'RDB_LIMIT'],
    ['RDB version 0', '524544495330303030', 0, 'RDB_CORRUPT'],
    ['a compressed envelope', '5643530101000052454449', 0, 'RDB_UNSUPPORTED'],
  ])('%s', (_, text, offset, code) => {
    const error = errorOf(Buffer.from(text.replaceAll(' ', ''), 'hex'));
    expect({ code: error.code, offset: error.place.offset }).toEqual({ code, offset });
  });

  test('a flipped byte is seen by the checksum', () => {
    const flipped = Uint8Array.from(data);
    const at = data.indexOf('redis-ver') + 'redis-ver'.length + 2;
    flipped[at] = flipped[at]! ^ 1;
    const recorder = new Recorder();
    feedAll(flipped, recorder, () => flipped.length);
    expect(recorder.checksum?.state).toBe('mismatch');
  });

  test('an empty collection is left out', () => {
    const recorder = new Recorder();
    const file = Buffer.from('52454449533030303401016b00ff', 'hex');
    feedAll(file, recorder, () => 1);
    expect(recorder.lines).toEqual(['begin redis 4', 'empty 6b']);
    expect(recorder.checksum?.state).toBe('absent');
  });
});
