/**
 * A seeded random source (sfc32, seeded through splitmix32): the same seed gives the same numbers on
 * every machine, so a failing run is repeated by giving its printed seed again.
 */
import { randomInt } from 'node:crypto';

/**
 * @typedef {object} Random
 * @property {number} seed
 * @property {() => number} uint32 0 … 2^32-1
 * @property {() => number} next 0 … 1, 1 excluded
 * @property {(below: number) => number} int 0 … below-1
 * @property {(from: number, to: number) => number} between both ends included
 * @property {(probability: number) => boolean} chance
 * @property {<T>(list: readonly T[]) => T} pick
 * @property {(length: number) => Buffer} bytes every byte value is possible
 * @property {(label: number) => Random} fork an independent source, itself determined by seed and label
 */

/** A fresh seed for a run that was not given one; print it. @returns {number} */
export function freshSeed() {
  return randomInt(1, 0xffff_ffff);
}

/** @param {number} state @returns {() => number} */
function splitmix32(state) {
  let s = state >>> 0;
  return () => {
    s = (s + 0x9e3779b9) >>> 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

/** @param {number} seed @returns {() => number} */
function sfc32(seed) {
  const mix = splitmix32(seed);
  let a = mix();
  let b = mix();
  let c = mix();
  let counter = 1;
  return () => {
    const sum = (((a + b) >>> 0) + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
}

/**
 * @param {number} seed
 * @returns {Random}
 */
export function createRandom(seed) {
  const uint32 = sfc32(seed);
  const next = () => uint32() / 0x1_0000_0000;
  /** @param {number} below */
  const int = (below) => Math.floor(next() * below);
  return {
    seed,
    uint32,
    next,
    int,
    between: (from, to) => from + int(to - from + 1),
    chance: (probability) => next() < probability,
    pick: (list) => list[int(list.length)],
    bytes: (length) => {
      const out = Buffer.allocUnsafe(length);
      let i = 0;
      for (; i + 4 <= length; i += 4) out.writeUInt32LE(uint32(), i);
      for (; i < length; i++) out[i] = uint32() & 0xff;
      return out;
    },
    fork: (label) => createRandom((Math.imul(seed, 0x9e3779b1) ^ (label + 0x7f4a7c15)) >>> 0),
  };
}
