/**
 * Streams:
 *
 *   XADD k NOMKSTREAM …                         < 6.2            without it: the stream was there
 *   XADD k MINID = id …, XTRIM k MINID = id     < 6.2            XADD, then a script that deletes the older entries
 *   XADD, XTRIM … KEEPREF                       Redis < 8.2      without it: it is the default
 *   XADD, XTRIM … DELREF                        Redis < 8.2      a script that lets the groups forget the entries
 *   XADD, XTRIM … ACKED                         Redis < 8.2      nothing is trimmed, and that is reported
 *   XADD … IDMP, IDMPAUTO                       Redis < 8.6      without it; reported
 *   XACKDEL, XDELEX                             Redis < 8.2      XACK, XDEL, scripts
 *   XGROUP CREATE, SETID … ENTRIESREAD n        < 7.0            without it
 *   XGROUP CREATECONSUMER                       < 6.2            XREADGROUP of what is pending: nothing, but it creates
 *   XCLAIM of an entry that is gone             < 7.0            a script that acknowledges it
 *   XSETID k id ENTRIESADDED n MAXDELETEDID id  < 7.0            without it
 */
import { bytesOf, parseCount } from '../../keyspace/words.js';
import type { TargetAbilities } from './abilities.js';
import { evalScript, STREAM_ACK_DELETE, STREAM_CLAIM, STREAM_DELETE_FORGET, STREAM_TRIM } from './lua.js';
import {
  type Args,
  command,
  leftOut,
  need,
  only,
  optionOf,
  type Rule,
  type TargetContext,
  type TargetForm,
} from './rule.js';

const NO_IDMP = "the target can't hold ids of idempotent stream producers";
const NO_ACKED = 'the target has no ACKED: entries that should go by it stay in their streams';

interface Trim {
  readonly by: string;
  readonly threshold: Uint8Array;
}

interface StreamOptions {
  trim: Trim | undefined;
  refs: string;
  noMkStream: boolean;
  idempotent: boolean;
  /** Where the options end: the id of XADD. */
  end: number;
}

function readOptions(args: Args): StreamOptions {
  const found: StreamOptions = {
    ...{ trim: undefined, refs: '', noMkStream: false, idempotent: false, end: 2 },
  };
  for (; found.end < args.length; found.end++) {
    const option = optionOf(args[found.end]);
    if (option === 'NOMKSTREAM') found.noMkStream = true;
    else if (option === 'KEEPREF' || option === 'DELREF' || option === 'ACKED') found.refs = option;
    else if (option === 'LIMIT') found.end++;
    else if (option === 'IDMPAUTO' || option === 'IDMP') {
      found.idempotent = true;
      found.end += option === 'IDMP' ? 2 : 1;
    } else if (option === 'MAXLEN' || option === 'MINID') {
      const sign = optionOf(args[found.end + 1]);
      found.end += sign === '=' || sign === '~' ? 2 : 1;
      const threshold = args[found.end];
      if (threshold !== undefined) found.trim = { by: option, threshold };
    } else break;
  }
  return found;
}

/** How the trimming has to be done: not at all, by XADD or XTRIM itself, or by a script behind. */
function trimCommands(
  key: Uint8Array,
  { trim, refs }: StreamOptions,
  can: TargetAbilities,
): { readonly inline: readonly (string | Uint8Array)[]; readonly behind: readonly Args[] } {
  if (trim === undefined || (refs === 'ACKED' && !can.xaddRefs)) return { inline: [], behind: [] };
  const canTrim = trim.by === 'MAXLEN' || can.xaddMinid;
  const inline = [trim.by, trim.threshold];
  if (can.xaddRefs) return { inline: refs === '' ? inline : [...inline, refs], behind: [] };
  if (canTrim && refs !== 'DELREF') return { inline, behind: [] };
  const threshold = trim.by === 'MINID' ? wholeId(trim.threshold) : trim.threshold;
  const argv = [trim.by, threshold, refs === 'DELREF' ? refs : 'KEEPREF', canTrim ? 'XTRIM' : 'XDEL'];
  return { inline: [], behind: [evalScript(STREAM_TRIM, [key], argv)] };
}

/** As servers write ids: `5` is `5-0`, and no leading zeros. */
function wholeId(id: Uint8Array): Uint8Array {
  const match = /^0*(\d+)(?:-0*(\d+))?$/u.exec(String.fromCharCode(...id));
  return match === null ? id : bytesOf(`${match[1]!}-${match[2] ?? '0'}`);
}

function reportOf(options: StreamOptions, can: TargetAbilities): { readonly report?: string } {
  if (options.refs === 'ACKED' && !can.xaddRefs) return { report: NO_ACKED };
  return options.idempotent && !can.xaddIdmp ? { report: NO_IDMP } : {};
}

/** Does the target lack what these options need? */
function misses({ trim, refs, noMkStream, idempotent }: StreamOptions, can: TargetAbilities): boolean {
  if (!can.xaddMinid && (noMkStream || trim?.by === 'MINID')) return true;
  return (refs !== '' && !can.xaddRefs) || (idempotent && !can.xaddIdmp);
}

function rewriteXadd(args: Args, { can }: TargetContext): TargetForm {
  const key = args[1];
  const options = readOptions(args);
  if (key === undefined || !misses(options, can)) return null;
  const { inline, behind } = trimCommands(key, options, can);
  const noMkStream = options.noMkStream && can.xaddMinid ? ['NOMKSTREAM'] : [];
  const add = command('XADD', key, ...noMkStream, ...inline, ...args.slice(options.end));
  return { commands: [add, ...behind], ...reportOf(options, can) };
}

function rewriteXtrim(args: Args, { can }: TargetContext): TargetForm {
  const key = args[1];
  const options = readOptions(args);
  if (key === undefined || !misses(options, can)) return null;
  const { inline, behind } = trimCommands(key, options, can);
  const trim = inline.length === 0 ? [] : [command('XTRIM', key, ...inline)];
  return { commands: [...trim, ...behind], ...reportOf(options, can) };
}

/** `[KEEPREF|DELREF|ACKED] IDS n id …` from args[from]. */
function readIds(args: Args, from: number): { readonly refs: string; readonly ids: Args } | undefined {
  let refs = 'KEEPREF';
  for (let at = from; at < args.length; at++) {
    const option = optionOf(args[at]);
    if (option !== 'IDS') refs = option;
    else {
      const count = parseCount(args[at + 1]);
      return count === undefined ? undefined : { refs, ids: args.slice(at + 2, at + 2 + count) };
    }
  }
  return undefined;
}

function rewriteXdelex(args: Args): TargetForm {
  const key = args[1];
  const list = readIds(args, 2);
  if (key === undefined || list === undefined) return null;
  if (list.refs === 'ACKED') return leftOut(NO_ACKED);
  return list.refs === 'DELREF'
    ? { commands: [evalScript(STREAM_DELETE_FORGET, [key], list.ids)] }
    : only('XDEL', key, ...list.ids);
}

function rewriteXackdel(args: Args): TargetForm {
  const [, key, group] = args;
  const list = readIds(args, 3);
  if (key === undefined || group === undefined || list === undefined) return null;
  if (list.refs === 'ACKED')
    return { commands: [command('XACK', key, group, ...list.ids)], report: NO_ACKED };
  return { commands: [evalScript(STREAM_ACK_DELETE, [key], [list.refs, group, ...list.ids])] };
}

function rewriteXgroup(args: Args, { can }: TargetContext): TargetForm {
  const [, , key, group, consumer] = args;
  if (key === undefined || group === undefined) return null;
  const name = optionOf(args[1]);
  if (name === 'CREATECONSUMER' && !can.createConsumer && consumer !== undefined) {
    return only('XREADGROUP', 'GROUP', group, consumer, 'COUNT', '1', 'STREAMS', key, '0');
  }
  if ((name !== 'CREATE' && name !== 'SETID') || can.xsetidFull) return null;
  const read = args.findIndex((arg, at) => at > 4 && optionOf(arg) === 'ENTRIESREAD');
  return read < 0 ? null : only(...args.slice(0, read), ...args.slice(read + 2));
}

function rewriteXclaim(args: Args): TargetForm {
  const key = args[1];
  if (key === undefined) return null;
  const isId = (arg: Uint8Array): boolean =>
    /^\d+(?:-\d+)?$/u.test(String.fromCharCode(...arg.subarray(0, 42)));
  const behind = args.slice(5);
  const options = behind.findIndex((arg) => !isId(arg));
  const ids = options < 0 ? behind.length : options;
  return { commands: [evalScript(STREAM_CLAIM, [key], [String(ids), ...args.slice(2)])] };
}

export const STREAM_RULES: readonly Rule[] = [
  {
    names: ['XADD'],
    leastArgc: 6,
    needs: [
      need('6.2', '7.2', (can) => !can.xaddMinid),
      need('8.2', '-', (can) => !can.xaddRefs),
      need('8.6', '-', (can) => !can.xaddIdmp),
    ],
    rewrite: rewriteXadd,
  },
  {
    names: ['XTRIM'],
    leastArgc: 4,
    needs: [need('6.2', '7.2', (can) => !can.xaddMinid), need('8.2', '-', (can) => !can.xaddRefs)],
    rewrite: rewriteXtrim,
  },
  {
    names: ['XCLAIM'],
    leastArgc: 6,
    needs: [need('7.0', '7.2', (can) => !can.xsetidFull)],
    rewrite: rewriteXclaim,
  },
  {
    names: ['XDELEX'],
    leastArgc: 5,
    needs: [need('8.2', '-', (can) => !can.has('XDELEX'))],
    rewrite: rewriteXdelex,
  },
  {
    names: ['XACKDEL'],
    leastArgc: 6,
    needs: [need('8.2', '-', (can) => !can.has('XACKDEL'))],
    rewrite: rewriteXackdel,
  },
  {
    names: ['XCFGSET', 'XIDMPRECORD'],
    leastArgc: 2,
    needs: [need('8.6', '-', (can) => !can.has('XIDMPRECORD'))],
    rewrite: () => leftOut(NO_IDMP),
  },
  {
    names: ['XGROUP'],
    leastArgc: 5,
    needs: [need('6.2', '7.2', (can) => !can.createConsumer), need('7.0', '7.2', (can) => !can.xsetidFull)],
    rewrite: rewriteXgroup,
  },
  {
    names: ['XSETID'],
    leastArgc: 4,
    needs: [need('7.0', '7.2', (can) => !can.xsetidFull)],
    rewrite: (args) => only(...args.slice(0, 3)),
  },
];
