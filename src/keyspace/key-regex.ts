/**
 * Keys chosen by a JavaScript regular expression. It may match anywhere in the key (`^` and `$` stand for its
 * ends), `.` matches every character, also a line break, and `(?i)` in front ignores case. The flags are `su`.
 *
 * A key that is valid UTF-8 is read as such; any other is read byte by byte, so that `^\xff\x00` finds it.
 *
 * The engine of JavaScript tries ways one after the other. A pattern that repeats a repetition, as `(a+)+`
 * or `(\w+\s?)*`, takes twice as long with every character and would hold up everything at one long key, so it
 * is refused. That is the common way to go wrong, not the only one: `(a|a)*` is as bad, and `.*a.*b.*c` takes
 * the cube of the length. The whole key is looked at, as anything less would give wrong answers; globs have no
 * such cases.
 */
import { ReplicantError } from '../errors.js';
import type { Matcher } from './glob.js';

const IGNORE_CASE = '(?i)';

export function compileKeyRegex(pattern: string): Matcher {
  const ignoreCase = pattern.startsWith(IGNORE_CASE);
  const body = ignoreCase ? pattern.slice(IGNORE_CASE.length) : pattern;
  const regex = compile(body, ignoreCase ? 'isu' : 'su');
  if (repeatsRepetition(body)) {
    throw new ReplicantError('USAGE', `the regular expression ${pattern} repeats a repetition`, {
      hint: 'it could take forever on a long key: write (a+)+ as a+, and (a+b?)* as [ab]*',
    });
  }
  return (bytes, start, end) => regex.test(keyText(bytes, start, end));
}

function compile(body: string, flags: string): RegExp {
  try {
    return new RegExp(body, flags);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ReplicantError('USAGE', `not a regular expression: ${body}`, { hint: why });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PIECE = 4096;

function keyText(bytes: Uint8Array, start: number, end: number): string {
  const key = bytes.subarray(start, end);
  try {
    return utf8.decode(key);
  } catch {
    let text = '';
    for (let at = 0; at < key.length; at += PIECE) {
      text += String.fromCharCode(...key.subarray(at, at + PIECE));
    }
    return text;
  }
}

/** One branch of a group (or of the whole): does it repeat, and does anything in it have to be there once? */
interface Branch {
  repeats: boolean;
  required: boolean;
}

interface Group {
  branch: Branch;
  /** A branch that is nothing but a repetition: to repeat the group would be a repeated repetition. */
  loose: boolean;
  /** A look-ahead or look-behind takes no characters. */
  readonly empty: boolean;
}

const QUANTIFIER = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/u;
const ESCAPE = /^\\(?:[uPp]\{[^}]*\}|k<[^>]*>|u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[A-Za-z]|\d+|.)/su;
const CLASS = /^\[(?:\\.|[^\]\\])*\]/su;
const OPENING = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/u;
const ZERO_WIDTH = /^(?:[\^$]|\\[bB\d]|\\k)/u;

/** For patterns that compile. */
function repeatsRepetition(pattern: string): boolean {
  const groups: Group[] = [open('')];
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const group = groups.at(-1)!;
    const opening = OPENING.exec(rest)?.[0];
    if (opening !== undefined || rest.startsWith('|')) {
      if (opening === undefined) endBranch(group);
      else groups.push(open(opening));
      at += opening?.length ?? 1;
      continue;
    }
    const atom = (ESCAPE.exec(rest) ?? CLASS.exec(rest))?.[0] ?? rest[0]!;
    at += atom.length;
    const quantifier = QUANTIFIER.exec(pattern.slice(at));
    at += quantifier?.[0].length ?? 0;
    const [least, unbounded] = boundsOf(quantifier);
    if (atom !== ')') {
      addAtom(group.branch, unbounded, least > 0 && !ZERO_WIDTH.test(atom));
      continue;
    }
    endBranch(group);
    groups.pop();
    if (unbounded && group.loose) return true;
    addAtom(groups.at(-1)!.branch, unbounded || group.loose, least > 0 && !group.empty);
  }
  return false;
}

function open(opening: string): Group {
  const empty = /[=!]$/u.test(opening);
  return { branch: { repeats: false, required: false }, loose: false, empty };
}

function endBranch(group: Group): void {
  if (group.branch.repeats && !group.branch.required) group.loose = true;
  group.branch = { repeats: false, required: false };
}

function addAtom(branch: Branch, repeats: boolean, required: boolean): void {
  if (repeats) branch.repeats = true;
  else if (required) branch.required = true;
}

function boundsOf(quantifier: RegExpExecArray | null): [least: number, unbounded: boolean] {
  if (quantifier === null) return [1, false];
  const [text, least, comma, most] = quantifier;
  if (least === undefined) return [text.startsWith('+') ? 1 : 0, !text.startsWith('?')];
  return [Number(least), comma === ',' && most === ''];
}
