/// <reference types="node" />
/** Types of the cluster client: see cluster-client.mjs. */
import type { Argument, Client, ConnectOptions, Reply } from './client.mjs';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface ClusterConnectOptions extends Omit<ConnectOptions, 'host' | 'port' | 'path' | 'db'> {
  readonly seeds: readonly Place[];
  /** How long redirections and passing states are followed; default 10 000. Then the last error is the reply. */
  readonly retryMs?: number;
}

export interface ClusterClient {
  /** Redirections and passing errors met so far. */
  readonly redirects: number;
  /** To the owner of the first key. An error reply rejects. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a reply's shape is the command's business
  call(...args: readonly Argument[]): Promise<any>;
  // oxlint-disable-next-line typescript/no-explicit-any
  text(...args: readonly Argument[]): Promise<any>;
  /** To the owner of this key's slot, whatever the command's own keys are. */
  // oxlint-disable-next-line typescript/no-explicit-any
  callFor(key: Argument, ...args: readonly Argument[]): Promise<any>;
  /** Independent commands, each to its owner; MULTI … EXEC stay together. Error replies are values in the result. */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  /** One after the other, to the owner of this key's slot. */
  pipelineTo(key: Argument, commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  /** On a connection to each node that owns slots, all at once. */
  everyPrimary<T>(action: (client: Client, place: Place) => T | Promise<T>): Promise<T[]>;
  /** Every key of the cluster, as its slot's owner has it. */
  scanAll(): Promise<Buffer[]>;
  /** `host:port` of those that own slots, as last heard. */
  primaries(): string[];
  ownerOf(slot: number): Place | undefined;
  /** The connection that is used for this node. */
  connectionTo(place: Place): Promise<Client>;
  /** Asks anew who owns what. */
  refresh(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

export declare function connectCluster(options: ClusterConnectOptions): Promise<ClusterClient>;
