/**
 * The four ways in which every input is fed: whole, byte by byte, seven bytes at a time, and split at
 * random places (the same ones in every run).
 */
export interface Feed {
  readonly name: string;
  /** Sizes of the pieces an input of `total` bytes arrives in. */
  pieces(total: number): readonly number[];
}

export const FEEDS: readonly Feed[] = [
  { name: 'whole', pieces: (total) => [total] },
  { name: 'byte by byte', pieces: (total) => Array.from({ length: total }, () => 1) },
  { name: 'seven bytes at a time', pieces: (total) => Array.from({ length: Math.ceil(total / 7) }, () => 7) },
  { name: 'random splits', pieces: randomPieces },
];

function randomPieces(total: number): number[] {
  const next = randomNumbers(total + 1);
  const pieces: number[] = [];
  for (let left = total; left > 0; left -= pieces.at(-1)!) {
    // Mostly small pieces, now and then a large one.
    const largest = next() < 0.9 ? 24 : 3000;
    pieces.push(Math.min(left, 1 + Math.floor(next() * largest)));
  }
  return pieces;
}

/** A linear congruential generator: numbers in [0, 1). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Decoder {
  feed(bytes: Uint8Array, start: number, end: number): number;
}

/**
 * Feeds `bytes` in these pieces, keeping what the decoder leaves, and returns how many bytes it took. Each
 * call gets a buffer of its own in which the bytes stand at another place, and which is overwritten after
 * it: a decoder that holds on to what it was given comes out wrong.
 */
export function feedIn(feed: Feed, decoder: Decoder, bytes: Uint8Array): number {
  let taken = 0;
  let arrived = 0;
  for (const size of feed.pieces(bytes.length)) {
    arrived = Math.min(bytes.length, arrived + size);
    const margin = arrived % 5;
    const window = new Uint8Array(margin + arrived - taken + 2).fill(0xdd);
    window.set(bytes.subarray(taken, arrived), margin);
    const at = decoder.feed(window, margin, margin + arrived - taken);
    taken += at - margin;
    window.fill(0xdd);
  }
  return taken;
}
