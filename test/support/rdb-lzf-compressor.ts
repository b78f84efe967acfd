/**
 * A small LZF compressor, for tests only: takes the latest earlier place with the same three bytes.
 */
export function compressLzf(input: Uint8Array): Uint8Array {
  const out: number[] = [];
  const seen = new Map<number, number>();
  let literals: number[] = [];
  const flush = (): void => {
    if (literals.length > 0) out.push(literals.length - 1, ...literals);
    literals = [];
  };
  for (let at = 0; at < input.length;) {
    const key = at + 2 < input.length ? (input[at]! << 16) | (input[at + 1]! << 8) | input[at + 2]! : -1;
    const place = key < 0 ? undefined : seen.get(key);
    if (key >= 0) seen.set(key, at);
    if (place === undefined || at - place > 8192) {
      literals.push(input[at++]!);
      if (literals.length === 32) flush();
      continue;
    }
    let length = 3;
    while (length < 264 && at + length < input.length && input[place + length] === input[at + length])
      length++;
    flush();
    const [distance, code] = [at - place - 1, length - 2];
    if (code < 7) out.push((code << 5) | (distance >> 8));
    else out.push(0xe0 | (distance >> 8), code - 7);
    out.push(distance & 255);
    at += length;
  }
  flush();
  return Uint8Array.from(out);
}
