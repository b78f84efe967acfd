/** Commands as the bytes of a RESP array of bulk strings. */

const encoder = new TextEncoder();
const CRLF = encoder.encode('\r\n');

export type CommandArg = string | number | Uint8Array;

export function toBytes(arg: CommandArg): Uint8Array {
  return arg instanceof Uint8Array ? arg : encoder.encode(String(arg));
}

export function encodeCommand(args: readonly CommandArg[]): Uint8Array {
  const parts: Uint8Array[] = [encoder.encode(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = toBytes(arg);
    parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
