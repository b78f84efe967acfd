/**
 * The WebAssembly routine behind crc64.ts, assembled here by hand: one function
 *
 *     update(state: i32, ptr: i32, len: i32)
 *
 * that reads a u64 CRC at memory[state], folds memory[ptr, ptr+len) into it eight bytes a step with the
 * eight tables at TABLES_AT (slicing by 8), and stores it back. BigInt arithmetic in JavaScript is some
 * fifty times slower, two-word arithmetic four times.
 */

/** Where the 8 × 256 × u64 tables start in the memory. Below it: two CRC states (at 0 and 8). */
export const TABLES_AT = 64;
export const TABLES_BYTES: number = 8 * 256 * 8;

const I32 = 0x7f;
const I64 = 0x7e;
const VOID_BLOCK = 0x40;

const op = {
  block: 0x02,
  loop: 0x03,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  i32Const: 0x41,
  i64Const: 0x42,
  i32GeU: 0x4f,
  i32Add: 0x6a,
  i32And: 0x71,
  i32Shl: 0x74,
  i64Load: 0x29,
  i64Load8u: 0x31,
  i64Store: 0x37,
  i32WrapI64: 0xa7,
  i64Xor: 0x85,
  i64ShrU: 0x88,
} as const;

function uleb(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...out, rest];
    out.push((rest & 0x7f) | 0x80);
  }
}

/** Signed LEB128 of a small number, as the const instructions want it. */
function sleb(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const byte = rest & 0x7f;
    if ((rest >> 6 === 0 || rest >> 6 === -1) && rest >> 7 === (byte & 0x40 ? -1 : 0)) return [...out, byte];
    out.push(byte | 0x80);
  }
}

const STATE = 0;
const PTR = 1;
const LEN = 2;
const CRC = 3;
const END = 4;
const END8 = 5;

const get = (local: number): number[] => [op.localGet, local];
const set = (local: number): number[] => [op.localSet, local];
const i32 = (value: number): number[] => [op.i32Const, ...sleb(value)];
const i64 = (value: number): number[] => [op.i64Const, ...sleb(value)];
const load64 = (offset: number): number[] => [op.i64Load, 0, ...uleb(offset)];

/** tables[table][byte `index` of the CRC] on the stack. */
function lookup(table: number, index: number): number[] {
  const shifted = index === 0 ? get(CRC) : [...get(CRC), ...i64(index * 8), op.i64ShrU];
  const byte = [...shifted, op.i32WrapI64, ...i32(255), op.i32And];
  return [...byte, ...i32(3), op.i32Shl, ...load64(TABLES_AT + table * 2048)];
}

function body(): number[] {
  const advance = (bytes: number): number[] => [...get(PTR), ...i32(bytes), op.i32Add, ...set(PTR)];
  const leaveAt = (limit: number): number[] => [...get(PTR), ...get(limit), op.i32GeU, op.brIf, 1];
  const while_ = (limit: number, inner: number[]): number[] => [
    ...[op.block, VOID_BLOCK, op.loop, VOID_BLOCK],
    ...leaveAt(limit),
    ...inner,
    ...[op.br, 0, op.end, op.end],
  ];
  const eight = [...get(CRC), ...get(PTR), ...load64(0), op.i64Xor, ...set(CRC), ...lookup(7, 0)];
  for (let index = 1; index < 8; index++) eight.push(...lookup(7 - index, index), op.i64Xor);
  const one = [
    ...[...get(CRC), ...get(PTR), op.i64Load8u, 0, 0, op.i64Xor, ...set(CRC)],
    ...[...lookup(0, 0), ...get(CRC), ...i64(8), op.i64ShrU, op.i64Xor, ...set(CRC)],
  ];
  return [
    ...[2, 1, I64, 2, I32],
    ...[...get(STATE), ...load64(0), ...set(CRC)],
    ...[...get(PTR), ...get(LEN), op.i32Add, ...set(END)],
    ...[...get(PTR), ...get(LEN), ...i32(-8), op.i32And, op.i32Add, ...set(END8)],
    ...while_(END8, [...eight, ...set(CRC), ...advance(8)]),
    ...while_(END, [...one, ...advance(1)]),
    ...[...get(STATE), ...get(CRC), op.i64Store, 0, 0],
    op.end,
  ];
}

const ascii = (text: string): number[] => [text.length, ...Array.from(text, (char) => char.charCodeAt(0))];
const section = (id: number, content: number[]): number[] => [id, ...uleb(content.length), ...content];

/** The module's bytes: imports `e.m` (the memory), exports `u` (the function). */
export function crc64ModuleBytes(): Uint8Array<ArrayBuffer> {
  const code = body();
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 0]),
    ...section(2, [1, ...ascii('e'), ...ascii('m'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...ascii('u'), 0, 0]),
    ...section(10, [1, ...uleb(code.length), ...code]),
  ]);
}
