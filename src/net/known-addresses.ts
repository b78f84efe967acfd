/**
 * Addresses learnt from those that were given, for the life of the process: when the seed is dead, the nodes it
 * named can still be asked. Whoever answered last is asked first.
 */
import { type Address, addressesOf, type Endpoint, formatAddress } from './endpoint.js';

const MOST_LISTS = 256;
/** Of a large cluster some nodes are enough. */
const MOST_LEARNT = 32;

interface Known {
  learnt: readonly Address[];
  answered: Address | undefined;
  /** The newest configuration of Sentinels that was seen; -1 before the first. */
  epoch: number;
}

const lists = new Map<string, Known>();

function keyOf(endpoint: Endpoint): string {
  const name = endpoint.find?.kind === 'sentinel' ? endpoint.find.master : '';
  return [name, ...addressesOf(endpoint).map(formatAddress)].join(',');
}

/** In the order to ask them, each once. */
export function addressesToAsk(endpoint: Endpoint): readonly Address[] {
  const known = lists.get(keyOf(endpoint));
  const first = known?.answered === undefined ? [] : [known.answered];
  const all = [...first, ...addressesOf(endpoint), ...(known?.learnt ?? [])];
  return [...new Map(all.map((address) => [formatAddress(address), address])).values()];
}

/** `answered` gave a good answer; it knows of `learnt`. */
export function rememberAddresses(endpoint: Endpoint, answered: Address, learnt?: readonly Address[]): void {
  const key = keyOf(endpoint);
  if (lists.size >= MOST_LISTS && !lists.has(key)) lists.clear();
  const { learnt: before = [], epoch = -1 } = lists.get(key) ?? {};
  lists.set(key, { answered, learnt: learnt?.slice(0, MOST_LEARNT) ?? before, epoch });
}

/** Of the failover that Sentinels are known to have heard of; -1 when none of them was ever asked. */
export function knownEpoch(endpoint: Endpoint): number {
  return lists.get(keyOf(endpoint))?.epoch ?? -1;
}

/** Only for an endpoint whose addresses are remembered. */
export function rememberEpoch(endpoint: Endpoint, epoch: number): void {
  const known = lists.get(keyOf(endpoint));
  if (known !== undefined) known.epoch = epoch;
}

/** For tests. */
export function forgetAddresses(): void {
  lists.clear();
}
