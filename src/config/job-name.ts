/**
 * The default name of a job: made of both addresses, the same on every start, fit for a file name.
 * `10.0.0.7-6379-to-10.0.0.8-6379`. Where characters had to be replaced, two different addresses could end
 * up alike, so a short hash of the exact addresses is added.
 */
import { createHash } from 'node:crypto';
import { formatAddress, type Endpoint } from '../net/endpoint.js';

const MAX_LENGTH = 80;

export function defaultJobName(source: Endpoint, target: Endpoint): string {
  const exact = `${place(source)} ${place(target)}`;
  const readable = `${plain(source)}-to-${plain(target)}`;
  const faithful = /^[a-z\d][a-z\d._-]*$/u.test(readable) && readable.length <= MAX_LENGTH;
  if (faithful) return readable;
  const hash = createHash('sha256').update(exact).digest('hex').slice(0, 8);
  // Both cases spelled out: with flags i and u, ſ and the Kelvin sign pass for s and k.
  const safe = readable.replaceAll(/[^a-zA-Z\d._-]+/gu, '-').replace(/^[^a-zA-Z\d]+/u, '');
  return `${safe.slice(0, MAX_LENGTH)}-${hash}`;
}

function place({ address, db }: Endpoint): string {
  const where = address.kind === 'tcp' ? formatAddress(address).toLowerCase() : formatAddress(address);
  return db === undefined ? where : `${where}/${db}`;
}

function plain(endpoint: Endpoint): string {
  const { address, db } = endpoint;
  if (address.kind === 'unix') return place(endpoint);
  return `${address.host.toLowerCase()}-${address.port}${db === undefined ? '' : `-db${db}`}`;
}
