/**
 * A snapshot of what an address leads to: of the one server, of the primary that Sentinels name, or of all shards of
 * a cluster. What stands there is asked when the snapshot is.
 */
import { ReplicantError } from '../errors.js';
import { type Endpoint, formatDeployment } from '../net/endpoint.js';
import type { RdbHandler } from '../rdb/handler.js';
import { discover, type Topology } from '../topology/discover.js';
import { ClusterInput } from './cluster-input.js';
import { LiveInput } from './live-input.js';
import type { AofEnd, SnapshotEnd, SnapshotInput, SnapshotOptions } from './snapshot-input.js';

export class DeploymentInput implements SnapshotInput {
  readonly label: string;
  readonly hasCommands = false;
  readonly #endpoint: Endpoint;
  readonly #psyncCommand: string | undefined;
  #inner: SnapshotInput | undefined;

  constructor(endpoint: Endpoint, psyncCommand?: string) {
    this.#endpoint = endpoint;
    this.#psyncCommand = psyncCommand;
    this.label = formatDeployment(endpoint);
  }

  get totalBytes(): number | undefined {
    return this.#inner?.totalBytes;
  }

  get bytesRead(): number {
    return this.#inner?.bytesRead ?? 0;
  }

  async snapshot(handler: RdbHandler, options: SnapshotOptions = {}): Promise<SnapshotEnd> {
    options.signal?.throwIfAborted();
    const topology = await this.#discover();
    options.signal?.throwIfAborted();
    this.#inner = this.#open(topology);
    return await this.#inner.snapshot(handler, options);
  }

  commands(): Promise<AofEnd> {
    return Promise.reject(new ReplicantError('INTERNAL', 'a server gives a snapshot only'));
  }

  async close(): Promise<void> {
    await this.#inner?.close();
  }

  async #discover(): Promise<Topology> {
    try {
      return await discover(this.#endpoint, 'source');
    } catch (error) {
      // Whoever does not answer questions may still give a snapshot, or say better why not.
      if (error instanceof ReplicantError && error.code !== 'USAGE') return { kind: 'standalone' };
      throw error;
    }
  }

  #open(topology: Topology): SnapshotInput {
    const [endpoint, psyncCommand] = [this.#endpoint, this.#psyncCommand];
    if (topology.kind === 'cluster') return new ClusterInput(endpoint, topology.map, psyncCommand);
    return new LiveInput(topology.kind === 'sentinel' ? topology.endpoint : endpoint, psyncCommand);
  }
}
