/** Types of the search for local servers: see local-servers.mjs. */
import type { ServerBinary } from '../servers.mjs';

export declare function findLocalServers(options?: {
  env?: Readonly<Record<string, string | undefined>>;
}): Promise<{ servers: ServerBinary[]; problems: string[] }>;
