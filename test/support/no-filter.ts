import type { FilterOptions } from '../../src/sync/options.js';

export const NO_FILTER: FilterOptions = {
  includeKeys: [],
  excludeKeys: [],
  includeDbs: [],
  excludeDbs: [],
  includeKinds: [],
  excludeKinds: [],
};
