/** Bytes written the way the format is explained: hex pairs, with spaces and bars wherever they help. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s|]/g, '');
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new Error(`not hex: ${text}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** `bytes` with some of them replaced, to damage a good example. */
export function patched(bytes: Uint8Array, patches: Readonly<Record<number, number>>): Uint8Array {
  const out = bytes.slice();
  for (const [at, value] of Object.entries(patches)) out[Number(at)] = value;
  return out;
}

/** The same bytes in the middle of a larger buffer, so that positions and lengths differ. */
export function embedded(bytes: Uint8Array, before = 5, after = 3): Uint8Array {
  const out = new Uint8Array(before + bytes.length + after).fill(0xee);
  out.set(bytes, before);
  return out;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text where the bytes are UTF-8, else their base64: as the corpus writes them. */
export function readable(bytes: Uint8Array): string | { base64: string } {
  try {
    return utf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}
