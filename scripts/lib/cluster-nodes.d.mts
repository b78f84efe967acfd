/** Types of the reader of CLUSTER NODES: see cluster-nodes.mjs. */

export interface NodeView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly role: 'primary' | 'replica';
  readonly isMyself: boolean;
  /** Suspected or agreed. */
  readonly isFailed: boolean;
  readonly isHandshake: boolean;
  /** Of a replica. */
  readonly primaryId: string | undefined;
  readonly configEpoch: number;
  readonly isLinked: boolean;
  /** First and last of each range. */
  readonly slots: readonly (readonly [number, number])[];
  /** Slot → the node it leaves for; only on the line of the node that was asked. */
  readonly migrating: ReadonlyMap<number, string>;
  /** Slot → the node it comes from. */
  readonly importing: ReadonlyMap<number, string>;
}

export declare function parseClusterNodes(text: string, host?: string): NodeView[];
export declare function ownership(views: readonly NodeView[]): string;
