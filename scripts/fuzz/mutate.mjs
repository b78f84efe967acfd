/** Ways to damage bytes: by plan (every truncation, every flip) and at random. */

/** @typedef {import('./random.mjs').Random} Random */

/** Bytes that mean something in one of the formats: lengths, encodings, terminators, opcodes. */
const TELLING_BYTES = [
  ...[0, 1, 2, 0x0a, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0x82, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4],
  ...[0xd0, 0xe0, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff],
];

/** Things to write where a length, a count or a time may stand. */
const TELLING_RUNS = [
  ...['80ffffffff', '8100000000ffffffff', '810000000100000000', '81001fffffffffffff', '81ffffffffffffffff'],
  ...['807fffffff', '8080000000', '7fff', '40ff', '4000', 'ffffffff', '00000000', 'ffffffffffffffff'],
  ...[
    '0000000000000080',
    'ffffffffffffff7f',
    'c308a040',
    'c30180ffffffff',
    'c38100000000ffffffff81ffffffffffff',
  ],
  ...['f0ffffffff', 'feffffffff', '000000000000f87f', '000000000000f07f', 'feff', 'ffff'],
].map((digits) => new Uint8Array(Buffer.from(digits, 'hex')));

/** @param {Uint8Array} bytes @param {number} at @param {number} bit */
export function flipped(bytes, at, bit) {
  const out = bytes.slice();
  out[at] = out[at] ^ (1 << bit);
  return out;
}

/** @param {Uint8Array} bytes @param {number} at @param {number} value */
export function replaced(bytes, at, value) {
  const out = bytes.slice();
  out[at] = value;
  return out;
}

/**
 * What can be written at one place, at every place: each byte replaced by what means most, each telling run
 * written over what is there.
 * @param {Uint8Array} bytes
 * @returns {Generator<{name: string, bytes: Uint8Array}>}
 */
export function* everyDamage(bytes) {
  for (let at = 0; at < bytes.length; at++) {
    for (const value of TELLING_BYTES) {
      if (value !== bytes[at]) yield { name: `byte ${at} = ${value}`, bytes: replaced(bytes, at, value) };
    }
    for (const run of TELLING_RUNS) yield { name: `run at ${at}`, bytes: overwritten(bytes, at, run) };
  }
}

/** @param {Uint8Array} bytes @param {number} at @param {Uint8Array} run */
function overwritten(bytes, at, run) {
  const out = bytes.slice();
  out.set(run.subarray(0, out.length - at), at);
  return out;
}

/** @param {Uint8Array} bytes @param {number} from @param {number} to @param {Uint8Array} run */
function spliced(bytes, from, to, run) {
  const out = new Uint8Array(bytes.length - (to - from) + run.length);
  out.set(bytes.subarray(0, from));
  out.set(run, from);
  out.set(bytes.subarray(to), from + run.length);
  return out;
}

const MOST_SPLICED_BYTES = 300;

/** @typedef {(bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array} Mutation */

/** @type {readonly Mutation[]} */
const MUTATIONS = [
  (bytes, random) => flipped(bytes, random.below(bytes.length), random.below(8)),
  (bytes, random) => replaced(bytes, random.below(bytes.length), random.below(256)),
  (bytes, random) => replaced(bytes, random.below(bytes.length), random.pick(TELLING_BYTES)),
  (bytes, random) => overwritten(bytes, random.below(bytes.length), random.pick(TELLING_RUNS)),
  (bytes, random) => {
    const at = random.below(bytes.length);
    return spliced(bytes, at, at, random.pick(TELLING_RUNS));
  },
  (bytes, random) => {
    const at = random.below(bytes.length);
    return replaced(bytes, at, bytes[at] + (random.oneIn(2) ? 1 : -1));
  },
  (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  (bytes, random) => {
    const from = random.below(bytes.length);
    return spliced(bytes, from, Math.min(bytes.length, from + 1 + random.below(MOST_SPLICED_BYTES)), NOTHING);
  },
  (bytes, random) => {
    const from = random.below(bytes.length);
    return spliced(bytes, from, from, bytes.slice(from, from + 1 + random.below(MOST_SPLICED_BYTES)));
  },
  (bytes, random, other) => {
    const from = random.below(Math.max(1, other.length));
    const at = random.below(bytes.length);
    const part = other.slice(from, from + 1 + random.below(MOST_SPLICED_BYTES));
    return random.oneIn(2) ? spliced(bytes, at, at, part) : overwritten(bytes, at, part);
  },
];

const NOTHING = new Uint8Array(0);

/**
 * One to six random damages, one on top of the other.
 * @param {Uint8Array} bytes
 * @param {Random} random
 * @param {Uint8Array} other bytes to take parts from
 * @returns {Uint8Array}
 */
export function mutated(bytes, random, other) {
  let out = bytes;
  for (let left = 1 + random.below(6); left > 0 && out.length > 0; left--) {
    out = random.pick(MUTATIONS)(out, random, other);
  }
  return out;
}
