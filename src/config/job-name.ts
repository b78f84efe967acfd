/**
 * The default name of a job: made of both addresses, the same on every start, fit for a file name.
 * `10.0.0.7-6379-to-10.0.0.8-6379`. What Sentinels watch goes by its name there, of several seeds the first in the
 * alphabet counts, so that their order means nothing. Where characters had to be replaced or something left out, two
 * different deployments could end up alike, so a short hash of all addresses is added.
 */
import { createHash } from 'node:crypto';
import { type Address, addressesOf, formatAddress, type Endpoint } from '../net/endpoint.js';

const MAX_LENGTH = 80;

export function defaultJobName(source: Endpoint, target: Endpoint): string {
  const exact = `${place(source)} ${place(target)}`;
  const readable = `${plain(source)}-to-${plain(target)}`;
  const faithful = /^[a-z\d][a-z\d._-]*$/u.test(readable) && readable.length <= MAX_LENGTH;
  if (faithful && isOne(source) && isOne(target)) return readable;
  const hash = createHash('sha256').update(exact).digest('hex').slice(0, 8);
  // Both cases spelled out: with flags i and u, ſ and the Kelvin sign pass for s and k.
  const safe = readable.replaceAll(/[^a-zA-Z\d._-]+/gu, '-').replace(/^[^a-zA-Z\d]+/u, '');
  return `${safe.slice(0, MAX_LENGTH)}-${hash}`;
}

/** One address is all there is to know. */
function isOne({ find, seeds = [] }: Endpoint): boolean {
  return find === undefined && seeds.length === 0;
}

function place(endpoint: Endpoint): string {
  const { db, find } = endpoint;
  const where = addressesOf(endpoint).map(textOf).toSorted().join(',');
  const named = find?.kind === 'sentinel' ? `${find.master}@${where}` : where;
  return db === undefined ? named : `${named}/${db}`;
}

function textOf(address: Address): string {
  return address.kind === 'tcp' ? formatAddress(address).toLowerCase() : formatAddress(address);
}

function plain(endpoint: Endpoint): string {
  const { db, find } = endpoint;
  const suffix = db === undefined ? '' : `-db${db}`;
  if (find?.kind === 'sentinel') return `${find.master}${suffix}`;
  const [address] = addressesOf(endpoint).toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  if (address?.kind !== 'tcp') return place(endpoint);
  return `${address.host.toLowerCase()}-${address.port}${suffix}`;
}
