/**
 * What must hold for any input whatever: it ends in a result or in a ReplicantError whose code begins with
 * RDB_ and whose offset lies within the input; it does not matter in which pieces the input arrives; and the
 * three levels (spans, structure, values) agree with each other.
 */
import { Digest, ValueRecord } from './record.mjs';

/** @typedef {import('./library.mjs').Library} Library */
/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{code: string, offset: number}} Outcome `code`: 'ok' or that of the error; `offset`: where */
/** @typedef {import('../../src/rdb/dialect.js').Dialect} Dialect */

export class Violation extends Error {}

/** Small enough that almost every value goes through the piecewise path. */
const TIGHT = { maxElementBytes: 1024 * 1024, maxOpaqueBytes: 4096, inlineBytes: 40, inlineStreamBytes: 80 };

/**
 * Runs something that may fail the way bad input may fail; anything else is a violation.
 * @param {Library} library
 * @param {number} length of the input, offsets beyond it are wrong
 * @param {() => number} work returns the position it came to
 * @returns {Outcome}
 */
function outcomeOf(library, length, work) {
  try {
    return { code: 'ok', offset: work() };
  } catch (error) {
    if (error instanceof Violation || !(error instanceof Error)) throw error;
    if (!(error instanceof library.ReplicantError)) {
      throw new Violation(`${error.name}: ${error.message}\n${error.stack}`, { cause: error });
    }
    const { code, place } = error;
    if (!code.startsWith('RDB_')) throw new Violation(`code ${code}: ${error.message}`, { cause: error });
    const { offset } = place;
    if (offset === undefined || !Number.isInteger(offset) || offset < 0 || offset > length) {
      throw new Violation(`offset ${offset} in ${length} bytes: ${error.message}`, { cause: error });
    }
    if (error.message === '' || /undefined|NaN|\[object/.test(error.message)) {
      throw new Violation(`unreadable message: ${error.message}`, { cause: error });
    }
    return { code, offset };
  }
}

/** @param {string} what @param {unknown} one @param {unknown} other */
function same(what, one, other) {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)];
  if (left !== right) throw new Violation(`${what}: ${left} and ${right}`);
}

/**
 * Feeds `bytes` in pieces, each from memory of its own that is overwritten after the call.
 * @param {{feed(bytes: Uint8Array, start: number, end: number): number, readonly done: boolean}} decoder
 * @param {Uint8Array} bytes
 * @param {Random | undefined} random undefined: all at once
 * @param {(error: unknown, taken: number, margin: number) => unknown} [rebase] makes a window's error the input's
 * @returns {number} how many bytes were taken
 */
function feedAll(decoder, bytes, random, rebase = rebased) {
  if (random === undefined) {
    // A pause ends a call early.
    let at = 0;
    for (let last = -1; at !== last && !decoder.done;) {
      last = at;
      at = decoder.feed(bytes, at, bytes.length);
    }
    return at;
  }
  let [taken, arrived] = [0, 0];
  while (arrived < bytes.length && !decoder.done) {
    arrived = Math.min(bytes.length, arrived + 1 + random.below(random.oneIn(8) ? 5000 : 40));
    const margin = random.below(4);
    const window = new Uint8Array(margin + arrived - taken + 2).fill(0xdd);
    window.set(bytes.subarray(taken, arrived), margin);
    const end = margin + arrived - taken;
    let at = margin;
    for (let last = -1; at !== last && !decoder.done;) {
      last = at;
      try {
        at = decoder.feed(window, at, end);
      } catch (error) {
        throw rebase(error, taken, margin);
      }
      if (at < last || at > end) throw new Violation(`feed(${last}, ${end}) returned ${at}`);
    }
    taken += at - margin;
    window.fill(0xdd);
  }
  return taken;
}

/** Errors of a ValueDecoder name positions in the window; the file decoder's are absolute already. */
function rebased(error, taken, margin) {
  if (error?.place?.offset === undefined) return error;
  return Object.assign(error.within({}), {
    place: { ...error.place, offset: error.place.offset - margin + taken },
  });
}

/**
 * A decoder that goes from value to value, as in use: what a bad one left behind must not show in the next.
 * @param {Library} library
 */
function decoderOf(library) {
  let reused = DECODERS.get(library);
  if (reused === undefined) {
    const record = new ValueRecord();
    reused = { record, decoder: new library.ValueDecoder(0, 'redis', record), crc: new library.Crc64() };
    DECODERS.set(library, reused);
  }
  return reused;
}

/** @type {WeakMap<Library, {record: ValueRecord, decoder: any, crc: any}>} */
const DECODERS = new WeakMap();

/**
 * One value at the levels of structure and elements.
 * @param {Library} library
 * @param {number} type
 * @param {Dialect} dialect
 * @param {Uint8Array} bytes
 * @param {Random} random
 * @returns {Outcome}
 */
export function checkValue(library, type, dialect, bytes, random) {
  const { decoder, record } = decoderOf(library);
  const decodeIn = (/** @type {Random | undefined} */ pieces) => {
    record.reset();
    const outcome = outcomeOf(library, bytes.length, () => {
      decoder.reset(type, dialect);
      const taken = feedAll(decoder, bytes, pieces);
      return decoder.done ? taken : -1 - taken;
    });
    const { elements, stringLeft, digest } = record;
    return { outcome, elements, stringLeft, digest: digest.sum };
  };
  const whole = decodeIn(undefined);
  const pieces = decodeIn(random);
  same('code whole and in pieces', whole.outcome.code, pieces.outcome.code);
  if (whole.outcome.code === 'ok' && whole.outcome.offset >= 0) {
    same('end whole and in pieces', whole.outcome, pieces.outcome);
    same('elements whole and in pieces', whole.digest, pieces.digest);
    if (whole.stringLeft !== 0) throw new Violation(`a string with ${whole.stringLeft} bytes left`);
  }
  checkStructure(library, type, dialect, bytes, whole);
  const value = outcomeOf(library, bytes.length, () => {
    library.decodeValue(type, dialect, bytes, 0, bytes.length);
    return bytes.length;
  });
  const complete = whole.outcome.code === 'ok' && whole.outcome.offset === bytes.length;
  same('decodeValue and ValueDecoder', value.code === 'ok', complete);
  return value;
}

/** @param {{outcome: Outcome, elements: number}} whole */
function checkStructure(library, type, dialect, bytes, { outcome, elements }) {
  let counted = -1;
  const structure = outcomeOf(library, bytes.length, () => {
    counted = library.readStructure(type, dialect, bytes, 0, bytes.length).elements;
    return bytes.length;
  });
  if (outcome.code !== 'ok' || outcome.offset < 0) return;
  if (structure.code !== 'ok') throw new Violation(`decodes, but its structure is ${structure.code}`);
  same('elements counted and decoded', counted, elements);
}

/** A handler that notes all it is told. */
class FileRecord {
  digest = new Digest();
  keys = 0;
  pauses = 0;
  /** @type {Dialect} */
  dialect = 'redis';

  /** @param {(entry: any, dialect: Dialect) => void} onValue @param {(entry: any, dialect: Dialect) => any} openLarge */
  constructor(onValue, openLarge) {
    this.onValue = onValue;
    this.openLarge = openLarge;
  }
  begin(dialect, version) {
    this.dialect = dialect;
    this.digest.number(version);
  }
  aux(name, value) {
    this.digest.bytes(name);
    this.digest.bytes(value);
  }
  selectDb(db) {
    this.digest.text(`db ${db}`);
  }
  sizeHint(keys, withExpiry) {
    this.digest.text(`size ${keys} ${withExpiry}`);
  }
  functionLibrary(source) {
    this.digest.bytes(source);
  }
  moduleAux(payload) {
    this.digest.bytes(payload);
  }
  entry(entry) {
    this.note(entry);
    this.digest.bytes(entry.bytes.subarray(entry.valueStart, entry.valueEnd));
    this.onValue(entry, this.dialect);
    return this.keys % 3 !== 0;
  }
  largeValue(entry) {
    this.note(entry);
    return this.openLarge(entry, this.dialect);
  }
  largeValueEnd() {
    this.digest.text('end');
    return true;
  }
  emptyKey(entry) {
    this.note(entry);
  }
  end(checksum) {
    this.digest.text(checksum.computed);
  }
  note(entry) {
    this.keys += 1;
    const { db, type, keyBytes, keyStart, keyEnd, expiresAtMs, idleSeconds, lfuFrequency, offset } = entry;
    this.digest.bytes(keyBytes.subarray(keyStart, keyEnd));
    this.digest.text(`${db} ${type.id} ${expiresAtMs} ${idleSeconds} ${lfuFrequency} ${offset}`);
  }
}

/** @returns {{outcome: Outcome, keys: number, digest: number}} */
function decodeFile(library, bytes, random, { onValue, openLarge, limits }) {
  const record = new FileRecord(onValue, openLarge);
  const outcome = outcomeOf(library, bytes.length, () => {
    const decoder = new library.RdbDecoder(record, { limits, crc: decoderOf(library).crc });
    feedAll(decoder, bytes, random, (error) => error);
    decoder.finish();
    return decoder.offset;
  });
  return { outcome, keys: record.keys, digest: record.digest.sum };
}

/**
 * A whole file at every level.
 * @param {Library} library
 * @param {Uint8Array} bytes
 * @param {Random} random
 * @returns {Outcome & {keys: number}}
 */
export function checkFile(library, bytes, random) {
  const spans = {
    onValue: () => {},
    openLarge: (/** @type {any} */ entry) => new library.ValueSkipper(entry.type),
    limits: library.DEFAULT_LIMITS,
  };
  const whole = decodeFile(library, bytes, undefined, spans);
  same('file whole and in pieces', whole, decodeFile(library, bytes, random, spans));
  checkEntries(library, bytes, random);
  const sinks = (/** @type {any} */ entry, /** @type {Dialect} */ dialect) =>
    entry.type.kind === 'array'
      ? new library.ValueSkipper(entry.type)
      : new library.ValueDecoder(entry.type.id, dialect, new ValueRecord(), TIGHT);
  decodeFile(library, bytes, random.oneIn(2) ? random : undefined, {
    ...spans,
    openLarge: sinks,
    limits: TIGHT,
  });
  return { ...whole.outcome, keys: whole.keys };
}

/** Each value that the file level could delimit, and the error with which an unreadable one ends the file. */
function checkEntries(library, bytes, random) {
  const onValue = (/** @type {any} */ entry, /** @type {Dialect} */ dialect) => {
    const value = entry.bytes.slice(entry.valueStart, entry.valueEnd);
    checkValue(library, entry.type.id, dialect, value, random);
    library.decodeValue(entry.type.id, dialect, entry.bytes, entry.valueStart, entry.valueEnd);
  };
  const openLarge = (/** @type {any} */ entry) => new library.ValueSkipper(entry.type);
  decodeFile(library, bytes, undefined, { onValue, openLarge, limits: library.DEFAULT_LIMITS });
}

/**
 * A DUMP payload, with its checksum made to fit.
 * @param {Library} library
 * @param {number} type
 * @param {Uint8Array} value
 * @param {number} version
 */
export function checkPayload(library, type, value, version) {
  const payload = library.encodeDumpPayload(type, value, version);
  outcomeOf(library, payload.length, () => library.decodeDumpPayload(payload).valueEnd);
  outcomeOf(library, value.length, () => library.decodeDumpPayload(value).valueEnd);
}
