/**
 * The config file: TOML whose keys are the long options, e.g.
 *
 *     source = "rediss://cache.example:6380"
 *     until = "caught-up"
 *     include-db = [0, 3]
 *     map-db = { 3 = 1 }
 */
import { parse, TomlError } from 'smol-toml';
import { ReplicantError } from '../errors.js';
import { fileLayer, type Layer } from './layers.js';
import { readOptionText, type ReadFile } from './read-file.js';

export function readConfigFile(path: string, label: string, readFile: ReadFile): Layer {
  return fileLayer(parseToml(readOptionText(path, label, readFile), path), path);
}

function parseToml(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    // The parser's message goes on with the offending lines, which may hold a password.
    const problem = (cause.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /u, '');
    throw new ReplicantError('USAGE', `${path}: line ${cause.line}, column ${cause.column}: ${problem}`);
  }
}
