/** The texts of options → values, through the checks of the command's table. */
import { z } from 'zod';
import { ReplicantError } from '../errors.js';
import type { Layer } from './layers.js';
import type { OptionTable } from './option-table.js';

/** Checked one by one; what they mean together is decided by the command. */
export function checkOptions<V>(table: OptionTable<V>, layer: Layer): V {
  const specs = Object.entries<{ readonly check: z.ZodType }>(table);
  const schema = z.object(Object.fromEntries(specs.map(([name, { check }]) => [name, check])));
  const given = Object.fromEntries([...layer].map(([name, { value }]) => [name, value]));
  const result = schema.safeParse(given);
  // The table has a check for every key of V, which gives a value of that key's type.
  if (result.success) return result.data as V;
  const issue = result.error.issues[0];
  const name = String(issue?.path[0] ?? '');
  throw new ReplicantError(
    'USAGE',
    `${layer.get(name)?.label ?? name}: ${issue?.message ?? 'not understood'}`,
  );
}
