/** Commands as lines of words, for tests. */
import type { FilterOptions } from '../../src/keyspace/filter-options.js';
import { bytesOf } from '../../src/keyspace/words.js';

export function args(line: string): Uint8Array[] {
  return line.split(' ').map((word) => bytesOf(word));
}

export function text(command: readonly Uint8Array[]): string {
  return command.map((arg) => new TextDecoder().decode(arg)).join(' ');
}

export function filterOptions(part: Partial<FilterOptions>): FilterOptions {
  return {
    includeKeys: [],
    excludeKeys: [],
    includeDbs: [],
    excludeDbs: [],
    includeKinds: [],
    excludeKinds: [],
    ...part,
  };
}
