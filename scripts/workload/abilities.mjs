/** What a server can do, asked from the server itself: its family, version and command table. */

/** @typedef {string | Uint8Array} Arg */
/**
 * The part of the test client that the generators need.
 * @typedef {object} Caller
 * @property {(...args: Arg[]) => Promise<any>} call
 * @property {(commands: readonly Arg[][]) => Promise<any[]>} pipeline
 */
/**
 * @typedef {object} Abilities
 * @property {'redis' | 'valkey'} family
 * @property {string} version
 * @property {number} databases
 * @property {ReadonlySet<string>} commands upper case names
 * @property {(...names: string[]) => boolean} has
 * @property {(version: string) => boolean} since a Redis version; every Valkey counts as Redis 7.2
 */

/** @param {string} version @returns {number[]} */
function numbers(version) {
  return version.split('.').map((part) => Number.parseInt(part, 10) || 0);
}

/** @param {string} version @param {string} wanted @returns {boolean} */
export function versionAtLeast(version, wanted) {
  const have = numbers(version);
  for (const [i, want] of numbers(wanted).entries()) {
    const got = have[i] ?? 0;
    if (got !== want) return got > want;
  }
  return true;
}

/**
 * @param {{family: 'redis' | 'valkey', version: string, databases?: number, commands: Iterable<string>}} facts
 * @returns {Abilities}
 */
export function abilitiesOf({ family, version, databases = 16, commands }) {
  const known = new Set([...commands].map((name) => name.toUpperCase()));
  const redisVersion = family === 'valkey' ? '7.2.4' : version;
  return {
    family,
    version,
    databases,
    commands: known,
    has: (...names) => names.every((name) => known.has(name)),
    since: (wanted) => versionAtLeast(redisVersion, wanted),
  };
}

/** @param {unknown} value @returns {string} */
function asText(value) {
  return Buffer.isBuffer(value) ? value.toString() : String(value);
}

/** @param {string} info @param {string} field @returns {string | undefined} */
export function infoField(info, field) {
  return new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(info)?.[1];
}

/**
 * @param {Caller} client
 * @returns {Promise<Abilities>}
 */
export async function probeAbilities(client) {
  const info = asText(await client.call('INFO', 'server'));
  const table = await client.call('COMMAND');
  const config = await client.call('CONFIG', 'GET', 'databases');
  const valkey = infoField(info, 'valkey_version');
  return abilitiesOf({
    family: valkey === undefined ? 'redis' : 'valkey',
    version: valkey ?? infoField(info, 'redis_version') ?? '0',
    databases: Number(asText(config?.[1] ?? 16)),
    commands: table.map((/** @type {any[]} */ entry) => asText(entry[0])),
  });
}
