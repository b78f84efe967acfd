/**
 * `--http HOST:PORT`: `/` a status page, `/status` the status as JSON, `/metrics` for Prometheus, `/healthz`
 * 200 while the sync runs and 503 once it failed or ended. Read-only, without secrets, and bound only to
 * the address that was asked for.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { ReplicantError } from '../errors.js';
import { formatAddress } from '../net/endpoint.js';
import type { SyncStatus } from '../sync/status.js';
import { formatMetrics } from './metrics.js';
import { STATUS_PAGE } from './status-page.js';

export interface StatusServer {
  /** `host:port` as bound: with port 0 the system chose one. */
  readonly address: string;
  close(): Promise<void>;
}

interface HttpAnswer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

/** Listens before it resolves; a port in use or a foreign address is a USAGE error. */
export async function startHttp(
  { host, port }: { readonly host: string; readonly port: number },
  status: () => SyncStatus,
): Promise<StatusServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    send(response, answer(request.method ?? 'GET', path, status), request.method === 'HEAD');
  });
  await listen(server, host, port);
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  let closed: Promise<void> | undefined;
  return {
    address: formatAddress({ kind: 'tcp', host, port: boundPort }),
    close: () => (closed ??= closeServer(server)),
  };
}

function answer(method: string, path: string, status: () => SyncStatus): HttpAnswer {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET is answered here\n');
  if (path === '/') return { code: 200, type: 'text/html; charset=utf-8', body: STATUS_PAGE };
  if (path === '/status')
    return { code: 200, type: 'application/json', body: `${JSON.stringify(status())}\n` };
  if (path === '/metrics') {
    return { code: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: formatMetrics(status()) };
  }
  if (path === '/healthz') {
    const { phase } = status();
    return plain(phase === 'failed' || phase === 'stopped' ? 503 : 200, `${phase}\n`);
  }
  return plain(404, 'there are /, /status, /metrics and /healthz\n');
}

function plain(code: number, body: string): HttpAnswer {
  return { code, type: 'text/plain; charset=utf-8', body };
}

function send(response: ServerResponse, { code, type, body }: HttpAnswer, headOnly: boolean): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'",
    ...(code === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(headOnly ? undefined : body);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  server.removeAllListeners('error');
  // A later error (no more file handles, say) concerns one visitor, not the sync.
  server.on('error', () => {});
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ReplicantError {
  const address = formatAddress({ kind: 'tcp', host, port });
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use already',
    EACCES: 'no permission for this port',
    EADDRNOTAVAIL: 'the address is not one of this machine',
    ENOTFOUND: 'the host is not known',
  };
  const why = reasons[error.code ?? ''] ?? error.message;
  return new ReplicantError('USAGE', `--http: cannot listen on ${address}: ${why}`, {
    hint: 'choose another HOST:PORT',
    cause: error,
  });
}

/** Visitors that keep their connection open do not hold up the end. */
async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
