/**
 * A small cluster client for tests, independent of the product: it sends each command to the owner of its
 * key's slot, follows MOVED and ASK, and waits, within a limit, while a slot is half moved (TRYAGAIN), while
 * nobody owns it (CLUSTERDOWN), and while a node that has died is being replaced.
 *
 * Commands of one `pipeline` go out together, by node, and are independent of one another, except MULTI … EXEC,
 * which stay together. What is on the wire when a connection breaks is not sent again: its reply is an error
 * with the code LOST, and whether it was carried out is unknown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, ReplyError } from './client.mjs';
import { slotOf, SLOTS } from './cluster-slots.mjs';
import { ASKING, passingError, splitIntoUnits, unitOf, wireCommands } from './cluster-units.mjs';

/** @typedef {import('./client.mjs').Argument} Argument */
/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {import('./cluster-units.mjs').Unit} Unit */

const RETRY_MS = 10_000;
const PAUSE_MS = 20;
const REFRESH_TIMEOUT_MS = 2_000;
const SCAN_COUNT = 1_000;

/**
 * @param {import('./cluster-client.mjs').ClusterConnectOptions} options
 * @returns {Promise<ClusterClient>}
 */
export async function connectCluster(options) {
  const client = new ClusterClient(options);
  try {
    await client.refresh();
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

export class ClusterClient {
  constructor({ seeds, retryMs = RETRY_MS, ...how }) {
    this.how = how;
    this.retryMs = retryMs;
    /** @type {string[]} */
    this.seeds = seeds.map(({ host = '127.0.0.1', port }) => `${host}:${port}`);
    /** @type {(string | undefined)[]} slot → host:port of its owner */
    this.owners = [];
    /** @type {Map<string, Promise<Client>>} */
    this.connections = new Map();
    this.redirects = 0;
    this.isClosed = false;
  }

  async call(...args) {
    return orThrow((await this.pipeline([args]))[0]);
  }

  async text(...args) {
    return toText(await this.call(...args));
  }

  async callFor(key, ...args) {
    return orThrow((await this.pipelineTo(key, [args]))[0]);
  }

  async pipelineTo(key, commands) {
    return await this.#deliver([unitOf(commands, 0, slotOf(key))], commands.length);
  }

  async pipeline(commands) {
    return await this.#deliver(splitIntoUnits(commands), commands.length);
  }

  async everyPrimary(action) {
    await this.refresh();
    return await Promise.all(
      this.primaries().map(async (address) => action(await this.#connection(address), placeOf(address))),
    );
  }

  async scanAll() {
    const pages = await this.everyPrimary(async (client, { host, port }) => {
      const keys = await scanKeys(client);
      return keys.filter((key) => this.owners[slotOf(key)] === `${host}:${port}`);
    });
    return pages.flat();
  }

  primaries() {
    const owners = new Set(this.owners.filter((owner) => owner !== undefined));
    return [...owners].toSorted();
  }

  ownerOf(slot) {
    const address = this.owners[slot];
    return address === undefined ? undefined : placeOf(address);
  }

  async connectionTo({ host = '127.0.0.1', port }) {
    return await this.#connection(`${host}:${port}`);
  }

  /** Asks any node that answers who owns what. */
  async refresh() {
    this.refreshing ??= this.#readOwners().finally(() => (this.refreshing = undefined));
    return await this.refreshing;
  }

  async close() {
    this.isClosed = true;
    const opened = await Promise.allSettled(this.connections.values());
    const clients = opened.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
    await Promise.all(clients.map((client) => client.close()));
  }

  async #readOwners() {
    let failure = new Error('no node to ask');
    for (const address of new Set([...this.primaries(), ...this.seeds])) {
      try {
        const client = await this.#connection(address);
        const rows = await withinLimit(client.call('CLUSTER', 'SLOTS'));
        const owners = Array.from({ length: SLOTS });
        for (const [first, last, [host, port]] of rows)
          owners.fill(`${String(host ?? '') || placeOf(address).host}:${port}`, first, last + 1);
        this.owners = owners;
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw new Error(`no node of the cluster answers: ${failure.message}`);
  }

  /** Sends until every unit has an answer that is final, or time is over. */
  async #deliver(units, count) {
    /** @type {any[]} */
    const replies = Array.from({ length: count });
    const deadline = Date.now() + this.retryMs;
    for (let pending = units; pending.length > 0;) {
      if (this.isClosed) throw new Error('the cluster client was closed by this program');
      const judged = await Promise.all(
        [...this.#byNode(pending)].map(([address, group]) => this.#send(address, group, replies)),
      );
      pending = judged.flatMap(({ again }) => again).toSorted((a, b) => a.from - b.from);
      if (pending.length === 0 || Date.now() > deadline) break;
      if (judged.some(({ isStale }) => isStale)) await this.refresh().catch(() => {});
      if (judged.some(({ mustWait }) => mustWait)) await sleep(PAUSE_MS);
    }
    return replies;
  }

  /** @param {readonly Unit[]} units @returns {Map<string, Unit[]>} */
  #byNode(units) {
    const groups = new Map();
    for (const unit of units) {
      const owner = unit.slot === undefined ? undefined : this.owners[unit.slot];
      const address = unit.ask ?? owner ?? this.primaries()[0] ?? this.seeds[0];
      const group = groups.get(address);
      if (group === undefined) groups.set(address, [unit]);
      else group.push(unit);
    }
    return groups;
  }

  /** Puts the replies of the units where they belong, and says which have to go again. */
  async #send(address, units, replies) {
    let client;
    try {
      client = await this.#connection(address);
    } catch (error) {
      for (const unit of units) answer(replies, unit, error);
      for (const unit of units) unit.ask = undefined;
      return { again: units, isStale: true, mustWait: true };
    }
    let got;
    try {
      got = await client.pipeline(units.flatMap(wireCommands));
    } catch (error) {
      for (const unit of units) answer(replies, unit, new ReplyError(`LOST ${error.message}`));
      return { again: [], isStale: true, mustWait: false };
    }
    return this.#judge(address, units, got, replies);
  }

  #judge(address, units, got, replies) {
    const again = [];
    let [isStale, mustWait, at] = [false, false, 0];
    for (const unit of units) {
      const wire = wireCommands(unit);
      const mine = got.slice(at, at + wire.length).filter((_, i) => wire[i] !== ASKING);
      at += wire.length;
      for (const [i, reply] of mine.entries()) replies[unit.from + i] = reply;
      const passing = passingError(unit, mine);
      unit.ask = undefined;
      if (passing === undefined) continue;
      again.push(unit);
      this.redirects++;
      const [code, slot = '0', where = ''] = passing.message.split(' ');
      const target = where.startsWith(':') ? `${placeOf(address).host}${where}` : where;
      if (code === 'ASK') unit.ask = target;
      else if (code === 'MOVED') {
        this.owners[Number(slot)] = target;
        isStale = true;
      } else mustWait = true;
      if (code !== 'ASK' && code !== 'MOVED' && code !== 'TRYAGAIN') isStale = true;
    }
    return { again, isStale, mustWait };
  }

  /** @param {string} address @returns {Promise<Client>} */
  async #connection(address) {
    const known = this.connections.get(address);
    if (known !== undefined) {
      const client = await known.catch(() => undefined);
      if (client !== undefined && client.failure === undefined) return client;
      if (this.connections.get(address) === known) this.connections.delete(address);
    }
    if (this.isClosed) throw new Error('the cluster client was closed by this program');
    const opening =
      this.connections.get(address) ?? connect({ connectTimeoutMs: 1_000, ...this.how, ...placeOf(address) });
    this.connections.set(address, opening);
    return await opening;
  }
}

function answer(replies, unit, reply) {
  for (let i = 0; i < unit.commands.length; i++) replies[unit.from + i] = reply;
}

function orThrow(reply) {
  if (reply instanceof Error) throw reply;
  return reply;
}

function placeOf(address) {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}

function withinLimit(promise) {
  return Promise.race([
    promise,
    sleep(REFRESH_TIMEOUT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no answer within ${REFRESH_TIMEOUT_MS} ms`);
    }),
  ]);
}

/** All keys of a node, each once. @param {Client} client @returns {Promise<Buffer[]>} */
async function scanKeys(client) {
  const keys = new Map();
  let cursor = '0';
  do {
    const [next, page] = await client.call('SCAN', cursor, 'COUNT', SCAN_COUNT);
    cursor = next.toString();
    for (const key of page) keys.set(key.toString('latin1'), key);
  } while (cursor !== '0');
  return [...keys.values()];
}

/** @param {any} reply @returns {any} */
function toText(reply) {
  if (Buffer.isBuffer(reply)) return reply.toString('utf8');
  return Array.isArray(reply) ? reply.map(toText) : reply;
}
