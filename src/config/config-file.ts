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
import { environmentLayer, fileLayer, flagLayer, mergeLayers, type Layer } from './layers.js';
import type { Options } from './option-table.js';
import { readOptionText } from './read-file.js';
import type { ConfigContext } from './shared-options.js';

/** All that was given for a command's options, wherever it was given. */
export function collectLayers(
  flags: Readonly<Record<string, unknown>>,
  options: Options,
  context: ConfigContext,
): Layer {
  const above = mergeLayers(flagLayer(flags, options), environmentLayer(context.env, options));
  const config = above.get('config');
  if (config === undefined || typeof config.value !== 'string') return above;
  if (config.value === '') throw new ReplicantError('USAGE', `${config.label}: must not be empty`);
  const document = parseToml(readOptionText(config.value, config.label, context.readFile), config.value);
  return mergeLayers(above, fileLayer(document, config.value, options, context.elsewhere));
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
