/**
 * The life of a replication link as a total table: what may follow what. The link asks it for every
 * transition; a step that is not in the table is a bug, not a condition to be handled.
 *
 *   idle → greeting → asking → waiting → transfer → mark → streaming
 *                        └──────────(+CONTINUE)────────────↗
 *
 * Invariants (tested): 1. every state has an answer to every event, if only `undefined` (not allowed).
 * 2. `lost` and `stop` are allowed in every state but the two final ones, and lead to `closed`.
 * 3. bytes of a snapshot are only expected in `transfer`, of the stream only in `streaming`.
 * 4. `streaming` is only reached through a complete snapshot or a +CONTINUE.
 */
export const LINK_STATES = [
  'idle',
  'greeting',
  'asking',
  'waiting',
  'transfer',
  'mark',
  'streaming',
  'closed',
] as const;
export type LinkState = (typeof LINK_STATES)[number];

export const LINK_EVENTS = [
  'connected',
  'greeted',
  'full-resync',
  'continue',
  'header',
  'snapshot-end',
  'marked-end',
  'mark-ok',
  'lost',
  'stop',
] as const;
export type LinkEvent = (typeof LINK_EVENTS)[number];

type Row = Readonly<Record<LinkEvent, LinkState | undefined>>;

const NOTHING: Row = {
  connected: undefined,
  greeted: undefined,
  'full-resync': undefined,
  continue: undefined,
  header: undefined,
  'snapshot-end': undefined,
  'marked-end': undefined,
  'mark-ok': undefined,
  lost: undefined,
  stop: undefined,
};
const OPEN: Row = { ...NOTHING, lost: 'closed', stop: 'closed' };

const TABLE: Readonly<Record<LinkState, Row>> = {
  /** No connection yet. */
  idle: { ...OPEN, connected: 'greeting' },
  /** PING, AUTH and REPLCONF, one at a time. */
  greeting: { ...OPEN, greeted: 'asking' },
  /** PSYNC (or SYNC) is sent, its answer not here. SYNC has no answer line: the header comes at once. */
  asking: { ...OPEN, 'full-resync': 'waiting', continue: 'streaming' },
  /** +FULLRESYNC came; the primary is making its snapshot and sends newlines. */
  waiting: { ...OPEN, header: 'transfer' },
  /** The snapshot is coming: `snapshot-end` of a sized one, `marked-end` of one that ends with a mark. */
  transfer: { ...OPEN, 'snapshot-end': 'streaming', 'marked-end': 'mark' },
  /** The 40 bytes behind a diskless snapshot. */
  mark: { ...OPEN, 'mark-ok': 'streaming' },
  streaming: OPEN,
  closed: NOTHING,
};

/** The state after the event; undefined when the event must not happen there. */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState | undefined {
  return TABLE[state][event];
}
