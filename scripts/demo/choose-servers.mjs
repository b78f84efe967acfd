/** Which two servers the demo and the benchmarks run. */

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */

/**
 * The newest server of that id, series, family, or beginning of an id (`redis-7`).
 * @param {readonly ServerBinary[]} servers oldest first within each family
 * @param {string} wanted
 * @returns {ServerBinary}
 */
export function pickServer(servers, wanted) {
  const found =
    servers.findLast(({ id, series, family }) => [id, series, family].includes(wanted)) ??
    servers.findLast(({ id }) => id.startsWith(wanted));
  if (found !== undefined) return found;
  throw new Error(`there is no ${wanted} here; there are ${servers.map(({ id }) => id).join(', ')}`);
}

/**
 * Two equal ones unless told otherwise: the newest Redis, which has the most types, or the newest Valkey.
 * @param {readonly ServerBinary[]} servers
 * @param {{from?: string | undefined, to?: string | undefined}} wanted
 * @returns {{from: ServerBinary, to: ServerBinary}}
 */
export function choosePair(servers, { from, to }) {
  const newest = servers.findLast(({ family }) => family === 'redis') ?? servers.at(-1);
  const first = from ?? to ?? newest?.id ?? 'redis';
  return { from: pickServer(servers, first), to: pickServer(servers, to ?? first) };
}
