/** Opcodes of RDB files: the bytes that stand where a value type could. §4 of the format. */
export const OP_SLOT_IMPORT_OR_KEY_META = 243;
export const OP_SLOT_INFO = 244;
export const OP_FUNCTION = 245;
export const OP_MODULE_AUX = 247;
export const OP_IDLE = 248;
export const OP_FREQ = 249;
export const OP_AUX = 250;
export const OP_RESIZE_DB = 251;
export const OP_EXPIRE_MS = 252;
export const OP_EXPIRE_SECONDS = 253;
export const OP_SELECT_DB = 254;
export const OP_EOF = 255;

/** The lowest byte that is never a value type in a file we read. */
export const FIRST_OPCODE = 200;

/** Bytes known by name but not by layout, or written only by servers we can't read. */
const NAMES: Readonly<Record<number, string>> = {
  200: 'Dragonfly FULLSYNC_END',
  201: 'Dragonfly ZSTD blob',
  202: 'Dragonfly LZ4 blob',
  203: 'Dragonfly blob end',
  210: 'Dragonfly JOURNAL_BLOB',
  211: 'Dragonfly JOURNAL_OFFSET',
  220: 'Dragonfly DF_MASK',
  222: 'Dragonfly VECTOR_INDEX',
  223: 'Dragonfly SHARD_DOC_INDEX',
  224: 'Dragonfly TAGGED_CHUNK',
  242: 'HASH_TEMPLATE of Redis 8.10, or an inline command of Valkey 9.2',
  246: 'FUNCTION of a 7.0 release candidate',
};

export function describeOpcode(opcode: number): string {
  return `opcode ${opcode} (${NAMES[opcode] ?? 'unknown'})`;
}
