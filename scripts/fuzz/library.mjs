/** The parts of the library that bad input is tried on. */

/** @typedef {typeof import('../../src/rdb/file-decoder.js')} FileDecoderModule */
/**
 * @typedef {object} Library
 * @property {FileDecoderModule['RdbDecoder']} RdbDecoder
 * @property {typeof import('../../src/bytes/crc64.js').Crc64} Crc64
 * @property {typeof import('../../src/rdb/value-decoder.js').ValueDecoder} ValueDecoder
 * @property {typeof import('../../src/rdb/skip-value.js').ValueSkipper} ValueSkipper
 * @property {typeof import('../../src/rdb/value.js').decodeValue} decodeValue
 * @property {typeof import('../../src/rdb/value-structure.js').readStructure} readStructure
 * @property {typeof import('../../src/rdb/dump-payload.js').decodeDumpPayload} decodeDumpPayload
 * @property {typeof import('../../src/rdb/dump-payload.js').encodeDumpPayload} encodeDumpPayload
 * @property {typeof import('../../src/rdb/limits.js').DEFAULT_LIMITS} DEFAULT_LIMITS
 * @property {typeof import('../../src/errors.js').ReplicantError} ReplicantError
 */

export const MODULES = [
  ...[
    'errors',
    'rdb/file-decoder',
    'rdb/value-decoder',
    'rdb/skip-value',
    'rdb/value',
    'rdb/value-structure',
  ],
  ...['rdb/dump-payload', 'rdb/limits', 'bytes/crc64'],
];

/**
 * A build of the library.
 * @param {string} [build] URL of its folder, with a slash at the end
 * @returns {Promise<Library>}
 */
export async function loadLibrary(build = new URL('../../dist/', import.meta.url).href) {
  const url = (/** @type {string} */ name) => new URL(`${name}.js`, build).href;
  const modules = await Promise.all(MODULES.map((name) => import(url(name))));
  return Object.assign({}, ...modules);
}
