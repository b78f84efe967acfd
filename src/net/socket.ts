/**
 * Opens TCP, TLS and unix sockets. Bytes are read straight into memory the reader provides: no stream, no
 * buffer per chunk.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
} from 'node:tls';
import { ReplicantError } from '../errors.js';
import { type Endpoint, formatAddress } from './endpoint.js';

/** Which end of the sync a connection leads to: decides the error codes. */
export type Side = 'source' | 'target';

export interface SocketReader {
  /** Where the next bytes go; never empty. */
  room(): Uint8Array;
  /** `count` bytes stand at the start of `where`. Return false to pause reading (`socket.resume()`). */
  received(count: number, where: Uint8Array): boolean;
}

export const UNREACHABLE = { source: 'SOURCE_UNREACHABLE', target: 'TARGET_UNREACHABLE' } as const;
export const DENIED = { source: 'SOURCE_DENIED', target: 'TARGET_DENIED' } as const;
export const PROTOCOL = { source: 'SOURCE_PROTOCOL', target: 'TARGET_PROTOCOL' } as const;

const KEEP_ALIVE_MS = 30_000;
const OUT_OF_REACH = "can't reach the";

/** There was no connection, unlike one that was lost. */
export function isOutOfReach({ message }: Error): boolean {
  return message.startsWith(OUT_OF_REACH);
}

export function openSocket(
  endpoint: Endpoint,
  side: Side,
  reader: SocketReader,
  timeoutMs: number,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let where: Uint8Array = reader.room();
    const onread = {
      buffer: () => (where = reader.room()),
      callback: (count: number) => reader.received(count, where),
    };
    const socket = startSocket(endpoint, onread);
    const place = { at: formatAddress(endpoint.address) };
    const fail = (message: string, cause?: unknown): void => {
      socket.destroy();
      const text = `${OUT_OF_REACH} ${side}: ${message}`;
      reject(new ReplicantError(UNREACHABLE[side], text, { place, cause, hint: hintFor(cause, endpoint) }));
    };
    const timer = setTimeout(() => fail(`no connection within ${timeoutMs / 1000} s`), timeoutMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      fail(describe(error), error);
    };
    socket.once('error', onError);
    socket.once(endpoint.tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    });
  });
}

interface OnRead {
  readonly buffer: () => Uint8Array;
  readonly callback: (count: number) => boolean;
}

function startSocket(endpoint: Endpoint, onread: OnRead): Socket {
  const { address, tls } = endpoint;
  const where = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  if (tls === undefined) return connectTcp({ ...where, onread });
  const pem = (bytes: Uint8Array | undefined): Buffer | undefined =>
    bytes === undefined ? undefined : Buffer.from(bytes);
  const name = tls.serverName ?? (address.kind === 'tcp' ? address.host : 'localhost');
  const options = {
    ...where,
    onread,
    ca: pem(tls.ca),
    cert: pem(tls.cert),
    key: pem(tls.key),
    rejectUnauthorized: !tls.insecure,
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
    // The name sent along may not be an address.
    ...(isIP(name) === 0 ? { servername: name } : {}),
  };
  return connectTls(options as ConnectionOptions);
}

/** Node gives an AggregateError without a message when a name has several addresses and all refuse. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((one: Error) => one.message).join('; ');
  return error.message || (error as NodeJS.ErrnoException).code || 'connection failed';
}

function hintFor(cause: unknown, endpoint: Endpoint): string | undefined {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code === 'ECONNREFUSED') return 'is the server running, and is the port right?';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host name does not resolve';
  if (code.includes('CERT') || code.includes('SIGNED') || code.includes('ALTNAME')) {
    return 'name the CA with --source-tls-ca/--target-tls-ca, or accept any certificate with …-tls-insecure';
  }
  // A server without TLS takes the greeting for half a line, and waits for the rest.
  const silent = cause === undefined;
  if (endpoint.tls !== undefined && (silent || code === 'EPROTO' || code === 'ECONNRESET')) {
    return 'does this port speak TLS? use redis:// if not';
  }
  return undefined;
}
