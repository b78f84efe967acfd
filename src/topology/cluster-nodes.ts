/**
 * `CLUSTER NODES`: the one answer that every version gives, and the only one with moves of slots. One line for
 * each node that the asked one knows:
 *
 *     id host:port@busport[,hostname[,aux=value…]] flags primary|- ping pong epoch connected|disconnected slots…
 *
 * 3.x has no @busport; hostnames come from 7.0 on. The host is empty where a node does not know its own address.
 * Port: that of the protocol the question came by (7.0+). Flags: `myself`, `master`, `slave`, `fail?` (this node
 * thinks so), `fail` (most do), `handshake`, `noaddr`, `nofailover`, `noflags`. Slots are `0-5460`, `5461`, and,
 * on the line of the asked node alone, `[93->-id]` for one that moves to a node, `[93-<-id]` from one.
 */
import { parseSlotRange, type SlotRange } from '../keyspace/slot-set.js';
import type { SlotMove } from './cluster-map.js';

export interface NodeLine {
  readonly id: string;
  /** Empty when not known. */
  readonly host: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly role: 'primary' | 'replica';
  readonly primaryId: string | undefined;
  readonly linkUp: boolean;
  readonly slots: readonly SlotRange[];
  readonly moving: readonly SlotMove[];
}

const SLOTS_AT = 8;
const BAD_FLAGS = ['fail', 'fail?', 'handshake', 'noaddr'];

/** Undefined when a line is not of this form. */
export function parseClusterNodes(text: string): NodeLine[] | undefined {
  const lines = text.split(/\r?\n/u).filter((line) => line.trim() !== '');
  const nodes = lines.map(parseLine);
  return nodes.length > 0 && nodes.every((node) => node !== undefined) ? nodes : undefined;
}

export function isHealthy({ flags, port }: NodeLine): boolean {
  return port > 0 && !flags.some((flag) => BAD_FLAGS.includes(flag));
}

function parseLine(line: string): NodeLine | undefined {
  const words = line.trim().split(' ');
  const [id = '', address = '', flagText = '', primaryId = '', , , , link] = words;
  const place = /^(.*):(\d+)(?:@\d+)?(?:,.*)?$/u.exec(address);
  if (words.length < SLOTS_AT || !/^[0-9a-f]{40}$/u.test(id) || place === null) return undefined;
  const flags = flagText.split(',');
  const marks = words.slice(SLOTS_AT);
  return {
    id,
    host: knownHost(place[1] ?? ''),
    port: Number(place[2]),
    flags,
    role: flags.includes('slave') || flags.includes('replica') ? 'replica' : 'primary',
    primaryId: primaryId === '-' ? undefined : primaryId,
    linkUp: link === 'connected' || flags.includes('myself'),
    slots: marks.map(parseSlotRange).filter((range) => range !== undefined),
    moving: marks.map((mark) => parseMove(mark, id)).filter((move) => move !== undefined),
  };
}

/** IPv6 addresses stand without brackets here; `?` is what an unknown one is called. */
function knownHost(host: string): string {
  return host === '?' ? '' : host.replace(/^\[(.*)\]$/u, '$1');
}

function parseMove(mark: string, myself: string): SlotMove | undefined {
  const match = /^\[(\d{1,5})-([<>])-([0-9a-f]{40})\]$/u.exec(mark);
  if (match === null) return undefined;
  const [, slot, direction, other = ''] = match;
  return direction === '>'
    ? { slot: Number(slot), state: 'migrating', from: myself, to: other }
    : { slot: Number(slot), state: 'importing', from: other, to: myself };
}
