/**
 * Where a server is and how to talk to it: the parsed form of `redis://…`, `rediss://…`, `valkey://…`,
 * `valkeys://…` and `unix://…` URLs. Parsing lives in `parse-endpoint.ts`.
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

export interface Endpoint {
  readonly address: Address;
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
