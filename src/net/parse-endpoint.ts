/**
 * The text of a source or target → `Endpoint`:
 *
 *     redis://[user:password@]host[:port][,host[:port]…][/db][?db=n]     valkey://…  the same
 *     redis://[user:password@]host[:port][,…][/db]?master=name          Sentinels, on port 26379 by default
 *     rediss://…  valkeys://…                       over TLS
 *     unix://[user:password@]/path[?db=n]           a socket file, like redis-py and redis-benchmark have it
 *     [user:password@]host[:port][/db]              shorthand for redis://
 *
 * Of several hosts any may be asked: nodes of one cluster, or Sentinels of one primary.
 *
 * Parsed by hand, because WHATWG `URL` cuts a password at an unescaped `/`, `#` or `?`. Here everything up
 * to the last `@` is user and password, so such passwords work as they stand; only `%` needs to be `%25`.
 * No error ever quotes the text: where the `@` was forgotten, a password looks like a host, a port or a db.
 */
import { ReplicantError } from '../errors.js';
import type { Address, Endpoint } from './endpoint.js';

const DEFAULT_PORT = 6379;
const SENTINEL_PORT = 26_379;
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
  if (/,\s*[a-z][a-z0-9+.-]*:\/\//iu.test(location)) {
    throw usage(
      what,
      'has a scheme behind a comma',
      'of several servers only the first has it: redis://a:6379,b:6379',
    );
  }
  const { db: queryDb, master } = parseQuery(query, what);
  const port = master === undefined ? DEFAULT_PORT : SENTINEL_PORT;
  const [address, ...seeds] = place.split(',').map((one) => parseHostPort(one.trim(), port, what));
  const db = mergeDb(parseDbPath(path, what), queryDb, what);
  return {
    address: address!,
    ...(seeds.length === 0 ? {} : { seeds }),
    ...(master === undefined ? {} : { find: { kind: 'sentinel', master } as const }),
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
  const { db, master } = parseQuery(question === -1 ? '' : location.slice(question), what);
  if (master !== undefined) {
    throw usage(what, 'names a master behind a socket path', 'Sentinels are named by host and port');
  }
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

function parseHostPort(place: string, defaultPort: number, what: string): Address {
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
  return { kind: 'tcp', host, port: parsePort(portText, defaultPort, what) };
}

function parsePort(text: string | undefined, defaultPort: number, what: string): number {
  if (text === undefined || text === '') return defaultPort;
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw usage(what, 'has a port that is not a number from 1 to 65535', PASSWORD_FORM);
  }
  return port;
}

function parseDbPath(path: string, what: string): number | undefined {
  return path === '' || path === '/' ? undefined : parseDb(path.slice(1), what);
}

interface Query {
  readonly db: number | undefined;
  readonly master: string | undefined;
}

/** Text after the host or socket path: `?db=3&master=m`; everything else is refused rather than ignored. */
function parseQuery(query: string, what: string): Query {
  if (query === '' || query === '?') return { db: undefined, master: undefined };
  if (query.includes('#')) throw usage(what, 'has a # after the host, which means nothing here', FORMS);
  const parameters = new URLSearchParams(query);
  if ([...parameters.keys()].some((key) => key !== 'db' && key !== 'master')) {
    throw usage(what, 'has a parameter after ? that is not known', 'only ?db=N and ?master=NAME are');
  }
  const db = once(parameters, 'db', 'name one database', what);
  const master = once(parameters, 'master', 'name one primary', what);
  if (master !== undefined && !/^[^\s\p{C}]+$/u.test(master)) {
    throw usage(
      what,
      'has a name behind ?master= that no Sentinel has',
      'write redis://sentinel:26379?master=NAME',
    );
  }
  return { db: db === undefined ? undefined : parseDb(db, what), master };
}

function once(parameters: URLSearchParams, name: string, hint: string, what: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw usage(what, `names ?${name}= more than once`, hint);
  return values[0];
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
