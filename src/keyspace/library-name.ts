/**
 * The name of a function library, which stands in the first line of its source and nowhere else:
 * `#!lua name=counters`. As servers read it since 7.0: the line is split into words, each of which may be
 * quoted; the first is the engine; `name=` may be in any case; a name has letters, digits and underscores.
 */
const LF = 10;
const latin = new TextDecoder('latin1');

const FIRST_LINE = /^#!\S/;
/** name=x, "name=x", 'name=x' or name="x" */
const NAME = /^(["']?)name=(["']?)(\w+)\2\1$/i;

/** undefined when there is none, or more than one. */
export function libraryName(source: Uint8Array): string | undefined {
  const end = source.indexOf(LF);
  const line = latin.decode(end < 0 ? source : source.subarray(0, end));
  if (!FIRST_LINE.test(line)) return undefined;
  const names = line
    .split(/\s+/)
    .slice(1)
    .map((word) => NAME.exec(word)?.[3])
    .filter((name) => name !== undefined);
  return names.length === 1 ? names[0] : undefined;
}
