/**
 * Keys of any kind:
 *
 *   EXPIRE k n NX|XX|GT|LT          < 7.0   without the flag: it held
 *   UNLINK                          < 4.0   DEL
 *   COPY a b [DB n] [REPLACE]       < 6.2   a script: DUMP, RESTORE, and the deadline
 *   COPY, RENAME, RENAMENX          from Redis 8.0, whose vector sets are left out: b goes when there is no a
 *   RESTORE, RESTORE-ASKING                 the payload as the target takes it; REPLACE below 3.0 is a DEL first,
 *                                           ABSTTL below 5.0 a PEXPIREAT behind
 */
import { parseCount } from '../../keyspace/words.js';
import { COPY, evalScript, IF_CARRIED } from './lua.js';
import {
  type Args,
  command,
  isForeign,
  need,
  leftOut,
  only,
  optionOf,
  type Rule,
  type TargetContext,
  type TargetForm,
} from './rule.js';

function rewriteCopy(args: Args, { can }: TargetContext): TargetForm {
  const [name, from, to] = args;
  if (name === undefined || from === undefined || to === undefined) return null;
  const at = args.findIndex((arg, index) => index > 2 && optionOf(arg) === 'DB');
  const db = at < 0 ? undefined : args[at + 1];
  return {
    commands: [
      can.has('COPY')
        ? evalScript(IF_CARRIED, [from, to], [name, db ?? '', ...args.slice(3)])
        : evalScript(COPY, [from, to], db === undefined ? [] : [db]),
    ],
  };
}

function rewriteRename(args: Args): TargetForm {
  const [name, from, to] = args;
  if (name === undefined || from === undefined || to === undefined) return null;
  return { commands: [evalScript(IF_CARRIED, [from, to], [name, ''])] };
}

/** Redis 8 has vector sets, which others can't take: such keys are left out. */
const LEAVES_KEYS_OUT = need('8.0', '-', (can) => !can.has('VADD'));

function rewriteRestore(args: Args, { can, payloads }: TargetContext): TargetForm {
  const [, key, ttl, payload] = args;
  if (key === undefined || ttl === undefined || payload === undefined) return null;
  const form = payloads.convert(payload);
  if (form.kind === 'unsupported') return leftOut(`the target can't hold ${form.why}`);
  const options = args.slice(4);
  const words = options.map((option) => optionOf(option));
  if (form.kind === 'empty') return only('DEL', key);
  const report = form.report === undefined ? {} : { report: form.report };
  const replace = words.includes('REPLACE');
  if (can.restoreAbsttl) {
    return { commands: [command('RESTORE', key, ttl, form.bytes, ...options)], ...report };
  }
  const absolute = words.includes('ABSTTL') && parseCount(ttl) !== 0;
  return {
    commands: [
      ...(replace && !can.restoreReplace ? [command('DEL', key)] : []),
      command(
        'RESTORE',
        key,
        absolute ? '0' : ttl,
        form.bytes,
        ...(replace && can.restoreReplace ? ['REPLACE'] : []),
      ),
      ...(absolute ? [command('PEXPIREAT', key, ttl)] : []),
    ],
    ...report,
  };
}

export const KEY_RULES: readonly Rule[] = [
  {
    names: ['EXPIRE', 'PEXPIRE', 'EXPIREAT', 'PEXPIREAT'],
    leastArgc: 4,
    needs: [need('7.0', '7.2', (can) => !can.expireFlags)],
    rewrite: (args) => only(...args.slice(0, 3)),
  },
  {
    names: ['UNLINK'],
    leastArgc: 2,
    needs: [need('4.0', '7.2', (can) => !can.has('UNLINK'))],
    rewrite: (args) => only('DEL', ...args.slice(1)),
  },
  {
    names: ['COPY'],
    leastArgc: 3,
    needs: [need('6.2', '7.2', (can) => !can.has('COPY')), LEAVES_KEYS_OUT],
    rewrite: rewriteCopy,
  },
  {
    names: ['RENAME', 'RENAMENX'],
    leastArgc: 3,
    needs: [LEAVES_KEYS_OUT],
    rewrite: rewriteRename,
  },
  {
    names: ['RESTORE', 'RESTORE-ASKING'],
    leastArgc: 4,
    // HIMPORT of 8.10 needs a look even by its own kind.
    needs: [need('2.6', '7.2', isForeign), need('8.10', '-', () => true)],
    rewrite: rewriteRestore,
  },
];
