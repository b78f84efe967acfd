/**
 * Nodes announce addresses that may not be reachable from here (containers, NAT, tunnels). A map says what to
 * connect to in their stead:
 *
 *     10.0.0.5:6379=127.0.0.1:7001     this host and port
 *     10.0.0.5=gateway                 every port of the host; the port stays
 *     node-1.internal=127.0.0.1:7001   every port of the host, to one port
 *
 * An entry for host and port goes before one for the host. IPv6 addresses stand in brackets. Host names are
 * compared without regard to case.
 */
import { ReplicantError } from '../errors.js';
import type { Address } from './endpoint.js';

const HINT = 'write announced=reachable, as in 10.0.0.5:6379=127.0.0.1:7001';

/** The texts of `--address-map` → the map in `Endpoint`. USAGE when one can't be understood or comes twice. */
export function parseAddressMap(texts: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const text of texts.flatMap((one) => one.split(',')).map((one) => one.trim())) {
    const [announced, reachable, ...more] = text.split('=').map(splitHostPort);
    if (announced === undefined || reachable === undefined || more.length > 0) {
      throw new ReplicantError('USAGE', `the address map has ${JSON.stringify(text)}`, { hint: HINT });
    }
    const key = joinHostPort(announced);
    const value = joinHostPort(reachable);
    if ((map.get(key) ?? value) !== value) {
      throw new ReplicantError('USAGE', `the address map has two entries for ${key}`, { hint: 'keep one' });
    }
    map.set(key, value);
  }
  return map;
}

/** Where an announced address is reached. */
export function mapAddress(
  map: ReadonlyMap<string, string> | undefined,
  host: string,
  port: number,
): Address & { kind: 'tcp' } {
  const reachable =
    map?.get(joinHostPort({ host: host.toLowerCase(), port })) ??
    map?.get(joinHostPort({ host: host.toLowerCase(), port: undefined }));
  const to = reachable === undefined ? undefined : splitHostPort(reachable);
  return { kind: 'tcp', host: to?.host ?? host, port: to?.port ?? port };
}

interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

function splitHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([\da-f:.]+(?:%\w+)?)\]|([^\s:[\]/@]+))(?::(\d{1,5}))?$/iu.exec(text.trim());
  if (match === null) return undefined;
  const [, ipv6, name = '', portText] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { host: (ipv6 ?? name).toLowerCase(), port };
}

function joinHostPort({ host, port }: HostPort): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}
