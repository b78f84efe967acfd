/** What to make of an append-only file, for the commands that want values: options, and what they mean. */
import type { ScratchOptions } from '../io/scratch-input.js';
import { oneOf, optional, optionalText, orElse, parsed } from './checks.js';
import { text, type OptionTable } from './option-table.js';
import { parseTime } from './parse-time.js';

export interface AofValues {
  readonly 'truncated-tail': 'fail' | 'keep';
  readonly 'to-time': number | undefined;
  readonly 'scratch-server': string | undefined;
}

const AOF = 'Append-only files:';

export const AOF_OPTIONS: OptionTable<AofValues> = {
  'truncated-tail': text(
    AOF,
    'when an AOF ends in the middle of a command: fail (default), or keep what is before it',
    orElse(oneOf(['fail', 'keep']), 'fail'),
  ),
  'to-time': text(
    AOF,
    'TIME: an AOF only up to then, by its timestamps (2026-01-31T12:00:00Z, or Unix seconds)',
    optional(parsed('a time such as 2026-01-31T12:00:00Z, or Unix seconds', parseTime)),
  ),
  'scratch-server': text(
    AOF,
    'PATH of the redis-server or valkey-server that carries out the commands of an AOF, in private and with as much memory as the data need; default: the best of those on the PATH',
    optionalText,
  ),
};

export function scratchOf(values: AofValues): ScratchOptions {
  return {
    server: values['scratch-server'],
    truncatedTail: values['truncated-tail'],
    toTime: values['to-time'],
  };
}
