/**
 * An endpoint's URL and the options about it → one `Endpoint` with password and certificates.
 *
 * A password may stand in the URL, in a file or (environment and config file only) as it is. The layer
 * that wins for the other options wins here as well; two passwords in the same layer are a mistake.
 */
import { ReplicantError } from '../errors.js';
import type { Endpoint, TlsOptions } from '../net/endpoint.js';
import { parseEndpoint } from '../net/parse-endpoint.js';
import { environmentName } from './option-table.js';
import type { Layer, LayerName } from './layers.js';
import { readOptionFile, readOptionText, type ReadFile } from './read-file.js';
import type { AccessValues, Side } from './shared-options.js';

/** Of the values of either side, those that are there. */
type SomeAccess = Partial<AccessValues<'source'> & AccessValues<'target'>>;

const LAYERS: readonly LayerName[] = ['flag', 'environment', 'file'];

/** `url` is what `layer` has as `side`. */
export function resolveEndpoint(
  side: Side,
  url: string,
  options: SomeAccess,
  layer: Layer,
  readFile: ReadFile,
): Endpoint {
  const endpoint = parseEndpoint(url, side);
  const password = resolvePassword(side, endpoint, options, layer, readFile);
  if (endpoint.username !== undefined && password === undefined) {
    throw new ReplicantError('USAGE', `the ${side} has something before the @ but no password`, {
      hint: `a password alone is written redis://:password@host, a user without one redis://user:@host; or set ${environmentName(`${side}-password`)}`,
    });
  }
  const tls = resolveTls(side, endpoint.tls, options, layer, readFile);
  return {
    ...endpoint,
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function resolvePassword(
  side: Side,
  endpoint: Endpoint,
  options: SomeAccess,
  layer: Layer,
  readFile: ReadFile,
): string | undefined {
  const file = options[`${side}-password-file`];
  const fileGiven = layer.get(`${side}-password-file`);
  const found = [
    { layer: layer.get(side)?.layer, read: () => endpoint.password, set: endpoint.password !== undefined },
    {
      layer: fileGiven?.layer,
      read: () => readPassword(file ?? '', fileGiven?.label ?? '', readFile),
      set: file !== undefined,
    },
    {
      layer: layer.get(`${side}-password`)?.layer,
      read: () => options[`${side}-password`],
      set: options[`${side}-password`] !== undefined,
    },
  ].filter(({ set }) => set);
  for (const name of LAYERS) {
    const here = found.filter((candidate) => candidate.layer === name);
    if (here.length > 1) {
      throw new ReplicantError('USAGE', `the password of the ${side} is given twice`, { hint: 'keep one' });
    }
    if (here[0] !== undefined) return here[0].read();
  }
  return undefined;
}

/** Editors end a file with a newline, which no one means to be part of the password. */
function readPassword(path: string, label: string, readFile: ReadFile): string {
  const password = readOptionText(path, label, readFile).replace(/\r?\n$/u, '');
  if (password === '') throw new ReplicantError('USAGE', `${label}: ${path} is empty`);
  return password;
}

function resolveTls(
  side: Side,
  tls: TlsOptions | undefined,
  options: SomeAccess,
  layer: Layer,
  readFile: ReadFile,
): TlsOptions | undefined {
  const insecure = options[`${side}-tls-insecure`] ?? false;
  if (tls === undefined) {
    refuseTlsOptions(side, insecure, layer);
    return undefined;
  }
  const read = (part: 'ca' | 'cert' | 'key'): Uint8Array | undefined => {
    const given = layer.get(`${side}-tls-${part}`);
    const path = options[`${side}-tls-${part}`];
    return path === undefined ? undefined : readOptionFile(path, given?.label ?? part, readFile);
  };
  const files = { ca: read('ca'), cert: read('cert'), key: read('key') };
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw new ReplicantError(
      'USAGE',
      `--${side}-tls-cert and --${side}-tls-key are given together or not at all`,
    );
  }
  return { ...files, serverName: options[`${side}-tls-sni`], insecure };
}

function refuseTlsOptions(side: Side, insecure: boolean, layer: Layer): void {
  const names = ['ca', 'cert', 'key', 'sni'] as const;
  const given = names.map((part) => layer.get(`${side}-tls-${part}`)).find((option) => option !== undefined);
  const label = given?.label ?? (insecure ? layer.get(`${side}-tls-insecure`)?.label : undefined);
  if (label === undefined) return;
  throw new ReplicantError('USAGE', `${label}: the ${side} is not reached over TLS`, {
    hint: `write rediss:// (or valkeys://) for the ${side}`,
  });
}
