/**
 * A real cluster of child processes on loopback ports. The bus listens at port + 10000, where `startServer`
 * leaves room for it. A cluster needs two seconds to come up whatever is done: so long a fresh primary refuses
 * to serve.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectCluster } from './cluster-client.mjs';
import { moveSlots, migrateSlotsAtomically, SlotMove } from './cluster-moves.mjs';
import { attach, ClusterNode, disagreement, isPrimary, until } from './cluster-node.mjs';
import { SLOTS } from './cluster-slots.mjs';
import { startServer } from './running-server.mjs';
import { compareVersions } from './server-binary.mjs';

/** @typedef {import('../servers.mjs').ServerBinary} ServerBinary */
/** @typedef {import('../servers.mjs').RunningServer} RunningServer */
/** @typedef {import('./cluster.mjs').ClusterOptions} ClusterOptions */
/** @typedef {import('./cluster-nodes.mjs').NodeView} NodeView */

const NODE_TIMEOUT_MS = 2_000;
const READY_TIMEOUT_MS = 30_000;
const ELECTION_TIMEOUT_MS = 15_000;
const POLL_MS = 25;

/**
 * @param {ServerBinary} binary
 * @param {ClusterOptions} [options]
 * @returns {Promise<Cluster>}
 */
export async function startCluster(binary, options = {}) {
  const cluster = new Cluster(binary, options);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class Cluster {
  /** @param {ServerBinary} binary @param {ClusterOptions} options */
  constructor(binary, options) {
    this.binary = binary;
    this.options = options;
    this.password = options.password;
    /** @type {ClusterNode[]} in the order they were started: first primaries, then replicas */
    this.nodes = [];
    /** @type {{primary: ClusterNode, replicas: ClusterNode[]}[]} */
    this.shards = [];
    /** @type {{close(): Promise<void>}[]} */
    this.clients = [];
    this.isStopped = false;
  }

  get url() {
    return this.#first.url;
  }

  get seeds() {
    return this.nodes.map(({ host, port }) => ({ host, port }));
  }

  async start() {
    const { shards = 3, replicas = 0, ports = [] } = this.options;
    const count = shards * (1 + replicas);
    const nodes = await settled(Array.from({ length: count }, (_, i) => this.#startNode(ports[i])));
    const primaries = nodes.slice(0, shards);
    await Promise.all(
      primaries.map(async (node, i) => {
        const range = [Math.round((i * SLOTS) / shards), Math.round(((i + 1) * SLOTS) / shards) - 1];
        // As redis-cli does: without it the nodes first have to settle whose epoch is the newer.
        await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
        await this.#addSlots(node, range);
      }),
    );
    await this.#introduce(nodes);
    this.shards = primaries.map((primary, i) => {
      return { primary, replicas: nodes.slice(shards + i * replicas, shards + (i + 1) * replicas) };
    });
    await Promise.all(this.shards.flatMap((one) => one.replicas.map((node) => attach(node, one.primary))));
    await this.untilAgreed();
  }

  async client(options = {}) {
    const client = await connectCluster({ seeds: this.seeds, password: this.password, ...options });
    this.clients.push(client);
    return client;
  }

  async topology() {
    let views;
    for (const node of this.nodes.filter(({ server }) => server.isRunning)) {
      views = await node.view().catch(() => undefined);
      if (views !== undefined) break;
    }
    if (views === undefined) throw new Error('no node of the cluster answers');
    this.#sortIntoShards(views);
    return views;
  }

  /** Until all nodes that run say `cluster_state:ok` and see the same. */
  async untilAgreed(timeoutMs = READY_TIMEOUT_MS) {
    let why = '';
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      const living = this.nodes.filter(({ server }) => server.isRunning);
      why = await disagreement(living).catch((error) => error.message);
      if (why === '') {
        await this.topology();
        return;
      }
      await sleep(POLL_MS);
    }
    throw new Error(`the cluster of ${this.binary.id} does not agree: ${why}; ${this.#logs()}`);
  }

  async addNode({ replicaOf } = {}) {
    const node = await this.#startNode();
    await this.#introduce([this.#first, node]);
    await until('the new node is known everywhere', async () => {
      const views = await Promise.all(this.#living().map((one) => one.view()));
      return views.every((view) => view.some(({ id, isHandshake }) => id === node.id && !isHandshake));
    });
    if (replicaOf !== undefined) await attach(node, this.shards[replicaOf].primary);
    await this.untilAgreed();
    return node;
  }

  async addShard() {
    const node = await this.addNode();
    return this.shards.findIndex(({ primary }) => primary === node);
  }

  async removeNode(node) {
    const others = this.#living().filter((one) => one !== node);
    for (const other of others) {
      const [reply] = await other.pipeline([['CLUSTER', 'FORGET', node.id]]);
      // From Redis 7.2 on the others may have heard it already.
      if (reply instanceof Error && !/unknown node/i.test(reply.message)) throw reply;
    }
    this.nodes = this.nodes.filter((one) => one !== node);
    await node.close();
    await node.server.stop();
    await this.untilAgreed();
  }

  async failover(index, { kind = 'graceful' } = {}) {
    const { primary, replicas } = this.shards[index];
    const heir = replicas.find(({ server }) => server.isRunning);
    if (heir === undefined) throw new Error(`shard ${index} has no replica that could take over`);
    if (kind === 'graceful') await heir.call('CLUSTER', 'FAILOVER');
    else await primary.server.kill('SIGKILL');
    // Who is elected needs the votes of most primaries; of two there is no majority left.
    const isElectable =
      this.shards.filter((one) => one.primary.server.isRunning).length * 2 > this.shards.length;
    if (kind === 'kill' && !isElectable) await heir.call('CLUSTER', 'FAILOVER', 'TAKEOVER');
    const isOver = async () => (await Promise.all(replicas.map(isPrimary))).includes(true);
    try {
      await until(`a replica of shard ${index} is primary`, isOver, ELECTION_TIMEOUT_MS);
    } catch {
      await heir.call('CLUSTER', 'FAILOVER', 'TAKEOVER');
      await until(`a replica of shard ${index} has taken over`, isOver, ELECTION_TIMEOUT_MS);
    }
    await this.untilAgreed();
    return this.shards[index].primary;
  }

  startSlotMove(slot, from, to) {
    return SlotMove.start(this, slot, this.shards[from].primary, this.shards[to].primary);
  }

  async moveSlots(slots, from, to, options = {}) {
    await moveSlots(this, slots, this.shards[from].primary, this.shards[to].primary, options);
    await this.untilAgreed();
  }

  async migrateSlotsAtomically(ranges, from, to, options = {}) {
    const jobs = await migrateSlotsAtomically(
      ranges,
      this.shards[from].primary,
      this.shards[to].primary,
      options,
    );
    await this.untilAgreed();
    return jobs;
  }

  async stop() {
    if (this.isStopped) return;
    this.isStopped = true;
    await Promise.all([...this.clients, ...this.nodes].map((one) => one.close()));
    await Promise.all(this.nodes.map(({ server }) => server.stop()));
  }

  get #first() {
    const node = this.#living()[0] ?? this.nodes[0];
    if (node === undefined) throw new Error('a cluster without nodes');
    return node;
  }

  #living() {
    return this.nodes.filter(({ server }) => server.isRunning);
  }

  async #startNode(port) {
    const { args = {}, password } = this.options;
    const server = await startServer(this.binary, {
      ...(port === undefined ? {} : { port }),
      ...(password === undefined ? {} : { password }),
      args: {
        'cluster-enabled': 'yes',
        'cluster-config-file': 'nodes.conf',
        'cluster-node-timeout': NODE_TIMEOUT_MS,
        ...(password === undefined ? {} : { masterauth: password }),
        ...args,
      },
    });
    const node = new ClusterNode(server);
    this.nodes.push(node);
    node.id = await node.text('CLUSTER', 'MYID');
    return node;
  }

  async #addSlots(node, [first, last]) {
    if (compareVersions(this.binary.version, '7.0.0') >= 0) {
      await node.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      return;
    }
    await node.call('CLUSTER', 'ADDSLOTS', ...Array.from({ length: last - first + 1 }, (_, i) => first + i));
  }

  /** Each to each: gossip alone takes longer. */
  async #introduce(nodes) {
    await Promise.all(
      nodes.flatMap((node, i) =>
        nodes.slice(0, i).map((other) => node.call('CLUSTER', 'MEET', other.host, other.port)),
      ),
    );
    await until('all nodes know one another', async () => {
      const views = await Promise.all(nodes.map((node) => node.view()));
      return views.every((view) =>
        nodes.every(({ id }) => view.some((one) => one.id === id && !one.isHandshake && one.isLinked)),
      );
    });
  }

  /** A shard stays the shard it was as long as one of its nodes is in it. */
  #sortIntoShards(views) {
    const byId = new Map(this.nodes.map((node) => [node.id, node]));
    const found = views
      .filter(
        ({ role, id, isFailed, slots }) =>
          role === 'primary' && byId.has(id) && !(isFailed && slots.length === 0),
      )
      .map(({ id }) => {
        const replicas = views.filter(({ primaryId }) => primaryId === id).map((view) => byId.get(view.id));
        return { primary: byId.get(id), replicas: replicas.filter((node) => node !== undefined) };
      });
    const left = new Set(found);
    const take = (matches) => {
      const one = [...left].find(matches);
      left.delete(one);
      return one;
    };
    const kept = this.shards.map(
      (old) =>
        take(({ primary }) => primary === old.primary) ??
        take(({ primary }) => old.replicas.includes(primary)),
    );
    this.shards = [...kept.filter((shard) => shard !== undefined), ...left];
  }

  #logs() {
    return this.nodes
      .map(({ port, server }) => `${port}: ${server.logText().trim().split('\n').at(-1)}`)
      .join(' | ');
  }
}

/** Waits for all, also when one fails, so that nothing is left half started. */
async function settled(promises) {
  const results = await Promise.allSettled(promises);
  const failed = results.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.map(({ value }) => value);
}
