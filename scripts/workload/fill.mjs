/** Puts at least one key of every type and encoding a server has into several databases, from a seed. */
import { probeAbilities } from './abilities.mjs';
import {
  fieldTtlCommands,
  hashCommands,
  listCommands,
  setCommands,
  zsetCommands,
} from './fill/collections.mjs';
import {
  expiringCommands,
  scriptAndFunctionCommands,
  streamCommands,
  vectorCommands,
} from './fill/others.mjs';
import { awkwardKeyCommands, bitAndCardinalityCommands, stringCommands } from './fill/strings.mjs';
import { createRandom } from './random.mjs';

/** @typedef {import('./abilities.mjs').Arg} Arg */
/** @typedef {import('./abilities.mjs').Abilities} Abilities */

/**
 * @param {import('./random.mjs').Random} random
 * @param {Abilities} abilities
 * @returns {Arg[][]} what goes into the first database
 */
function everyType(random, abilities) {
  return [
    ...stringCommands(random),
    ...awkwardKeyCommands(),
    ...bitAndCardinalityCommands(random),
    ...listCommands(random),
    ...setCommands(random),
    ...zsetCommands(random),
    ...hashCommands(random),
    ...(abilities.has('HPEXPIRE') ? fieldTtlCommands(random) : []),
    ...streamCommands(random, abilities),
    ...(abilities.has('VADD') ? vectorCommands(random) : []),
    ...scriptAndFunctionCommands(abilities),
    ...expiringCommands(),
  ];
}

/** @param {import('./random.mjs').Random} random @returns {Arg[][]} a little of everything */
function otherDatabase(random) {
  return [
    ...awkwardKeyCommands(),
    ...setCommands(random.fork(7)).slice(0, 3),
    ['ZADD', 'zset:scores', 'inf', 'a', '-0', 'b'],
    ['HSET', 'hash:one', 'f', 'v'],
    ['RPUSH', 'list:one', 'a', 'b', 'c'],
    ['XADD', 'stream:one', '1-1', 'f', 'v'],
    ...expiringCommands(),
  ];
}

/**
 * @typedef {object} FillResult
 * @property {number} seed
 * @property {number} commands
 * @property {readonly string[]} errors `COMMAND key: message`, none expected
 */

/**
 * Leaves the client on database 0.
 * @param {import('./abilities.mjs').Caller} client
 * @param {{seed: number, abilities?: Abilities, dbs?: readonly number[]}} options
 * @returns {Promise<FillResult>}
 */
export async function fillEverything(client, { seed, abilities, dbs = [0, 1, 3, 9] }) {
  const known = abilities ?? (await probeAbilities(client));
  const random = createRandom(seed);
  /** @type {string[]} */
  const errors = [];
  let total = 0;
  for (const [i, db] of dbs.entries()) {
    const commands = [
      ['SELECT', String(db)],
      ...(i === 0 ? everyType(random, known) : otherDatabase(random)),
    ];
    const replies = await client.pipeline(commands);
    for (const [at, reply] of replies.entries()) {
      if (reply instanceof Error) errors.push(`${commands[at]?.slice(0, 2).join(' ')}: ${reply.message}`);
    }
    total += commands.length;
  }
  await client.call('SELECT', '0');
  return { seed, commands: total, errors };
}
