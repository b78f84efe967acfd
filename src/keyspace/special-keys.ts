/** Where the keys are in commands whose options decide it. All return positions in ascending order. */
import { isWord } from './words.js';

const STAR = 0x2a;

type Args = readonly Uint8Array[];

/** `SORT key [BY p] [LIMIT o c] [GET p]… [ASC|DESC] [ALPHA] [STORE dest]`: the last STORE counts. */
export function sortKeys(args: Args): number[] {
  let store = 0;
  for (let at = 2; at < args.length; at++) {
    const arg = args[at]!;
    if (isWord(arg, 'LIMIT')) at += 2;
    else if (isWord(arg, 'BY') || isWord(arg, 'GET')) at++;
    else if (isWord(arg, 'STORE') && at + 1 < args.length) store = ++at;
  }
  return withStore(args, store);
}

/** Where the patterns of SORT stand which name keys to read: those of BY and GET with a `*`. */
export function sortPatterns(args: Args): number[] {
  const found: number[] = [];
  for (let at = 2; at < args.length; at++) {
    const arg = args[at]!;
    if (isWord(arg, 'LIMIT')) at += 2;
    else if (isWord(arg, 'STORE')) at++;
    else if (isWord(arg, 'BY') || isWord(arg, 'GET')) {
      at++;
      if (args[at]?.includes(STAR) === true) found.push(at);
    }
  }
  return found;
}

/** `GEORADIUS key lon lat r unit … [STORE dest|STOREDIST dest]`, BYMEMBER one argument shorter. */
export function geoKeys(args: Args): number[] {
  let store = 0;
  for (let at = 5; at + 1 < args.length; at++) {
    if (isWord(args[at]!, 'STORE') || isWord(args[at]!, 'STOREDIST')) store = ++at;
  }
  return withStore(args, store);
}

function withStore(args: Args, store: number): number[] {
  if (args.length < 2) return [];
  return store === 0 ? [1] : [1, store];
}

/** `MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH p | AUTH2 u p] [KEYS k…]` */
export function migrateKeys(args: Args): number[] {
  if (args.length < 6) return [];
  if (args[3]!.length > 0) return [3];
  for (let at = 6; at < args.length; at++) {
    if (isWord(args[at]!, 'KEYS')) return span(at + 1, args.length);
    if (isWord(args[at]!, 'AUTH')) at++;
    else if (isWord(args[at]!, 'AUTH2')) at += 2;
  }
  return [];
}

/** `XREADGROUP GROUP g c [COUNT n] [BLOCK ms] … STREAMS key… id…`: the first half behind STREAMS. */
export function streamsKeys(args: Args): number[] {
  for (let at = 4; at < args.length; at++) {
    if (isWord(args[at]!, 'STREAMS')) return span(at + 1, at + 1 + Math.floor((args.length - at - 1) / 2));
    if (isWord(args[at]!, 'COUNT') || isWord(args[at]!, 'BLOCK')) at++;
  }
  return [];
}

/** `XGROUP CREATE|SETID|DESTROY|… key …`; `XGROUP HELP` has none. */
export function subcommandKeys(args: Args): number[] {
  return args.length > 2 ? [2] : [];
}

/** `HIMPORT SET key fieldset value…` (8.10+); PREPARE and DISCARD name a fieldset, not a key. */
export function himportKeys(args: Args): number[] {
  return args.length > 2 && isWord(args[1]!, 'SET') ? [2] : [];
}

function span(start: number, end: number): number[] {
  const out: number[] = [];
  for (let at = start; at < end; at++) out.push(at);
  return out;
}
