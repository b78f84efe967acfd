/**
 * What a cluster client sends together: one command, or a transaction, on the way to the owner of one slot. It
 * is the unit of redirection, too: a transaction that is refused in part goes again as a whole.
 */
import { ReplyError } from './client.mjs';
import { firstKeyOf, slotOf } from './cluster-slots.mjs';

/** @typedef {import('./client.mjs').Argument} Argument */
/** @typedef {readonly (readonly Argument[])[]} Commands */
/**
 * Commands that stay together, on the way to the owner of one slot.
 * @typedef {object} Unit
 * @property {Commands} commands
 * @property {number} from where their replies belong
 * @property {number | undefined} slot undefined: any node
 * @property {string | undefined} ask the node that was named by ASK
 */

/** Passing states; all but MOVED and ASK are waited for. */
const PASSING = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'MASTERDOWN', 'LOADING', 'READONLY']);

export const ASKING = ['ASKING'];

/** What goes over the wire: ASKING holds for one command, or for a whole transaction. */
export function wireCommands({ commands, ask }) {
  if (ask === undefined) return commands;
  const out = [];
  let isOpen = false;
  for (const command of commands) {
    if (!isOpen) out.push(ASKING);
    out.push(command);
    if (nameOf(command) === 'MULTI') isOpen = true;
    if (nameOf(command) === 'EXEC' || nameOf(command) === 'DISCARD') isOpen = false;
  }
  return out;
}

function nameOf(command) {
  return String(command[0]).toUpperCase();
}

/** The error for which the unit has to be sent again; undefined when its answer is final. */
export function passingError({ commands }, replies) {
  const passing = replies.find((reply) => reply instanceof ReplyError && PASSING.has(reply.code));
  if (passing === undefined || nameOf(commands[0] ?? []) === 'DISCARD') return passing;
  const exec = commands.findLastIndex((command) => nameOf(command) === 'EXEC');
  // Carried out after all: a WATCH or the like was refused a moment before.
  if (exec >= 0 && !(replies[exec] instanceof Error)) return undefined;
  return passing;
}

/** @param {Commands} commands @param {number} from @param {number | undefined} slot @returns {Unit} */
export function unitOf(commands, from, slot) {
  return { commands, from, slot, ask: undefined };
}

/** Each command for itself, but from WATCH or MULTI to EXEC or DISCARD together. @returns {Unit[]} */
export function splitIntoUnits(commands) {
  const units = [];
  let start = -1;
  for (const [at, command] of commands.entries()) {
    const name = nameOf(command);
    if (start < 0 && name !== 'WATCH' && name !== 'MULTI')
      units.push(unitOf([command], at, slotFor([command])));
    else if (start < 0) start = at;
    else if (name === 'EXEC' || name === 'DISCARD') {
      const together = commands.slice(start, at + 1);
      units.push(unitOf(together, start, slotFor(together)));
      start = -1;
    }
  }
  if (start >= 0) units.push(unitOf(commands.slice(start), start, slotFor(commands.slice(start))));
  return units;
}

function slotFor(commands) {
  for (const command of commands) {
    const key = firstKeyOf(command);
    if (key !== undefined) return slotOf(key);
  }
  return undefined;
}
