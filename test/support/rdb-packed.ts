/** Builds packed containers from elements, for tests: text is stored as text, numbers in the shortest form. */
import { ascii, join } from './rdb-hex.js';

export type Element = string | Uint8Array | number | bigint;

export function listpack(elements: readonly Element[], count: number = elements.length): Uint8Array {
  const parts = elements.map((element) => {
    const data = listpackData(element);
    return join(data, backlen(data.length));
  });
  const size = 7 + parts.reduce((sum, part) => sum + part.length, 0);
  return join(little(size, 4), little(Math.min(count, 65535), 2), ...parts, Uint8Array.of(0xff));
}

function listpackData(element: Element): Uint8Array {
  if (typeof element === 'string') return listpackData(ascii(element));
  if (typeof element !== 'number' && typeof element !== 'bigint') return listpackString(element);
  const value = BigInt(element);
  if (value >= 0n && value < 128n) return little(value, 1);
  if (fits(value, 13)) {
    const bits = Number(BigInt.asUintN(13, value));
    return Uint8Array.of(0xc0 | (bits >> 8), bits & 255);
  }
  for (const [code, bytes] of [
    [0xf1, 2],
    [0xf2, 3],
    [0xf3, 4],
  ] as const) {
    if (fits(value, bytes * 8)) return join(Uint8Array.of(code), little(value, bytes));
  }
  return join(Uint8Array.of(0xf4), little(value, 8));
}

function listpackString(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length < 64) return join(Uint8Array.of(0x80 | length), bytes);
  if (length < 4096) return join(Uint8Array.of(0xe0 | (length >> 8), length & 255), bytes);
  return join(Uint8Array.of(0xf0), little(length, 4), bytes);
}

function backlen(size: number): Uint8Array {
  const groups = [size & 127];
  for (let rest = size >> 7; rest > 0; rest >>= 7) groups.unshift(rest & 127);
  return Uint8Array.from(groups, (group, at) => (at === 0 ? group : group | 128));
}

export function ziplist(elements: readonly Element[], count: number = elements.length): Uint8Array {
  const parts: Uint8Array[] = [];
  let tail = 10;
  let size = 10;
  for (const element of elements) {
    const before = parts.at(-1)?.length ?? 0;
    const prevlen = before < 254 ? Uint8Array.of(before) : join(Uint8Array.of(254), little(before, 4));
    parts.push(join(prevlen, ziplistData(element)));
    tail = size;
    size += parts.at(-1)!.length;
  }
  const header = [little(size + 1, 4), little(tail, 4), little(Math.min(count, 65535), 2)];
  return join(...header, ...parts, Uint8Array.of(0xff));
}

function ziplistData(element: Element): Uint8Array {
  if (typeof element === 'string') return ziplistData(ascii(element));
  if (typeof element !== 'number' && typeof element !== 'bigint') return ziplistString(element);
  const value = BigInt(element);
  if (value >= 0n && value <= 12n) return Uint8Array.of(0xf1 + Number(value));
  for (const [code, bytes] of [
    [0xfe, 1],
    [0xc0, 2],
    [0xf0, 3],
    [0xd0, 4],
  ] as const) {
    if (fits(value, bytes * 8)) return join(Uint8Array.of(code), little(value, bytes));
  }
  return join(Uint8Array.of(0xe0), little(value, 8));
}

function ziplistString(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length < 64) return join(Uint8Array.of(length), bytes);
  if (length < 16384) return join(Uint8Array.of(0x40 | (length >> 8), length & 255), bytes);
  return join(Uint8Array.of(0x80), little(length, 4).toReversed(), bytes);
}

/** Pairs: field, value, field, value …; `free` unused bytes behind each value. */
export function zipmap(elements: readonly string[], free = 0): Uint8Array {
  const parts = elements.map((element, at) => {
    const { length } = element;
    const size = length < 254 ? Uint8Array.of(length) : join(Uint8Array.of(254), little(length, 4));
    if (at % 2 === 0) return join(size, ascii(element));
    return join(size, Uint8Array.of(free), ascii(element), new Uint8Array(free).fill(0xff));
  });
  return join(Uint8Array.of(Math.min(elements.length / 2, 254)), ...parts, Uint8Array.of(0xff));
}

export function intset(members: readonly (number | bigint)[], width: 2 | 4 | 8): Uint8Array {
  return join(little(width, 4), little(members.length, 4), ...members.map((member) => little(member, width)));
}

function fits(value: bigint, bits: number): boolean {
  return BigInt.asIntN(bits, value) === value;
}

function little(value: number | bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => Number((BigInt(value) >> BigInt(8 * at)) & 255n));
}
