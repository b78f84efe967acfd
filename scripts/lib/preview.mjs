/**
 * A difference between two values in few words: the size, and the first element that differs.
 */

/** @typedef {import('./compare.mjs').AnyClient} AnyClient */
/** @typedef {{client: AnyClient, key: Buffer}} Place one key of one side */

const PREVIEW_BYTES = 64;

/** Up to this many elements the first difference is looked for; beyond, only the sizes are told. */
const ELEMENT_LIMIT = 10_000;

/** type → [size command, command for all elements, elements per item, is the order part of the value] */
const READERS = {
  list: [(key) => ['LLEN', key], (key) => ['LRANGE', key, 0, -1], 1, true],
  set: [(key) => ['SCARD', key], (key) => ['SMEMBERS', key], 1, false],
  hash: [(key) => ['HLEN', key], (key) => ['HGETALL', key], 2, false],
  zset: [(key) => ['ZCARD', key], (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'], 2, true],
  stream: [(key) => ['XLEN', key], (key) => ['XRANGE', key, '-', '+'], 1, true],
};

/**
 * @param {Place} a
 * @param {Place} b
 * @param {string} type of both
 * @returns {Promise<{a: string, b: string}>}
 */
export async function previewPair(a, b, type) {
  const reader = READERS[type];
  if (reader === undefined) {
    const [left, right] = await Promise.all([previewScalar(a, type), previewScalar(b, type)]);
    return { a: left, b: right };
  }
  const [sizeA, sizeB] = await Promise.all([a, b].map(({ client, key }) => client.call(...reader[0](key))));
  const name = (size) => `${type} of ${size}`;
  if (Math.max(sizeA, sizeB) > ELEMENT_LIMIT) return { a: name(sizeA), b: name(sizeB) };
  const [left, right] = await Promise.all([a, b].map((place) => readElements(place, reader)));
  const index = left.findIndex((element, i) => element !== right[i]);
  const at = index < 0 ? left.length : index;
  if (at >= left.length && at >= right.length)
    return { a: `${name(sizeA)}, same elements`, b: `${name(sizeB)}, same elements` };
  return { a: `${name(sizeA)}: ${left[at] ?? 'ends'}`, b: `${name(sizeB)}: ${right[at] ?? 'ends'}` };
}

/**
 * Are the fields and values of a hash the same, whatever the digests say?
 * @param {Place} a
 * @param {Place} b
 * @param {ReadonlySet<string>} [gone] fields of `b`, as latin1, that need not be there
 * @returns {Promise<boolean>}
 */
export async function hasSameFields(a, b, gone = new Set()) {
  const replies = await Promise.all([a, b].map(({ client, key }) => client.call('HGETALL', key)));
  const [left, right] = replies.map(
    (flat) => new Map(toPairs(flat.map((bytes) => bytes.toString('latin1')))),
  );
  for (const field of gone) if (!left.has(field)) right.delete(field);
  return left.size === right.size && [...left].every(([field, value]) => right.get(field) === value);
}

/**
 * Do the members of a sorted set have the same scores, however they are printed? 7.x says
 * 5.4046200000000004 where 8.0 says 5.40462.
 * @param {Place} a
 * @param {Place} b
 * @returns {Promise<boolean>}
 */
export async function hasSameScores(a, b) {
  const replies = await Promise.all(
    [a, b].map(({ client, key }) => client.call('ZRANGE', key, 0, -1, 'WITHSCORES')),
  );
  const [left, right] = replies.map((flat) => toPairs(flat.map((bytes) => bytes.toString('latin1'))));
  return (
    left.length === right.length &&
    left.every(([member, score], index) => {
      const [otherMember, otherScore] = right[index];
      return member === otherMember && (score === otherScore || Number(score) === Number(otherScore));
    })
  );
}

/** @param {readonly string[]} flat @returns {[string, string][]} */
function toPairs(flat) {
  const pairs = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
  return pairs;
}

/** Strings, and module values, of which only the type can be told. */
async function previewScalar({ client, key }, type) {
  if (type !== 'string') return type;
  const [size, start] = await Promise.all([
    client.call('STRLEN', key),
    client.call('GETRANGE', key, 0, PREVIEW_BYTES - 1),
  ]);
  return `string of ${size}: ${quoteBytes(start)}`;
}

/** @returns {Promise<string[]>} printable elements, in an order that both sides share */
async function readElements({ client, key }, [, command, width, isOrdered]) {
  const flat = await client.call(...command(key));
  const elements = [];
  for (let i = 0; i < flat.length; i += width)
    elements.push(
      flat
        .slice(i, i + width)
        .map(printElement)
        .join(' → '),
    );
  return isOrdered ? elements : elements.toSorted((x, y) => (x < y ? -1 : 1));
}

function printElement(element) {
  return Array.isArray(element) ? `[${element.map(printElement).join(' ')}]` : quoteBytes(element);
}

/**
 * Bytes as redis-cli prints them: printable ASCII as it is, the rest as \xNN.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function quoteBytes(bytes) {
  const text = [...bytes.subarray(0, PREVIEW_BYTES)].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return `"${text.join('')}"${bytes.length > PREVIEW_BYTES ? '…' : ''}`;
}
