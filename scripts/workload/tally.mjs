/** Counts what became of commands, looking into transactions. */

/** @typedef {import('./abilities.mjs').Arg} Arg */
/**
 * @typedef {object} CommandCount
 * @property {number} sent executions, those inside a transaction among them
 * @property {number} errors
 * @property {string} lastError
 */
/** @typedef {Map<string, CommandCount>} Tally */

/** @param {Tally} tally @param {Arg[]} command @param {unknown} reply */
function countOne(tally, command, reply) {
  const name = String(command[0]);
  const count = tally.get(name) ?? { sent: 0, errors: 0, lastError: '' };
  count.sent += 1;
  if (reply instanceof Error) {
    count.errors += 1;
    count.lastError = reply.message;
  }
  tally.set(name, count);
}

/**
 * @param {Tally} tally
 * @param {readonly Arg[][]} commands sent in this order on one connection
 * @param {readonly unknown[]} replies
 */
export function tallyReplies(tally, commands, replies) {
  /** @type {Arg[][] | undefined} */
  let queued;
  for (const [i, command] of commands.entries()) {
    const reply = replies[i];
    const name = String(command[0]);
    if (name === 'EXEC' && queued !== undefined) {
      const results = Array.isArray(reply) ? reply : [];
      // A null or an error (a watched key changed, a command was refused) executes nothing.
      for (const [at, result] of results.entries()) countOne(tally, queued[at] ?? ['?'], result);
    }
    if (name === 'EXEC' || name === 'DISCARD') queued = undefined;
    if (queued !== undefined && !(reply instanceof Error)) queued.push(command);
    else countOne(tally, command, reply);
    if (name === 'MULTI') queued = [];
  }
}

/** @param {readonly Tally[]} tallies @returns {Tally} */
export function mergeTallies(tallies) {
  /** @type {Tally} */
  const all = new Map();
  for (const tally of tallies) {
    for (const [name, { sent, errors, lastError }] of tally) {
      const before = all.get(name) ?? { sent: 0, errors: 0, lastError: '' };
      all.set(name, {
        sent: before.sent + sent,
        errors: before.errors + errors,
        lastError: lastError || before.lastError,
      });
    }
  }
  return all;
}
