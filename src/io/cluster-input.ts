/**
 * The snapshots of all shards of a cluster, one after the other, told as one. Each is of a moment of its own. A slot
 * that moved meanwhile would come twice or not at all, so that is looked for before and afterwards. What a node still
 * holds of a slot that it does not own is left out; function libraries, which every node has, come once.
 */
import { ReplicantError } from '../errors.js';
import { keySlot } from '../keyspace/key-slot.js';
import { type Endpoint, formatDeployment } from '../net/endpoint.js';
import type { Dialect } from '../rdb/dialect.js';
import type { Checksum, RdbEntry, RdbHandler, ValueSink } from '../rdb/handler.js';
import { ValueSkipper } from '../rdb/skip-value.js';
import type { ClusterMap, ClusterShard } from '../topology/cluster-map.js';
import { readMoving } from '../topology/cluster-views.js';
import { readClusterMap } from '../topology/read-cluster-map.js';
import { LiveInput } from './live-input.js';
import type { AofEnd, SnapshotEnd, SnapshotInput, SnapshotOptions } from './snapshot-input.js';

export class ClusterInput implements SnapshotInput {
  readonly label: string;
  readonly hasCommands = false;
  /** Not known before the last one is under way. */
  readonly totalBytes: undefined;
  readonly #endpoint: Endpoint;
  readonly #map: ClusterMap;
  readonly #psyncCommand: string | undefined;
  readonly #inputs: LiveInput[] = [];

  constructor(endpoint: Endpoint, map: ClusterMap, psyncCommand?: string) {
    this.#endpoint = endpoint;
    this.#map = map;
    this.#psyncCommand = psyncCommand;
    this.label = formatDeployment(endpoint);
  }

  get bytesRead(): number {
    return this.#inputs.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  }

  async snapshot(handler: RdbHandler, options: SnapshotOptions = {}): Promise<SnapshotEnd> {
    this.#checkWhole();
    await this.#checkSettled(this.#map);
    const merger = new Merger(handler, this.#map);
    const ends: SnapshotEnd[] = [];
    for (const [at, shard] of this.#map.shards.entries()) {
      if (shard.slots.length === 0) continue;
      merger.next(at);
      const input = new LiveInput(endpointOf(this.#endpoint, shard), this.#psyncCommand);
      this.#inputs.push(input);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      ends.push(await input.snapshot(merger, options));
    }
    await this.#checkSettled(await readClusterMap(this.#endpoint, 'source'));
    merger.finish();
    const [first] = ends;
    return {
      ...first!,
      bytes: ends.reduce((sum, { bytes }) => sum + bytes, 0),
      problem: ends.find(({ problem }) => problem !== undefined)?.problem,
    };
  }

  commands(): Promise<AofEnd> {
    return Promise.reject(new ReplicantError('INTERNAL', 'a server gives a snapshot only'));
  }

  async close(): Promise<void> {
    await Promise.all(this.#inputs.map((input) => input.close()));
  }

  #checkWhole(): void {
    const slot = this.#map.owner.findIndex((owner) => owner < 0);
    if (slot >= 0) throw this.#unfit(`slot ${slot} has no owner`, 'a part of the keys can not be had');
  }

  /** The slots are where they were, and none is on its way. */
  async #checkSettled(map: ClusterMap): Promise<void> {
    const moving = await readMoving(this.#endpoint, map, 'source');
    const owners = ({ shards, owner }: ClusterMap): string[] =>
      [...owner].map((at) => shards[at]?.nodeIds.toSorted().join() ?? '');
    const now = owners(map);
    const moved = owners(this.#map).findIndex((owner, slot) => owner !== now[slot]);
    const slot = moving[0]?.slot ?? moved;
    if (slot >= 0)
      throw this.#unfit(
        `slot ${slot} is being moved`,
        'keys could come twice or not at all: try again later',
      );
  }

  #unfit(what: string, hint: string): ReplicantError {
    return new ReplicantError('SOURCE_BUSY', `no snapshot of the cluster can be taken: ${what}`, {
      place: { at: this.label },
      hint,
    });
  }
}

function endpointOf(endpoint: Endpoint, { shardId, nodeIds }: ClusterShard): Endpoint {
  return { ...endpoint, find: { kind: 'shard', shardId, nodeIds, read: 'primary' } };
}

/** Several files told as one. */
class Merger implements RdbHandler {
  readonly #handler: RdbHandler;
  readonly #owner: Int16Array;
  readonly #libraries = new Set<string>();
  /** Which of the shards is being read. */
  #at = -1;
  #first = -1;
  #format: readonly [Dialect, number] | undefined;
  #checksum: Checksum | undefined;
  /** The large value under way is left out. */
  #foreign = false;

  constructor(handler: RdbHandler, { owner }: ClusterMap) {
    this.#handler = handler;
    this.#owner = owner;
  }

  next(at: number): void {
    if (this.#first < 0) this.#first = at;
    this.#at = at;
  }

  finish(): void {
    if (this.#checksum !== undefined) this.#handler.end(this.#checksum);
  }

  begin(dialect: Dialect, version: number): void {
    if (this.#format === undefined) {
      this.#format = [dialect, version];
      this.#handler.begin(dialect, version);
      return;
    }
    const [as, of] = this.#format;
    if (as === dialect && of === version) return;
    throw new ReplicantError(
      'RDB_UNSUPPORTED',
      `the nodes write snapshots of different versions: ${as} ${of} and ${dialect} ${version}`,
      { hint: 'is the cluster being upgraded? Try again when all nodes run the same version' },
    );
  }

  aux(name: Uint8Array, value: Uint8Array): void {
    if (this.#isFirst) this.#handler.aux(name, value);
  }

  selectDb(db: number): void {
    this.#handler.selectDb(db);
  }

  /** Of one shard it says nothing of the whole. */
  sizeHint(): void {}

  functionLibrary(source: Uint8Array): void {
    const text = new TextDecoder('latin1').decode(source);
    if (this.#libraries.has(text)) return;
    this.#libraries.add(text);
    this.#handler.functionLibrary(source);
  }

  moduleAux(payload: Uint8Array): void {
    if (this.#isFirst) this.#handler.moduleAux(payload);
  }

  entry(entry: RdbEntry): boolean {
    return this.#isForeign(entry) || this.#handler.entry(entry);
  }

  largeValue(entry: RdbEntry): ValueSink {
    this.#foreign = this.#isForeign(entry);
    return this.#foreign ? new ValueSkipper(entry.type) : this.#handler.largeValue(entry);
  }

  largeValueEnd(entry: RdbEntry): boolean {
    return this.#foreign || this.#handler.largeValueEnd(entry);
  }

  emptyKey(entry: RdbEntry): void {
    if (!this.#isForeign(entry)) this.#handler.emptyKey(entry);
  }

  end(checksum: Checksum): void {
    this.#checksum = checksum;
  }

  get #isFirst(): boolean {
    return this.#at === this.#first;
  }

  #isForeign({ keyBytes, keyStart, keyEnd }: RdbEntry): boolean {
    return this.#owner[keySlot(keyBytes, keyStart, keyEnd)] !== this.#at;
  }
}
