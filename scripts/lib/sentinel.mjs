/**
 * Sentinels that watch a primary of ours: `redis-server server.conf --sentinel`, child processes as all other
 * servers. They read the primary's replicas from INFO when they first meet it and then every ten seconds, so
 * replicas should be attached before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from './running-server.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/** @typedef {import('./client.mjs').Client} Client */

/** An automatic failover is tried again after twice this time. */
const FAILOVER_TIMEOUT_MS = 5_000;
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 25;

/**
 * @param {ServerBinary} binary
 * @param {import('./sentinel.mjs').SentinelOptions} options
 * @returns {Promise<Sentinels>}
 */
export async function startSentinels(binary, options) {
  const { count = 3 } = options;
  const results = await Promise.allSettled(Array.from({ length: count }, () => startOne(binary, options)));
  const sentinels = new Sentinels(
    options,
    results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
  );
  try {
    const failed = results.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await sentinels.untilReady();
    return sentinels;
  } catch (error) {
    await sentinels.stop();
    throw error;
  }
}

/** @returns {Promise<RunningServer>} */
async function startOne(binary, { name = 'mymaster', primary, quorum = 2, downAfterMs = 1_000, password }) {
  const directives = [
    `monitor ${name} ${primary.host} ${primary.port} ${quorum}`,
    `down-after-milliseconds ${name} ${downAfterMs}`,
    `failover-timeout ${name} ${FAILOVER_TIMEOUT_MS}`,
    ...(primary.password === undefined ? [] : [`auth-pass ${name} ${primary.password}`]),
  ];
  return await startServer(binary, {
    flags: ['--sentinel'],
    ...(password === undefined ? {} : { password }),
    args: { sentinel: directives },
  });
}

class Sentinels {
  /** @param {readonly RunningServer[]} servers */
  constructor({ name = 'mymaster', primary }, servers) {
    this.name = name;
    this.servers = servers;
    this.primaryServer = primary;
    /** @type {Map<RunningServer, Client>} */
    this.clients = new Map();
  }

  get urls() {
    return this.servers.map(({ url }) => url);
  }

  get seeds() {
    return this.servers.map(({ host, port }) => ({ host, port }));
  }

  async call(...args) {
    return await (await this.#clientOf(this.#living()[0])).call(...args);
  }

  async text(...args) {
    return await (await this.#clientOf(this.#living()[0])).text(...args);
  }

  async primary() {
    return (await this.#primaries())[0];
  }

  async failover() {
    const { port } = await this.primary();
    await this.call('SENTINEL', 'FAILOVER', this.name);
    return await this.untilMovedFrom(port);
  }

  async untilMovedFrom(port, timeoutMs = READY_TIMEOUT_MS) {
    await until(`all sentinels name another primary than port ${port}`, timeoutMs, async () => {
      const all = await this.#primaries();
      return all.every((one) => one.port !== port && one.port === all[0].port);
    });
    return await this.primary();
  }

  /** Until each knows the others, and as many replicas as the primary has. */
  async untilReady() {
    const client = await this.primaryServer.client();
    const [, , replicas] = await client.text('ROLE').finally(() => client.close());
    await until('the sentinels know one another and the replicas', READY_TIMEOUT_MS, async () => {
      const states = await Promise.all(
        this.servers.map(async (server) => {
          const flat = await (await this.#clientOf(server)).text('SENTINEL', 'MASTER', this.name);
          return (field) => Number(flat[flat.indexOf(field) + 1]);
        }),
      );
      return states.every(
        (state) =>
          state('num-other-sentinels') === this.servers.length - 1 && state('num-slaves') >= replicas.length,
      );
    });
  }

  async stop() {
    await Promise.all([...this.clients.values()].map((client) => client.close()));
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  #living() {
    const living = this.servers.filter(({ isRunning }) => isRunning);
    if (living.length === 0) throw new Error('no sentinel is running');
    return living;
  }

  async #primaries() {
    return await Promise.all(
      this.#living().map(async (server) => {
        const client = await this.#clientOf(server);
        const [host, port] = await client.text('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name);
        return { host, port: Number(port) };
      }),
    );
  }

  /** @param {RunningServer} server */
  async #clientOf(server) {
    const known = this.clients.get(server);
    if (known !== undefined && known.failure === undefined) return known;
    const client = await server.client();
    this.clients.set(server, client);
    return client;
  }
}

async function until(what, timeoutMs, condition) {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`);
    await sleep(POLL_MS);
  }
}
