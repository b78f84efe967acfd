/**
 * What stands at an endpoint: one server, a cluster, or Sentinels that know where the server is. Found out by asking,
 * as the URL does not tell.
 */
import { ReplicantError } from '../errors.js';
import { ASK_TIMEOUT_MS, askSeeds, type Opener } from '../net/ask-seeds.js';
import { Connection } from '../net/connection.js';
import { type Endpoint, formatEndpoint } from '../net/endpoint.js';
import { addressesToAsk } from '../net/known-addresses.js';
import { askMasters } from '../net/locate-primary.js';
import { DENIED, type Side } from '../net/socket.js';
import type { ClusterMap } from './cluster-map.js';
import { readViews, withShardIds } from './cluster-views.js';
import { readClusterMap } from './read-cluster-map.js';
import { askServerMode, type ServerMode } from './server-mode.js';

export type Topology =
  | { readonly kind: 'standalone' }
  /** `endpoint` has `find` with the name. */
  | { readonly kind: 'sentinel'; readonly master: string; readonly endpoint: Endpoint }
  /** With the ids of all shards where the servers have such. */
  | { readonly kind: 'cluster'; readonly map: ClusterMap };

interface Found {
  readonly mode: ServerMode;
  /** The names a Sentinel knows. */
  readonly masters: readonly string[];
}

/**
 * Asks the first address that answers; of Sentinels, until one knows the name. Errors: those of `locate`; USAGE when
 * ?master= does not fit what is there, or is missing where there is a choice.
 */
export async function discover(endpoint: Endpoint, side: Side): Promise<Topology> {
  const { find } = endpoint;
  const found = await look(endpoint, side);
  if (find?.kind === 'sentinel' || found.mode === 'sentinel') {
    const master = chooseMaster(endpoint, side, found);
    return { kind: 'sentinel', master, endpoint: { ...endpoint, find: { kind: 'sentinel', master } } };
  }
  if (found.mode === 'standalone') return { kind: 'standalone' };
  const map = await readClusterMap(endpoint, side);
  return { kind: 'cluster', map: withShardIds(map, await readViews(endpoint, map, side)) };
}

async function look(endpoint: Endpoint, side: Side): Promise<Found> {
  const { find } = endpoint;
  const seen: Found[] = [];
  const ask = async (connection: Connection): Promise<Found | undefined> => {
    const mode = await askServerMode(connection, ASK_TIMEOUT_MS);
    const masters = mode === 'sentinel' ? await askMasters(connection) : [];
    const found = { mode, masters };
    seen.push(found);
    return find?.kind !== 'sentinel' || masters.includes(find.master) ? found : undefined;
  };
  const addresses = addressesToAsk(endpoint);
  try {
    return await askSeeds({ endpoint, addresses, side, what: 'a server', open: openAnyhow, ask });
  } catch (error) {
    const first = seen.find(({ mode }) => mode === 'sentinel') ?? seen[0];
    if (first === undefined) throw error;
    return first;
  }
}

/** A Sentinel may have no use for the password of the servers. */
const openAnyhow: Opener = async (endpoint, side, timeoutMs) => {
  try {
    return await Connection.open(endpoint, side, timeoutMs);
  } catch (error) {
    if (!(error instanceof ReplicantError) || error.code !== DENIED[side]) throw error;
    const { username: _username, password: _password, ...open } = endpoint;
    const connection = await Connection.open(open, side, timeoutMs).catch(() => undefined);
    if (connection !== undefined && (await askServerMode(connection, timeoutMs)) === 'sentinel')
      return connection;
    connection?.close();
    throw error;
  }
};

function chooseMaster(endpoint: Endpoint, side: Side, { mode, masters }: Found): string {
  const place = { at: formatEndpoint(endpoint) };
  const wanted = endpoint.find?.kind === 'sentinel' ? endpoint.find.master : undefined;
  if (mode !== 'sentinel') {
    throw new ReplicantError(
      'USAGE',
      `the ${side} names a primary with ?master=, but no Sentinel answers there`,
      {
        place,
        hint:
          mode === 'cluster'
            ? 'it is a cluster: leave ?master= out'
            : 'it is a server itself: leave ?master= out',
      },
    );
  }
  const [only, ...more] = masters;
  if (wanted === undefined && only !== undefined && more.length === 0) return only;
  if (wanted !== undefined && masters.includes(wanted)) return wanted;
  const known = masters.length === 0 ? 'watch nothing' : `know ${masters.join(', ')}`;
  const problem = wanted === undefined ? 'are Sentinels' : `are Sentinels without a primary ${wanted}`;
  throw new ReplicantError('USAGE', `the addresses of the ${side} ${problem}: they ${known}`, {
    place,
    hint:
      masters.length === 0
        ? 'name the server itself'
        : 'name the primary: redis://sentinel:26379?master=NAME',
  });
}
