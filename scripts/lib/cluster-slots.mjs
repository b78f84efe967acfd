/**
 * Slots as a cluster counts them, for the test equipment: CRC16 (XMODEM) of the key, or of what stands between
 * its first `{` and the next `}` when that is not empty, modulo 16384.
 */

/** @typedef {import('./client.mjs').Argument} Argument */

export const SLOTS = 16384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

const OPEN = 0x7b;
const CLOSE = 0x7d;

/** @param {Argument} key @returns {number} */
export function slotOf(key) {
  const bytes = key instanceof Uint8Array ? key : Buffer.from(String(key));
  let from = 0;
  let to = bytes.length;
  const open = bytes.indexOf(OPEN);
  if (open >= 0) {
    const close = bytes.indexOf(CLOSE, open + 1);
    if (close > open + 1) [from, to] = [open + 1, close];
  }
  let crc = 0;
  for (let i = from; i < to; i++) crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ (bytes[i] ?? 0)] ?? 0);
  return crc % SLOTS;
}

/**
 * The shortest name of lower case letters and digits in a slot, for hash tags: `{tag}…`.
 * @param {number} slot
 * @returns {string}
 */
export function tagOf(slot) {
  if (tags.length === 0) makeTags();
  return tags[slot] ?? '';
}

/** @type {string[]} */
const tags = [];

function makeTags() {
  for (let found = 0, n = 0; found < SLOTS; n++) {
    const name = n.toString(36);
    const slot = slotOf(name);
    if (tags[slot] === undefined) {
      tags[slot] = name;
      found++;
    }
  }
}

/** Where the first key stands, when it does not follow the name. */
const FIRST_KEY = new Map(
  Object.entries({
    BITOP: 2,
    OBJECT: 2,
    MEMORY: 2,
    DEBUG: 2,
    XGROUP: 2,
    XINFO: 2,
    LMPOP: 2,
    ZMPOP: 2,
    SINTERCARD: 2,
    ZUNION: 2,
    ZINTER: 2,
    ZDIFF: 2,
    MSETEX: 2,
    BLMPOP: 3,
    BZMPOP: 3,
    EVAL: 3,
    EVALSHA: 3,
    EVAL_RO: 3,
    EVALSHA_RO: 3,
    FCALL: 3,
    FCALL_RO: 3,
  }),
);
/** Commands that any node takes. */
const KEYLESS = new Set([
  'PING',
  'PUBLISH',
  'SCRIPT',
  'FUNCTION',
  'INFO',
  'TIME',
  'CLUSTER',
  'CONFIG',
  'COMMAND',
  'DBSIZE',
  'FLUSHALL',
  'FLUSHDB',
  'MULTI',
  'EXEC',
  'DISCARD',
  'SELECT',
  'ACL',
  'WAIT',
]);

/**
 * The first key of a command, which says where it goes; undefined when it has none.
 * @param {readonly Argument[]} command
 * @returns {Argument | undefined}
 */
export function firstKeyOf(command) {
  const name = String(command[0]).toUpperCase();
  if (KEYLESS.has(name)) return undefined;
  if (name === 'XREADGROUP' || name === 'XREAD') {
    const at = command.findIndex((word) => String(word).toUpperCase() === 'STREAMS');
    return command[at + 1];
  }
  const at = FIRST_KEY.get(name) ?? 1;
  if (at === 3 && /^(EVAL|FCALL)/.test(name) && Number(command[2]) === 0) return undefined;
  return command[at];
}
