/** A node of a test cluster, how it sees the cluster, and waiting until nodes see what they should. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ownership, parseClusterNodes } from './cluster-nodes.mjs';

/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/** @typedef {import('./cluster-nodes.mjs').NodeView} NodeView */

const WAIT_TIMEOUT_MS = 30_000;
const POLL_MS = 25;

/** One node: its process, and a connection for orders, which is opened again when it has broken. */
export class ClusterNode {
  /** @param {RunningServer} server */
  constructor(server) {
    this.server = server;
    this.id = '';
    this.host = server.host;
    this.port = server.port;
    this.url = server.url;
    /** @type {Promise<any> | undefined} */
    this.connection = undefined;
  }

  async client(options) {
    return await this.server.client(options);
  }

  async call(...args) {
    return await (await this.#orders()).call(...args);
  }

  async text(...args) {
    return await (await this.#orders()).text(...args);
  }

  async pipeline(commands) {
    return await (await this.#orders()).pipeline(commands);
  }

  /** How this node sees the cluster. @returns {Promise<NodeView[]>} */
  async view() {
    return parseClusterNodes(await this.text('CLUSTER', 'NODES'), this.host);
  }

  async close() {
    const open = await this.connection?.catch(() => undefined);
    this.connection = undefined;
    await open?.close();
  }

  async #orders() {
    const open = await this.connection?.catch(() => undefined);
    if (open !== undefined && open.failure === undefined) return open;
    this.connection = this.server.client();
    return await this.connection;
  }
}

export async function isPrimary(node) {
  if (!node.server.isRunning) return false;
  const [role] = await node.text('ROLE');
  return role === 'master';
}

/** Makes a node the replica of another one, and waits until it has its data. */
export async function attach(node, primary) {
  await until('the primary is known to its replica', async () => {
    const [reply] = await node.pipeline([['CLUSTER', 'REPLICATE', primary.id]]);
    return !(reply instanceof Error);
  });
  await until('the replica is connected', async () => (await node.text('ROLE'))[3] === 'connected');
}

/** Why the nodes do not agree; empty when they do. */
export async function disagreement(nodes) {
  let first;
  for (const node of nodes) {
    const info = await node.text('CLUSTER', 'INFO');
    if (!info.includes('cluster_state:ok')) return `${node.port} says cluster_state:fail`;
    const views = await node.view();
    const living = views.filter((view) => !view.isHandshake);
    const seen = ownership(living.filter(({ id }) => nodes.some((one) => one.id === id)));
    first ??= seen;
    if (seen !== first) return `${node.port} sees\n${seen}\nand not\n${first}`;
    const known = nodes.every(({ id }) =>
      living.some((view) => view.id === id && view.isLinked && !view.isFailed),
    );
    if (!known) return `${node.port} is not connected with all`;
  }
  return '';
}

export async function until(what, condition, timeoutMs = WAIT_TIMEOUT_MS) {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`);
    await sleep(POLL_MS);
  }
}
