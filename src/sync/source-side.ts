/**
 * Keeps a link to the source: when one breaks, waits a little and opens the next where the spool ends. It knows
 * nothing of the target; what must not happen is that snapshots are asked for again and again, since each costs
 * the source a fork: those come further and further apart until one has been loaded.
 */
import { ByteWindow } from '../bytes/window.js';
import { formatError, ReplicantError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import { formatEndpoint } from '../net/endpoint.js';
import { Client } from '../net/client.js';
import { locate } from '../net/locate.js';
import { ReplicationLink } from '../replication/link.js';
import { BUSY, backOffMs, FULL_RESYNC, RECONNECT } from '../replication/policies.js';
import { formatPosition, type Position } from '../replication/position.js';
import type { Intake } from './intake.js';
import { sleep } from './patience.js';
import { canContinue, readBacklog } from './server-info.js';
import type { Emit } from './status.js';

export interface SourceSideOptions {
  readonly source: Endpoint;
  readonly psyncCommand: string;
  readonly intake: Intake;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** A snapshot that was coming in will not be completed. */
  readonly snapshotLost: () => void;
  /** Waits until this host may be asked for a snapshot; resolves to what gives the turn back. */
  readonly snapshotTurn?: ((host: string) => Promise<() => void>) | undefined;
}

/** Handshake lines and what is on its way into the spool. */
const WINDOW_BYTES = 256 * 1024;

export class SourceSide {
  readonly #o: SourceSideOptions;
  readonly #at: string;
  #link: ReplicationLink | undefined;
  /** Where the present link began; undefined: it asked for a snapshot. */
  #askedFrom: Position | undefined;
  /** The present link has begun to bring a snapshot. */
  #began = false;
  #wanted: AbortController = new AbortController();
  #started: (() => void) | undefined;
  readonly #begun: Promise<void>;
  #attempt = 0;
  /** Snapshots asked for since one was last loaded. */
  #snapshots = 0;
  #snapshotWaitMs = 0;
  #waitingFor: string | undefined;
  #turn: (() => void) | undefined;

  constructor(options: SourceSideOptions) {
    this.#o = options;
    this.#at = formatEndpoint(options.source);
    this.#begun = new Promise((resolve) => {
      this.#started = resolve;
    });
    options.signal.addEventListener('abort', () => {
      this.#link?.stop();
      this.#wanted.abort();
      this.#started?.();
    });
  }

  /** Runs until stopped; rejects with what can't be helped. Does nothing before `begin` or `demandSnapshot`. */
  async run(): Promise<void> {
    await this.#begun;
    while (!this.#o.signal.aborted) {
      this.#wanted = new AbortController();
      // oxlint-disable-next-line no-await-in-loop -- one link after the other
      await this.#attemptOnce();
    }
  }

  /** Opens a link where the spool ends, unless one is open. */
  begin(): void {
    this.#started?.();
  }

  /** The spool ends elsewhere now: opens a link there. */
  beginAnew(): void {
    this.#started?.();
    this.#again();
  }

  /** Only a new snapshot will do. One that has been asked for and not begun is fine. */
  demandSnapshot(): void {
    this.#started?.();
    if (this.#link !== undefined && (this.#askedFrom !== undefined || this.#began)) this.#again();
  }

  /** An earlier run has taken `count` snapshots in vain, the last so long ago. */
  rememberSnapshots(count: number, agoMs: number): void {
    this.#snapshots = count;
    if (count > 0) this.#snapshotWaitMs = backOffMs(FULL_RESYNC, count - 1, Math.random()) - agoMs;
  }

  /** Snapshots taken since one was last loaded. */
  get snapshotsInVain(): number {
    return this.#snapshots;
  }

  /** A snapshot has been loaded: the next may be asked for at once. */
  loaded(): void {
    this.#snapshots = 0;
    this.#snapshotWaitMs = 0;
  }

  /** Why there is no link, in plain words; undefined when there is one. */
  get waitingFor(): string | undefined {
    return this.#waitingFor;
  }

  /** The server that the present link leads to; undefined when there is none. */
  get address(): string | undefined {
    return this.#link?.address;
  }

  /** The source answers as it should. */
  works(): void {
    this.#attempt = 0;
    this.#waitingFor = undefined;
  }

  snapshotBegins(): void {
    this.#began = true;
    this.#snapshotWaitMs = backOffMs(FULL_RESYNC, this.#snapshots++, Math.random());
  }

  /** The spool has room again. It may say so while the link is giving it something: not before that is over. */
  resume(): void {
    setImmediate(() => this.#link?.resume());
  }

  acknowledge(): void {
    this.#link?.acknowledge();
  }

  #again(): void {
    this.#wanted.abort();
    this.#link?.stop();
  }

  async #attemptOnce(): Promise<void> {
    const { intake, signal, emit, source, psyncCommand } = this.#o;
    if (intake.position === undefined && this.#snapshotWaitMs > 0) {
      const waitMs = this.#snapshotWaitMs;
      this.#snapshotWaitMs = 0;
      this.#waitingFor = 'the time until the source may be asked for another snapshot';
      emit(
        'warn',
        'waiting',
        `${this.#snapshots} ${this.#snapshots === 1 ? 'snapshot was' : 'snapshots were'} taken and not loaded; as each costs the source a fork, the next is asked for in ${seconds(waitMs)} s`,
      );
      await this.#pause(waitMs);
      if (signal.aborted) return;
    }
    this.#askedFrom = intake.position;
    this.#began = false;
    const link = new ReplicationLink({
      ...{ source, psyncCommand, handler: intake, position: this.#askedFrom },
      window: new ByteWindow(new Uint8Array(WINDOW_BYTES)),
    });
    this.#link = link;
    emit('debug', 'connecting', `connecting to ${this.#at}`);
    try {
      if (!(await this.#takeTurn())) return;
      await link.run();
      this.#lost();
    } catch (error) {
      this.#lost();
      if (signal.aborted || this.#wanted.signal.aborted) return;
      if (!(error instanceof ReplicantError) || !error.retry) throw error;
      await this.#recover(error);
    }
  }

  /** Several shards take their snapshots one after the other. False when this one's is not wanted any more. */
  async #takeTurn(): Promise<boolean> {
    const { snapshotTurn, source, signal } = this.#o;
    this.#endTurn();
    if (snapshotTurn === undefined) return true;
    const place = await locate(source, 'source');
    if (this.#askedFrom !== undefined && (await goesOn(place, this.#askedFrom))) return true;
    this.#waitingFor = 'its turn to ask the source for a snapshot';
    const turn = await snapshotTurn(place.address.kind === 'tcp' ? place.address.host : place.address.path);
    this.#waitingFor = undefined;
    if (signal.aborted || this.#wanted.signal.aborted) {
      turn();
      return false;
    }
    this.#turn = turn;
    return true;
  }

  #endTurn(): void {
    this.#turn?.();
    this.#turn = undefined;
  }

  /** The snapshot has come in. */
  snapshotReceived(): void {
    this.#endTurn();
  }

  #lost(): void {
    this.#endTurn();
    this.#link = undefined;
    if (this.#o.intake.linkLost()) this.#o.snapshotLost();
  }

  async #recover(error: ReplicantError): Promise<void> {
    const { intake, emit } = this.#o;
    const { position } = intake;
    const policy = error.code.endsWith('_BUSY') ? BUSY : RECONNECT;
    const waitMs = backOffMs(policy, this.#attempt++, Math.random());
    this.#waitingFor = error.message;
    const anew = this.#snapshots > 0 ? 'a new full copy will be taken, trying' : 'trying again';
    const next = position === undefined ? anew : `trying to go on at ${formatPosition(position)}`;
    const event = error.code.endsWith('_BUSY') ? 'waiting' : 'link-lost';
    emit('warn', event, `${formatError(error)}; ${next} in ${seconds(waitMs)} s`, {
      attempt: this.#attempt - 1,
      waitMs,
    });
    await this.#pause(waitMs);
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, this.#wanted.signal);
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** Will the source go on here without a snapshot? When it does not say, it is asked. */
async function goesOn(source: Endpoint, position: Position): Promise<boolean> {
  const client = await Client.connect(source, 'source');
  try {
    const info = await client.ask('INFO', 'replication');
    const backlog = info === undefined ? undefined : readBacklog(info);
    return backlog === undefined || canContinue(backlog, position);
  } finally {
    client.close();
  }
}
