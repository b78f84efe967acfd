/**
 * A multi-part AOF (7.0+): a text file that names the others. One line each, words in pairs:
 *
 *   file appendonly.aof.2.base.rdb seq 2 type b
 *   file appendonly.aof.2.incr.aof seq 2 type i [startoffset N] [endoffset N]
 *
 * `b` is the base (at most one), `i` what was written since, in the order of `seq`, `h` left-overs that are
 * not loaded. Names may be quoted like strings in redis.conf; `#` lines are comments; unknown words are for
 * newer servers.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ReplicantError } from '../errors.js';
import { explainFileError, FileSource, PeekedSource } from './byte-source.js';
import { FileInput, type InputPart } from './file-input.js';
import { HEAD_BYTES } from './sniff.js';
import { unwrap } from './unwrap.js';

export interface ManifestFile {
  readonly name: string;
  readonly seq: number;
  readonly type: 'b' | 'h' | 'i';
}

/** The files to load, in order. */
export function parseManifest(text: string): readonly ManifestFile[] {
  const files = text
    .split(/\r?\n/u)
    .map((line, index) => parseLine(line, index + 1))
    .filter((file) => file !== undefined);
  if (files.length === 0) throw bad('it names no file');
  const bases = files.filter(({ type }) => type === 'b');
  const incrs = files.filter(({ type }) => type === 'i');
  if (bases.length > 1) throw bad('it names more than one base file');
  for (const [index, { seq }] of incrs.entries()) {
    if (index > 0 && seq <= incrs[index - 1]!.seq) throw bad('its files are not in the order of their seq');
  }
  return [...bases, ...incrs];
}

function parseLine(line: string, number: number): ManifestFile | undefined {
  if (line.trim() === '' || line.startsWith('#')) return undefined;
  const words = splitWords(line, number);
  if (words.length < 6 || words.length % 2 !== 0) throw bad(`line ${number} is not made of pairs`);
  const fields = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) fields.set(words[at]!, words[at + 1]!);
  const name = fields.get('file') ?? '';
  const seq = fields.get('seq') ?? '';
  const type = fields.get('type') ?? '';
  if (name === '' || /[/\\\0]/u.test(name)) throw bad(`line ${number} has no plain file name`);
  if (!/^\d{1,15}$/u.test(seq)) throw bad(`line ${number} has no seq`);
  if (type !== 'b' && type !== 'h' && type !== 'i')
    throw bad(`line ${number} has the type ${JSON.stringify(type)}`);
  return { name, seq: Number(seq), type };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\u0007' };

/** Words as redis.conf has them: bare, "double-quoted" with escapes, 'single-quoted'. */
function splitWords(line: string, number: number): readonly string[] {
  const words: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))(?=\s|$)/uy;
  const text = line.trimEnd();
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) throw bad(`line ${number} has a quote without its end`);
    const [, double, single, bare] = match;
    words.push(
      bare ?? (single === undefined ? unescape(double ?? '') : single.replaceAll(String.raw`\'`, "'")),
    );
  }
  return words;
}

function unescape(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-f]{2})|(.))/giu,
    (_, hex: string | undefined, plain: string | undefined) =>
      hex === undefined
        ? (ESCAPES[plain ?? ''] ?? plain ?? '')
        : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function bad(what: string): ReplicantError {
  return new ReplicantError('RDB_CORRUPT', `the AOF manifest can't be used: ${what}`);
}

/** Opens everything a manifest names, as one input. */
export async function openManifest(path: string): Promise<FileInput> {
  const parts = await Promise.all((await readManifest(path)).map((file) => findPart(path, file)));
  const [first, ...more] = parts;
  return new FileInput({ label: path, first: await first!.open(), more });
}

async function readManifest(path: string): Promise<readonly ManifestFile[]> {
  try {
    return parseManifest(await readFile(path, 'utf8'));
  } catch (error) {
    throw error instanceof ReplicantError ? error.within({ at: path }) : explainFileError(error, path);
  }
}

async function findPart(manifest: string, { name }: ManifestFile): Promise<InputPart> {
  const path = join(dirname(manifest), name);
  const stats = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explainFileError(error, path);
    throw new ReplicantError('RDB_TRUNCATED', `the file ${name}, which the manifest names, is not there`, {
      place: { at: manifest },
      hint: 'copy the whole directory, while appendonly is off or after a BGREWRITEAOF',
    });
  });
  return {
    label: path,
    totalBytes: stats.size,
    open: async () => {
      const source = await FileSource.open(path);
      try {
        return await PeekedSource.open(await unwrap(source), HEAD_BYTES);
      } catch (error) {
        await source.close();
        throw error instanceof ReplicantError ? error.within({ at: path }) : error;
      }
    },
  };
}
