/**
 * Function libraries (7.0+), compared by name, engine and code. FUNCTION DUMP would be shorter, but its
 * payload carries the server's RDB version and so differs between versions.
 */

import { isCluster } from './compare-sides.mjs';

/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {import('./compare.mjs').AnyClient} AnyClient */

const PREVIEW_CHARS = 120;

/**
 * Every primary of a cluster has libraries of its own; each is compared.
 * @param {AnyClient} a
 * @param {AnyClient} b
 * @returns {Promise<import('./compare.mjs').Difference[]>} nothing when one side knows no functions
 */
export async function compareFunctions(a, b) {
  const [left, right] = await Promise.all([readAll(a), readAll(b)]);
  const found = new Map();
  for (const [i, j] of pairs(left.length, right.length))
    for (const one of differences(left[i], right[j])) found.set(`${one.key} ${one.a} ${one.b}`, one);
  return [...found.values()];
}

/** Each with at least one of the other side. */
function pairs(countA, countB) {
  const most = countA === 0 || countB === 0 ? 0 : Math.max(countA, countB);
  return Array.from({ length: most }, (_, i) => [i % countA, i % countB]);
}

async function readAll(client) {
  const all = isCluster(client) ? await client.everyPrimary(readLibraries) : [await readLibraries(client)];
  return all.filter((libraries) => libraries !== undefined);
}

/**
 * @param {Map<string, string>} left
 * @param {Map<string, string>} right
 * @returns {import('./compare.mjs').Difference[]}
 */
function differences(left, right) {
  const names = [...new Set([...left.keys(), ...right.keys()])].toSorted();
  return names
    .filter((name) => left.get(name) !== right.get(name))
    .map((name) => {
      return { db: null, key: name, what: 'function', a: show(left.get(name)), b: show(right.get(name)) };
    });
}

/** @param {string | undefined} code */
function show(code) {
  return code?.slice(0, PREVIEW_CHARS) ?? null;
}

/** @returns {Promise<Map<string, string> | undefined>} library name → engine and code */
async function readLibraries(client) {
  const [reply] = await client.pipeline([['FUNCTION', 'LIST', 'WITHCODE']]);
  if (!Array.isArray(reply)) return undefined;
  return new Map(
    reply.map((library) => {
      const field = (name) => String(library[library.findIndex((item) => String(item) === name) + 1]);
      return [field('library_name'), `${field('engine')} ${field('library_code')}`];
    }),
  );
}
