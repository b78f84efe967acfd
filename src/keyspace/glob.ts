/**
 * Key patterns as the server's KEYS and SCAN MATCH understand them, over bytes:
 *
 *   *       any bytes, also none          ?       one byte
 *   [abc]   one of                        [^abc]  none of
 *   [a-z]   a range, either way round     \x      x itself, also inside brackets
 *
 * A bracket that is not closed ends with the pattern; `[]` is empty and matches nothing. Compiled once.
 * Matching goes back to the last `*` only, so it takes at most pattern × key steps (the recursive way takes
 * exponentially many for `a*a*a*…`).
 */

/** Matches the bytes [start, end). */
export type Matcher = (bytes: Uint8Array, start: number, end: number) => boolean;

const ANY = -1;
const STAR = -2;
/** Tokens from here down are classes: class n is FIRST_CLASS - n. */
const FIRST_CLASS = -3;

interface Compiled {
  /** A literal byte, or one of the marks above. */
  readonly tokens: readonly number[];
  /** Per class: 256 entries, 1 where the byte belongs to it. */
  readonly classes: readonly Uint8Array[];
}

const STAR_BYTE = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;

export function compileGlob(pattern: Uint8Array): Matcher {
  const { tokens, classes } = compile(pattern);
  return (bytes, start, end) => matchTokens(tokens, classes, bytes, start, end);
}

function compile(pattern: Uint8Array): Compiled {
  const tokens: number[] = [];
  const classes: Uint8Array[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const byte = pattern[at]!;
    if (byte === STAR_BYTE) {
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
    } else if (byte === QUESTION) {
      tokens.push(ANY);
    } else if (byte === OPEN) {
      const [members, next] = readClass(pattern, at + 1);
      tokens.push(FIRST_CLASS - classes.length);
      classes.push(members);
      at = next;
    } else if (byte === BACKSLASH && at + 1 < pattern.length) {
      tokens.push(pattern[++at]!);
    } else {
      tokens.push(byte);
    }
  }
  return { tokens, classes };
}

/** The members of a class, and the position of its `]` (or of the end). */
function readClass(pattern: Uint8Array, start: number): [members: Uint8Array, end: number] {
  const negated = pattern[start] === CARET;
  const members = new Uint8Array(256);
  let at = negated ? start + 1 : start;
  for (; at < pattern.length && pattern[at] !== CLOSE; at++) {
    if (pattern[at] === BACKSLASH && at + 1 < pattern.length) {
      members[pattern[++at]!] = 1;
    } else if (pattern[at + 1] === DASH && at + 2 < pattern.length) {
      // As in the server, also `[a-]`: a range up to `]`.
      const low = Math.min(pattern[at]!, pattern[at + 2]!);
      members.fill(1, low, Math.max(pattern[at]!, pattern[at + 2]!) + 1);
      at += 2;
    } else {
      members[pattern[at]!] = 1;
    }
  }
  return [negated ? members.map((member) => 1 - member) : members, at];
}

function matchTokens(
  tokens: readonly number[],
  classes: readonly Uint8Array[],
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let token = 0;
  let at = start;
  let starToken = -1;
  let starAt = 0;
  while (at < end) {
    const wanted = tokens[token];
    if (wanted === STAR) {
      if (token === tokens.length - 1) return true;
      starToken = token++;
      starAt = at;
    } else if (wanted !== undefined && matchesByte(wanted, classes, bytes[at]!)) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  if (tokens[token] === STAR) token++;
  return token === tokens.length;
}

function matchesByte(token: number, classes: readonly Uint8Array[], byte: number): boolean {
  if (token >= 0) return token === byte;
  return token === ANY || classes[FIRST_CLASS - token]![byte] === 1;
}
