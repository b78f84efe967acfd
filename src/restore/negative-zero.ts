/**
 * A score of -0. Servers keep its sign in packed sorted sets, where scores are text, and drop it when they
 * pack one whose scores came in binary. So small sets with such a score are packed here, as a ziplist, which
 * every server loads (type 12).
 */
import { scoreText } from '../convert/score-text.js';
import { bytesOf } from '../keyspace/words.js';
import { ZiplistBuilder } from '../rdb/encode/packed-builders.js';
import { ByteWriter } from '../rdb/encode/byte-writer.js';
import type { ZsetMember } from '../rdb/value.js';

export const PACKED_ZSET = 12;
/** Servers pack no more than that, by default. */
const MOST_MEMBERS = 128;
const MOST_MEMBER_BYTES = 64;

/** The str of a ziplist; undefined when there is no such score, or no server would pack it. */
export function packNegativeZeros(members: readonly ZsetMember[]): Uint8Array | undefined {
  if (members.length > MOST_MEMBERS || !members.some(({ score }) => Object.is(score, -0))) return undefined;
  if (members.some(({ member }) => member.length > MOST_MEMBER_BYTES)) return undefined;
  const pack = new ZiplistBuilder();
  for (const { member, score } of members.toSorted(inOrder)) {
    pack.add(member);
    pack.add(bytesOf(scoreText(score)));
  }
  const bytes = pack.finish();
  const out = new ByteWriter();
  out.len(bytes.length);
  out.raw(bytes);
  return out.view();
}

function inOrder(a: ZsetMember, b: ZsetMember): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return compareBytes(a.member, b.member);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  for (let at = 0; at < most; at++) if (a[at] !== b[at]) return a[at]! - b[at]!;
  return a.length - b.length;
}
