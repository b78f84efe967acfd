/** Whose memory sizes are modelled: the same options wherever sizes are shown. */
import { ALLOCATORS, type AllocatorChoice } from '../inspect/allocator.js';
import { type Account, parseServerName, type ServerName } from '../inspect/server-profile.js';
import { oneOf, optional, orElse, parsed } from './checks.js';
import { type OptionTable, text } from './option-table.js';

export interface ModelValues {
  /** undefined: the one that wrote the file. */
  readonly server: ServerName | undefined;
  readonly allocator: AllocatorChoice;
  readonly sizes: Account;
}

/** `prefix` stands before what each does; `otherwise` is the allocator when none is named. */
export function modelOptions(
  group: string,
  prefix: string,
  otherwise: AllocatorChoice,
): OptionTable<ModelValues> {
  return {
    server: text(
      group,
      `${prefix}NAME whose memory is modelled, such as redis-7.2 or valkey-8.1; default: the one that wrote the file`,
      optional(parsed('a server such as redis-7.2 or valkey-8.1', parseServerName)),
    ),
    allocator: text(
      group,
      `${prefix}bundled (containers, source), system (jemalloc of a distribution), system-5.3.1, or found: by what the server said it used; default: ${otherwise}`,
      orElse(oneOf([...ALLOCATORS, 'found']), otherwise),
    ),
    sizes: text(
      group,
      `${prefix}allocated: what a key makes the server allocate (default); memory-usage: what MEMORY USAGE would answer`,
      orElse(oneOf(['allocated', 'memory-usage']), 'allocated'),
    ),
  };
}
