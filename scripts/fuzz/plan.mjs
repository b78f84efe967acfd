/**
 * The cases of a run, in order: every damage in one place to every small file, then random damage to files
 * and values until somebody stops. A case is a name and a function that checks it, so that whoever runs it
 * can say which one it was.
 */
import { checkFile, checkPayload, checkValue } from './check.mjs';
import { everyDamage, flipped, mutated } from './mutate.mjs';
import { Random } from './random.mjs';
import { corpusFiles, corpusValues, handmadeValues, smallFiles } from './seeds.mjs';

/** @typedef {import('./library.mjs').Library} Library */
/** @typedef {{name: string, bytes: Uint8Array, check: () => void}} Case */

/**
 * @param {Library} library
 * @param {{phase: string, seed: number}} options `phase`: sound, cuts, flips, places or random
 * @returns {Generator<Case>}
 */
export function casesOf(library, { phase, seed }) {
  if (phase === 'sound') return soundCases(library);
  if (phase === 'random') return randomCases(library, seed);
  return everyCase(library, DAMAGES[phase] ?? cutsAndFlips);
}

/** The files as they are, which must be fine. @param {Library} library @returns {Generator<Case>} */
function* soundCases(library) {
  for (const { name, bytes } of [...smallFiles(library), ...corpusFiles()]) {
    const check = () => {
      const { code } = checkFile(library, bytes, new Random(1));
      const unreadable = name.includes('array');
      if (code !== 'ok' && !unreadable) throw new Error(`a sound file ends in ${code}`);
    };
    yield { name, bytes, check };
  }
}

/** @typedef {(bytes: Uint8Array) => Iterable<{name: string, bytes: Uint8Array}>} Damage */

/** @type {Readonly<Record<string, Damage>>} */
const DAMAGES = { flips: everyFlip, places: everyDamage };

/** Every damage of a kind to every small file. @param {Library} library @param {Damage} damage @returns {Generator<Case>} */
function* everyCase(library, damage) {
  for (const seed of smallFiles(library)) {
    for (const { name, bytes } of damage(seed.bytes)) {
      const random = new Random(bytes.length);
      yield { name: `${seed.name}, ${name}`, bytes, check: () => void checkFile(library, bytes, random) };
    }
  }
}

/** Cut short at every byte; one bit of every byte flipped. @type {Damage} */
function* cutsAndFlips(bytes) {
  for (let at = 0; at < bytes.length; at++) {
    yield { name: `cut to ${at}`, bytes: bytes.slice(0, at) };
    yield { name: `bit ${at % 8} of ${at}`, bytes: flipped(bytes, at, at % 8) };
  }
}

/** @type {Damage} */
function* everyFlip(bytes) {
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) yield { name: `bit ${bit} of ${at}`, bytes: flipped(bytes, at, bit) };
  }
}

/**
 * Random damage without end: mostly to single values, where a case is cheap, then to small files, now and
 * then to a whole corpus file. Case `n` of a seed is always the same.
 * @param {Library} library
 * @param {number} seed
 * @returns {Generator<Case>}
 */
function* randomCases(library, seed) {
  const values = [...corpusValues(library), ...handmadeValues()];
  const small = smallFiles(library);
  const corpus = corpusFiles();
  for (let number = 0; ; number++) {
    const random = new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0);
    const name = `random case ${number} of seed ${seed}`;
    if (number % 40 === 39) yield fileCase(library, name, random.pick(corpus), random, corpus);
    else if (number % 4 === 3) yield fileCase(library, name, random.pick(small), random, small);
    else yield valueCase(library, name, random.pick(values), random, values);
  }
}

/** @returns {Case} */
function fileCase(library, name, seed, random, others) {
  const bytes = mutated(seed.bytes, random, random.pick(others).bytes);
  return { name: `${name} (${seed.name})`, bytes, check: () => void checkFile(library, bytes, random) };
}

/** @returns {Case} */
function valueCase(library, name, seed, random, others) {
  const bytes = mutated(seed.bytes, random, random.pick(others).bytes);
  // Now and then the bytes of one type under the name of another.
  const { type, dialect } = random.oneIn(20) ? random.pick(others) : seed;
  const check = () => {
    checkValue(library, type, dialect, bytes, random);
    checkPayload(library, type, bytes, dialect === 'valkey' ? 80 : 12);
  };
  return { name: `${name} (${seed.name}, type ${type})`, bytes, check };
}
