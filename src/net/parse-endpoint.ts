/**
 * The text of a source or target → `Endpoint`:
 *
 *     redis://[user:password@]host[:port][/db]      valkey://…  the same
 *     rediss://…  valkeys://…                       over TLS
 *     unix://[user:password@]/path[?db=n]           a socket file, like redis-py and redis-benchmark have it
 *     [user:password@]host[:port][/db]              shorthand for redis://
 *
 * Parsed by hand, because WHATWG `URL` cuts a password at an unescaped `/`, `#` or `?`. Here everything up
 * to the last `@` is user and password, so such passwords work as they stand; only `%` needs to be `%25`.
 * No error ever quotes the text: where the `@` was forgotten, a password looks like a host, a port or a db.
 */
import { ReplicantError } from '../errors.js';
import type { Address, Endpoint } from './endpoint.js';

const DEFAULT_PORT = 6379;
const FORMS = 'write redis://host:6379, rediss://host:6379 (TLS) or unix:///path/to/redis.sock';
const PASSWORD_FORM = 'a user and password stand before an @: redis://user:password@host:6379';

/** Scheme → does it mean TLS. */
const TCP_SCHEMES: Readonly<Record<string, boolean>> = {
  redis: false,
  valkey: false,
  rediss: true,
  valkeys: true,
};

/** `what` names the text in errors: `source` or `target`. */
export function parseEndpoint(text: string, what: string): Endpoint {
  const trimmed = text.trim();
  if (trimmed === '') throw usage(what, 'is empty', FORMS);
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/isu.exec(trimmed);
  if (match === null) {
    refuseFile(trimmed, what);
    return parseTcp(trimmed, false, what);
  }
  const scheme = (match[1] ?? '').toLowerCase();
  const rest = match[2] ?? '';
  if (scheme === 'unix') return parseUnix(rest, what);
  const tls = Object.hasOwn(TCP_SCHEMES, scheme) ? TCP_SCHEMES[scheme] : undefined;
  if (tls === undefined) throw usage(what, `does not understand the scheme ${scheme}://`, FORMS);
  return parseTcp(rest, tls, what);
}

function parseTcp(rest: string, tls: boolean, what: string): Endpoint {
  const { userInfo, location } = splitUserInfo(rest, rest.lastIndexOf('@'));
  const [, place = '', path = '', query = ''] = /^([^/?#]*)([^?#]*)(.*)$/su.exec(location) ?? [];
  if (location.includes(',')) {
    throw usage(what, 'names several servers, which sync does not support yet', 'name one server');
  }
  const address = parseHostPort(place, what);
  const db = mergeDb(parseDbPath(path, what), parseQuery(query, what), what);
  return {
    address,
    ...parseUserInfo(userInfo, what),
    ...(db === undefined ? {} : { db }),
    ...(tls ? { tls: { insecure: false } } : {}),
  };
}

function parseUnix(rest: string, what: string): Endpoint {
  const { userInfo, location } = splitUserInfo(rest, rest.startsWith('/') ? -1 : rest.indexOf('@/'));
  const question = location.indexOf('?');
  const path = decode(question === -1 ? location : location.slice(0, question), what, 'path');
  if (!path.startsWith('/') || path === '/') {
    throw usage(what, 'has no absolute socket path', 'write unix:///path/to/redis.sock');
  }
  const db = parseQuery(question === -1 ? '' : location.slice(question), what);
  return {
    address: { kind: 'unix', path },
    ...parseUserInfo(userInfo, what),
    ...(db === undefined ? {} : { db }),
  };
}

function splitUserInfo(rest: string, at: number): { userInfo: string | undefined; location: string } {
  return at === -1
    ? { userInfo: undefined, location: rest }
    : { userInfo: rest.slice(0, at), location: rest.slice(at + 1) };
}

function parseUserInfo(userInfo: string | undefined, what: string): Pick<Endpoint, 'username' | 'password'> {
  if (userInfo === undefined || userInfo === '' || userInfo === ':') return {};
  const colon = userInfo.indexOf(':');
  const username = decode(colon === -1 ? userInfo : userInfo.slice(0, colon), what, 'user name');
  const password = colon === -1 ? undefined : decode(userInfo.slice(colon + 1), what, 'password');
  return {
    ...(username === '' ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function parseHostPort(place: string, what: string): Address {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::([^:]*))?$/u.exec(place);
  if (match === null) {
    const hint = `an IPv6 address stands in brackets, redis://[::1]:6379; ${PASSWORD_FORM}`;
    throw usage(what, 'has no clear host and port', hint);
  }
  const [, ipv6, name = '', portText] = match;
  const host = decode(ipv6 ?? name, what, 'host');
  if (host === '') throw usage(what, 'has no host', `${FORMS}; ${PASSWORD_FORM}`);
  const valid =
    ipv6 === undefined ? !/[\s/?#@\\<>^`{|}"%]/u.test(host) : /^[\da-f:.]+(?:%\S+)?$/iu.test(host);
  if (!valid) throw usage(what, 'has a host with a character that no host name has', PASSWORD_FORM);
  return { kind: 'tcp', host, port: parsePort(portText, what) };
}

function parsePort(text: string | undefined, what: string): number {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw usage(what, 'has a port that is not a number from 1 to 65535', PASSWORD_FORM);
  }
  return port;
}

function parseDbPath(path: string, what: string): number | undefined {
  return path === '' || path === '/' ? undefined : parseDb(path.slice(1), what);
}

/** Text after the host or socket path: `?db=3`; everything else is refused by name rather than ignored. */
function parseQuery(query: string, what: string): number | undefined {
  if (query === '' || query === '?') return undefined;
  if (query.includes('#')) throw usage(what, 'has a # after the host, which means nothing here', FORMS);
  const parameters = new URLSearchParams(query);
  if (parameters.has('master')) {
    throw usage(
      what,
      'names a Sentinel (?master=), which sync does not support yet',
      'name the primary itself',
    );
  }
  if ([...parameters.keys()].some((key) => key !== 'db')) {
    throw usage(what, 'has a parameter after ? that is not known', 'only ?db=N is');
  }
  const dbs = parameters.getAll('db');
  if (dbs.length > 1) throw usage(what, 'names ?db= more than once', 'name one database');
  return parseDb(dbs[0] ?? '', what);
}

function parseDb(text: string, what: string): number {
  if (!/^\d{1,9}$/u.test(text)) {
    throw usage(what, 'has a database that is not a number', 'write redis://host:6379/0');
  }
  return Number(text);
}

function mergeDb(path: number | undefined, query: number | undefined, what: string): number | undefined {
  if (path !== undefined && query !== undefined && path !== query) {
    throw usage(what, 'names two different databases', 'keep either /N or ?db=N');
  }
  return path ?? query;
}

/** A path rather than an address: only endings and slashes are looked at, never the disk. */
function refuseFile(text: string, what: string): void {
  if (text.includes('@')) return;
  const pathLike = /^[./~]|\//u.test(text) && !/^[^/]+\/\d*(?:\?.*)?$/u.test(text);
  if (text !== '-' && !pathLike && !/(?:\.(?:rdb|aof)|^appendonlydir)$/iu.test(text)) return;
  const kind = text === '-' ? 'standard input or output' : 'a file or directory';
  throw usage(what, `is ${kind}, which sync does not support yet: it takes two running servers`, FORMS);
}

function decode(text: string, what: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage(
      what,
      `has a % in its ${part} that is not followed by a byte in hex`,
      'write a plain % as %25',
    );
  }
}

function usage(what: string, problem: string, hint: string): ReplicantError {
  return new ReplicantError('USAGE', `the ${what} ${problem}`, { hint });
}
