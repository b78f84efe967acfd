/**
 * Which shard of a cluster a slot belongs to: N equal ranges, or what a `nodes.conf` says.
 *
 * A line of nodes.conf: id, host:port@busport[,hostname…], flags, primary's id or -, ping, pong, epoch, link
 * state, then slots: `0-5460`, `5461`; in brackets slots on the move, which belong to who is listed with them.
 */
import { ReplicantError } from '../errors.js';
import { SLOTS } from '../keyspace/key-slot.js';

export interface Shard {
  /** For the file's name. */
  readonly name: string;
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

const MOST_SHARDS = 1000;
const SLOTS_AT = 8;

/** `4`, or the path of a nodes.conf; the text of that is read by the caller. */
export function parseShardCount(text: string): number | undefined {
  if (!/^\d+$/u.test(text)) return undefined;
  const count = Number(text);
  if (count >= 1 && count <= MOST_SHARDS) return count;
  throw new ReplicantError('USAGE', `--split ${text}: from 1 to ${MOST_SHARDS} shards can be made`);
}

/** Slots 0 … 16383 in equal ranges, numbered from 1. */
export function equalShards(count: number): Shard[] {
  const digits = String(count).length;
  const from = (index: number): number => Math.round((index * SLOTS) / count);
  return Array.from({ length: count }, (_, index) => ({
    name: String(index + 1).padStart(digits, '0'),
    ranges: [[from(index), from(index + 1) - 1]],
  }));
}

/** The primaries with slots, in the order of the file. `path` is for messages. */
export function parseNodesConf(text: string, path: string): Shard[] {
  const shards: { id: string; address: string; ranges: [number, number][] }[] = [];
  text.split(/\r?\n/u).forEach((line, index) => {
    const words = line.trim().split(/\s+/u);
    if (line.trim() === '' || words[0] === 'vars') return;
    const [id, address, flags] = words;
    if (words.length < SLOTS_AT || !/^[0-9a-f]{40}$/u.test(id!)) throw notNodes(path, index + 1);
    if (!flags!.split(',').includes('master')) return;
    const ranges = words
      .slice(SLOTS_AT)
      .filter((word) => !word.startsWith('['))
      .map((word) => parseRange(word) ?? fail(notNodes(path, index + 1)));
    if (ranges.length > 0) shards.push({ id: id!, address: address!.replace(/[@,].*$/u, ''), ranges });
  });
  if (shards.length === 0) throw notNodes(path, undefined);
  const names = shards.map(({ address }) => nameOf(address));
  return shards.map(({ id, ranges }, at) => {
    const name = names[at];
    const alone = name !== undefined && names.indexOf(name) === names.lastIndexOf(name);
    return { name: alone ? name : id, ranges };
  });
}

/** `10.0.0.1-7001`; undefined for a node that does not know its own address. */
function nameOf(address: string): string | undefined {
  const colon = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, colon), address.slice(colon + 1)];
  return host === '' || port === '0' ? undefined : `${host.replaceAll(/[^\w.-]/gu, '_')}-${port}`;
}

function parseRange(word: string): [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/u.exec(word);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last < SLOTS ? [first, last] : undefined;
}

/** Slot → index of its shard; -1 where no shard has it. */
export function slotTable(shards: readonly Shard[]): Int16Array {
  const table = new Int16Array(SLOTS).fill(-1);
  shards.forEach(({ name, ranges }, index) => {
    for (const [first, last] of ranges) {
      for (let slot = first; slot <= last; slot++) {
        if (table[slot] !== -1) {
          throw new ReplicantError(
            'USAGE',
            `slot ${slot} belongs to two nodes, ${shards[table[slot]!]!.name} and ${name}`,
          );
        }
        table[slot] = index;
      }
    }
  });
  return table;
}

function notNodes(path: string, line: number | undefined): ReplicantError {
  const what = line === undefined ? 'no primary with slots is in it' : `line ${line} is not a node`;
  return new ReplicantError('USAGE', `${path} is no nodes.conf: ${what}`, {
    hint: '--split takes a number of shards, or the nodes.conf of a cluster node (or the output of CLUSTER NODES)',
  });
}

function fail(error: Error): never {
  throw error;
}
