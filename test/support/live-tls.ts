/** Throw-away certificates, made by openssl when it is there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const HAS_OPENSSL: boolean = spawnSync('openssl', ['version']).status === 0;

export interface Certificates {
  /** PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Of an authority that has signed nothing. */
  readonly otherCa: string;
  /** Directives of a server that talks TLS on `port`. */
  args(port: number, clients?: 'yes' | 'no'): Record<string, string | number>;
  remove(): void;
}

/** A CA, another one, and a certificate of the first for 127.0.0.1 and localhost. */
export function makeCertificates(): Certificates {
  const dir = mkdtempSync(join(tmpdir(), 'replicant-tls-'));
  const path = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const authority = (name: string): void =>
    openssl(
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${name}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.crt`)],
    );
  authority('ca');
  authority('other');
  openssl(
    ...[
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=localhost',
    ],
    ...['-keyout', path('server.key'), '-out', path('server.csr')],
  );
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl(
    ...[
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      path('server.csr'),
      '-CA',
      path('ca.crt'),
      '-CAkey',
      path('ca.key'),
    ],
    ...['-CAcreateserial', '-extfile', path('names'), '-out', path('server.crt')],
  );
  return {
    ca: path('ca.crt'),
    cert: path('server.crt'),
    key: path('server.key'),
    otherCa: path('other.crt'),
    args: (port, clients = 'no') => ({
      'tls-port': port,
      'tls-cert-file': path('server.crt'),
      'tls-key-file': path('server.key'),
      'tls-ca-cert-file': path('ca.crt'),
      'tls-auth-clients': clients,
    }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function readPem(path: string): Uint8Array {
  return readFileSync(path);
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
