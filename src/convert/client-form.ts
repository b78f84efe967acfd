/**
 * A server takes some forms only from its own primary, and refuses them from a client, which we are to the
 * target. They are put into the form a client may use.
 *
 *   XADD k [NOMKSTREAM] MAXLEN = n LIMIT m …      without LIMIT m
 *   XTRIM k MINID = id LIMIT m                    without LIMIT m
 *
 * A primary rewrites `~ n LIMIT m` to `= <what is left>` so that replicas trim alike, but leaves LIMIT where
 * it stands (6.2 and up); from a client LIMIT without `~` is a syntax error.
 */
import { isWord } from '../keyspace/words.js';

type Args = readonly Uint8Array[];

/** Fewer arguments than this and there is no room for LIMIT. */
export const XADD_LIMIT_ARGC = 9;
export const XTRIM_LIMIT_ARGC = 6;

/** The same command as a client may send it; the very array when nothing is to be changed. */
export function toClientForm(args: Args): Args {
  const name = args[0];
  if (name === undefined) return args;
  if (isWord(name, 'XADD')) return withoutLimit(args, XADD_LIMIT_ARGC);
  if (isWord(name, 'XTRIM')) return withoutLimit(args, XTRIM_LIMIT_ARGC);
  return args;
}

function withoutLimit(args: Args, least: number): Args {
  if (args.length < least) return args;
  let at = 2;
  while (isOption(args[at], 'NOMKSTREAM', 'KEEPREF', 'DELREF', 'ACKED')) at++;
  if (!isOption(args[at], 'MAXLEN', 'MINID')) return args;
  at++;
  if (isOption(args[at], '~')) return args;
  if (isOption(args[at], '=')) at++;
  at++;
  while (isOption(args[at], 'KEEPREF', 'DELREF', 'ACKED')) at++;
  return isOption(args[at], 'LIMIT') ? [...args.slice(0, at), ...args.slice(at + 2)] : args;
}

function isOption(arg: Uint8Array | undefined, ...words: readonly string[]): boolean {
  return arg !== undefined && words.some((word) => isWord(arg, word));
}
