import { connect } from 'node:net';
import { Script } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { ReplicantError } from '../../src/errors.js';
import { startHttp, type StatusServer } from '../../src/observe/http.js';
import type { SyncStatus } from '../../src/sync/status.js';
import { syncStatus } from '../cli/fake-engine.js';

const open: StatusServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function serve(status: SyncStatus = syncStatus): Promise<StatusServer> {
  const server = await startHttp({ host: '127.0.0.1', port: 0 }, () => status);
  open.push(server);
  return server;
}

test('/status is the status as JSON', async () => {
  const { address } = await serve();
  const response = await fetch(`http://${address}/status?x=1`);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.json()).toEqual(syncStatus);
});

test('/ is a page that needs nothing from anywhere else', async () => {
  const { address } = await serve();
  const response = await fetch(`http://${address}/`);
  const page = await response.text();
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(page).not.toMatch(/https?:\/\/|src=|innerHTML/);
  const script = /<script>(.*)<\/script>/su.exec(page)?.[1] ?? '';
  expect(() => new Script(script)).not.toThrow();
  expect(script).toContain("fetch('status'");
});

test('/metrics is the Prometheus text format', async () => {
  const { address } = await serve();
  const response = await fetch(`http://${address}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toContain(
    '\nreplicant_lag_bytes{job_name="job",source="a:1",target="b:2"} 200\n',
  );
});

test.each([
  ['connecting', 200],
  ['full-sync', 200],
  ['streaming', 200],
  ['stopped', 503],
  ['failed', 503],
] as const)('/healthz while %s is %i', async (phase, code) => {
  const { address } = await serve({ ...syncStatus, phase });
  const response = await fetch(`http://${address}/healthz`);
  expect([response.status, await response.text()]).toEqual([code, `${phase}\n`]);
});

test('anything else is refused, HEAD has no body', async () => {
  const { address } = await serve();
  expect((await fetch(`http://${address}/../etc`)).status).toBe(404);
  const posted = await fetch(`http://${address}/status`, { method: 'POST', body: 'x' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`http://${address}/status`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

describe('listening', () => {
  test('a port in use is a USAGE error that names it', async () => {
    const { address } = await serve();
    const port = Number(address.split(':')[1]);
    const second = startHttp({ host: '127.0.0.1', port }, () => syncStatus);
    await expect(second).rejects.toThrow(ReplicantError);
    await expect(second).rejects.toMatchObject({
      code: 'USAGE',
      message: `--http: cannot listen on ${address}: the port is in use already`,
    });
  });

  test('an address of another machine likewise', async () => {
    await expect(startHttp({ host: '192.0.2.1', port: 0 }, () => syncStatus)).rejects.toMatchObject({
      code: 'USAGE',
      message: '--http: cannot listen on 192.0.2.1:0: the address is not one of this machine',
    });
  });

  test('closes although a visitor keeps its connection, and twice', async () => {
    const server = await serve();
    const [host, port] = server.address.split(':');
    const visitor = connect(Number(port), host);
    await new Promise((resolve) => visitor.once('connect', resolve));
    visitor.write('GET /status HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => visitor.once('data', resolve));
    visitor.on('error', () => {});
    const gone = new Promise((resolve) => visitor.once('close', resolve));
    await Promise.all([server.close(), server.close()]);
    await gone;
    await expect(fetch(`http://${server.address}/healthz`)).rejects.toThrow('fetch failed');
  });
});
