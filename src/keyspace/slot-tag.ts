/**
 * For every slot a hash tag: `{<tag>}` in a key's name puts it into that slot. The shortest word of digits and
 * small letters, the first in their order; at most four letters. Names on targets are made with them, so the
 * same slot must have the same tag in every release.
 */
import { hashSlot } from './hash-slot.js';
import { SLOTS } from './key-slot.js';
import { bytesOf } from './words.js';

const LETTERS: Uint8Array = bytesOf('0123456789abcdefghijklmnopqrstuvwxyz');

let tags: readonly string[] | undefined;

export function tagOfSlot(slot: number): string {
  tags ??= findTags();
  const tag = tags[slot];
  if (tag === undefined) throw new RangeError(`there is no slot ${slot}`);
  return tag;
}

/** Goes through the words of one length after the other, as an odometer does. */
function findTags(): string[] {
  const found = Array.from({ length: SLOTS }, () => '');
  let missing = SLOTS;
  for (let length = 1; missing > 0; length++) {
    const word = new Uint8Array(length).fill(LETTERS[0]!);
    do {
      const slot = hashSlot(word, 0, length);
      if (found[slot] !== '') continue;
      found[slot] = String.fromCharCode(...word);
      missing--;
    } while (missing > 0 && turn(word));
  }
  return found;
}

/** The next word of the same length; false when there is none. */
function turn(word: Uint8Array): boolean {
  for (let at = word.length - 1; at >= 0; at--) {
    const next = LETTERS[LETTERS.indexOf(word[at]!) + 1];
    word[at] = next ?? LETTERS[0]!;
    if (next !== undefined) return true;
  }
  return false;
}
