/**
 * Function libraries (7.0+), compared by name, engine and code. FUNCTION DUMP would be shorter, but its
 * payload carries the server's RDB version and so differs between versions.
 */

/** @typedef {import('./client.mjs').Client} Client */

const PREVIEW_CHARS = 120;

/**
 * @param {Client} a
 * @param {Client} b
 * @returns {Promise<import('./compare.mjs').Difference[]>} nothing when one side knows no functions
 */
export async function compareFunctions(a, b) {
  const [left, right] = await Promise.all([readLibraries(a), readLibraries(b)]);
  if (left === undefined || right === undefined) return [];
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
