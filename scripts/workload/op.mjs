/**
 * One kind of random write: the command it is about, how often it comes, and how its arguments are made.
 * @typedef {object} Op
 * @property {string} name the command; the op is left out where the server does not know it
 * @property {number} weight
 * @property {(abilities: import('./abilities.mjs').Abilities) => boolean} when
 * @property {boolean} [isLoose] leaves something on the primary that its own replicas do not get
 * @property {boolean} [needsDatabases] is about more than one database
 * @property {(context: import('./context.mjs').Context) => import('./abilities.mjs').Arg[][]} make
 */
/** @typedef {import('./context.mjs').Context} Context */
/** @typedef {import('./abilities.mjs').Arg} Arg */
/** @typedef {(abilities: import('./abilities.mjs').Abilities) => boolean} When */

/** @type {When} */
const always = () => true;

/**
 * A single command: `make` gives what follows its name.
 * @param {string} name
 * @param {number} weight
 * @param {(context: Context) => Arg[]} make
 * @param {When} [when]
 * @returns {Op}
 */
export function op(name, weight, make, when = always) {
  return { name, weight, when, make: (context) => [[name, ...make(context)]] };
}

/**
 * Several commands that belong together, in order, on one connection.
 * @param {string} name
 * @param {number} weight
 * @param {(context: Context) => Arg[][]} make
 * @param {When} [when]
 * @returns {Op}
 */
export function sequence(name, weight, make, when = always) {
  return { name, weight, when, make };
}

/** Only where there is more than one database. @param {Op} made @returns {Op} */
export function acrossDatabases(made) {
  return { ...made, needsDatabases: true };
}

/** Not for a faithful workload. @param {Op} made @returns {Op} */
export function loose(made) {
  return { ...made, isLoose: true };
}

/**
 * Is there from this Redis version on (a Valkey counts as 7.2).
 * @param {string} version
 * @returns {When}
 */
export function since(version) {
  return (abilities) => abilities.since(version);
}

/** @param {...string} names @returns {When} */
export function knows(...names) {
  return (abilities) => abilities.has(...names);
}
