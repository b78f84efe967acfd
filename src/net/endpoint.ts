/**
 * Where a server is and how to talk to it: the parsed form of `redis://…`, `rediss://…`, `valkey://…`,
 * `valkeys://…` and `unix://…` URLs. Parsing lives in `parse-endpoint.ts`.
 *
 * An endpoint with `find` does not name a server but what is to be looked for by asking the addresses: the
 * primary that Sentinels know, a shard or a node of a cluster. `locate.ts` answers where it is at the moment.
 */

export interface TlsOptions {
  /** PEM bytes of the CA certificates to trust instead of the system's. */
  readonly ca?: Uint8Array | undefined;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
  /** The name to expect in the server's certificate; default: the host. */
  readonly serverName?: string | undefined;
  /** Accept any certificate. */
  readonly insecure: boolean;
}

export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Which node of a shard to read from; `prefer-replica`: the primary when no replica is fit. */
export type ReadFrom = 'primary' | 'replica' | 'prefer-replica';

export type Find =
  /** The primary that Sentinels know by this name. */
  | { readonly kind: 'sentinel'; readonly master: string }
  /** The primary of a cluster that owns the slot. */
  | { readonly kind: 'slot'; readonly slot: number }
  /** A node of the shard with this shard id, else of the shard that has any of these nodes. */
  | {
      readonly kind: 'shard';
      readonly shardId: string | undefined;
      readonly nodeIds: readonly string[];
      readonly read: ReadFrom;
    }
  | { readonly kind: 'node'; readonly nodeId: string };

export interface Endpoint {
  /** The server; with `seeds`, the first address to ask. */
  readonly address: Address;
  /** Further addresses that may be asked in its stead. */
  readonly seeds?: readonly Address[] | undefined;
  readonly find?: Find | undefined;
  /** Announced `host:port` or `host` → reachable `host:port` or `host`; see `address-map.ts`. */
  readonly addressMap?: ReadonlyMap<string, string> | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The database named in the URL's path, when there is one. */
  readonly db?: number | undefined;
  readonly tls?: TlsOptions | undefined;
}

/** `host:port` or the socket's path: fit for logs, never holds a secret. IPv6 hosts in brackets. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return address.path;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** All addresses of an endpoint, in the order they were given. */
export function addressesOf(endpoint: Endpoint): readonly Address[] {
  return [endpoint.address, ...(endpoint.seeds ?? [])];
}

/** What is looked for and where, fit for logs: `h:6379`, `a:1,b:2`, `mymaster @ h:26379`, `slot 7 @ a:1,b:2`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const addresses = addressesOf(endpoint).map(formatAddress).join(',');
  return endpoint.find === undefined ? addresses : `${formatFind(endpoint.find)} @ ${addresses}`;
}

/** The same without which of the nodes of a cluster is meant. */
export function formatDeployment(endpoint: Endpoint): string {
  const { find, ...whole } = endpoint;
  return formatEndpoint(find?.kind === 'sentinel' ? endpoint : whole);
}

const SHORT_ID = 8;

function formatFind(find: Find): string {
  if (find.kind === 'sentinel') return find.master;
  if (find.kind === 'slot') return `slot ${find.slot}`;
  if (find.kind === 'node') return `node ${find.nodeId.slice(0, SHORT_ID)}`;
  const name = find.shardId ?? find.nodeIds[0] ?? '';
  return `${find.read === 'primary' ? '' : 'replica of '}shard ${name.slice(0, SHORT_ID)}`;
}

/** The same access to one server: nothing is left to look for. */
export function endpointAt(endpoint: Endpoint, address: Address): Endpoint {
  const { seeds: _seeds, find: _find, ...access } = endpoint;
  return { ...access, address };
}
