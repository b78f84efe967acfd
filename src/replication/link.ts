/**
 * One connection to a primary, as its replica: greeting, PSYNC, snapshot, stream, acknowledgements. The only
 * file of this folder with a socket. It is used once; whoever owns it decides whether to open another.
 *
 * Bytes are read straight into the window and offered to the handler in place; the handler takes whole
 * records and may be `blocked`, in which case nothing more is read until `resume`. A listening port is
 * never announced: Sentinel must not take us for a replica to promote (replication §13).
 */
import type { Socket } from 'node:net';
import type { ByteWindow } from '../bytes/window.js';
import { ReplicantError } from '../errors.js';
import { type Endpoint, formatAddress, formatEndpoint } from '../net/endpoint.js';
import { locate } from '../net/locate.js';
import { openSocket } from '../net/socket.js';
import { type CommandArg, encodeCommand } from '../resp/encode.js';
import { greetingSteps } from './greeting.js';
import { Handshake } from './handshake.js';
import { type LinkEvent, type LinkState, nextLinkState } from './link-state.js';
import { ackEveryMs, EAGER_ACK_EVERY_MS, isSilent } from './policies.js';
import type { Position } from './position.js';
import type { TransferHeader } from './replies.js';
import { MARK_BYTES, type SnapshotReader, Transfer } from './transfer.js';

export interface LinkHandler extends SnapshotReader {
  /** The source starts over. `offset` is what the snapshot includes; -1 from a source that only knows SYNC. */
  fullResync(replid: string, offset: number): void;
  /** The source goes on where we were, perhaps under a new replid. */
  continued(replid: string | undefined): void;
  transferHeader(header: TransferHeader): void;
  /** The transfer is over: judge the snapshot; throwing ends the link. */
  snapshotEnd(): void;
  /** Stream bytes; returns the position behind what was taken. */
  stream(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes in one piece that `snapshot` or `stream` needs to get on; 0 when not known. */
  readonly needed: number;
  /** What to acknowledge; 0 before anything is applied. */
  readonly acknowledged: number;
}

export interface LinkOptions {
  readonly source: Endpoint;
  readonly window: ByteWindow;
  readonly handler: LinkHandler;
  readonly psyncCommand: string;
  readonly position: Position | undefined;
  /** Ask for a snapshot without the stream after it; a source that does not know that streams until we hang up. */
  readonly rdbOnly?: boolean;
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const STEP_TIMEOUT_MS = 10_000;
const LF = 10;
const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = new Uint8Array([LF]);
const latin = new TextDecoder('latin1');

/** Attaches to a primary as its replica would; `run` on the result starts it. */
export function openReplica(options: LinkOptions): ReplicationLink {
  return new ReplicationLink(options);
}

export class ReplicationLink {
  readonly #o: LinkOptions;
  /** For errors: where it is connected to, once that is known. */
  #at: string;
  #address: string | undefined;
  #state: LinkState = 'idle';
  #socket: Socket | undefined;
  #handshake: Handshake | undefined;
  #transfer: Transfer | undefined;
  #paused = false;
  #lastByteMs = 0;
  #snapshotEndMs = 0;
  #lastAckMs = 0;
  #streamBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #end: (error: ReplicantError | undefined) => void = () => {};
  #stepStartedMs = 0;
  /** The source has hung up. */
  #gone: ReplicantError | undefined;
  bytesReceived = 0;

  constructor(options: LinkOptions) {
    this.#o = options;
    this.#at = formatEndpoint(options.source);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The server at the other end; undefined when there is no connection. */
  get address(): string | undefined {
    return this.#state === 'closed' ? undefined : this.#address;
  }

  /** Runs until the link ends: resolves after `stop`, rejects with what broke it. */
  async run(): Promise<void> {
    const { source, window } = this.#o;
    window.clear();
    const reader = {
      room: () => window.room(),
      received: (count: number, where: Uint8Array) => this.#received(count, where),
    };
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    const place = await Promise.race([locate(source, 'source'), ended]);
    if (place === undefined || this.state === 'closed') return;
    this.#at = formatAddress(place.address);
    const socket = await openSocket(place, 'source', reader, this.#o.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    if (this.#state === 'closed') {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    this.#address = this.#at;
    socket.on('error', (error) => this.#hungUp(error.message));
    socket.on('close', () => this.#hungUp('the source closed the connection'));
    this.#lastByteMs = Date.now();
    this.#step('connected');
    this.#timer = setInterval(() => this.#tick(Date.now()), EAGER_ACK_EVERY_MS);
    this.#handshake = this.#conversation();
    this.#handshake.proceed();
    await ended;
  }

  stop(): void {
    if (this.#state === 'closed') return;
    this.#close('stop');
    this.#end(undefined);
  }

  /** The handler can take more again. */
  resume(): void {
    if (this.#state === 'closed') return;
    this.#process();
    if (this.#gone !== undefined && !this.#o.handler.blocked) this.#lose(this.#gone);
    if (this.#paused && !this.#o.handler.blocked) {
      this.#paused = false;
      this.#lastByteMs = Date.now();
      this.#socket?.resume();
    }
  }

  /** Acknowledges at once, out of turn. */
  acknowledge(): void {
    if (this.#state !== 'streaming') return;
    this.#lastAckMs = Date.now();
    this.#send(['REPLCONF', 'ACK', this.#o.handler.acknowledged]);
  }

  #send(args: readonly CommandArg[]): void {
    this.#socket?.write(encodeCommand(args));
  }

  #step(event: LinkEvent): void {
    const next = nextLinkState(this.#state, event);
    if (next === undefined) {
      throw new ReplicantError('INTERNAL', `link event ${event} in state ${this.#state}`);
    }
    this.#state = next;
    this.#stepStartedMs = Date.now();
  }

  #lost(message: string): ReplicantError {
    return new ReplicantError('SOURCE_UNREACHABLE', `lost the link to the source: ${message}`, {
      place: { at: this.#at },
    });
  }

  /** No more will come. What is here and waits for the handler may be all that was wanted. */
  #hungUp(message: string): void {
    this.#gone ??= this.#lost(message);
    if (!this.#o.handler.blocked || this.#o.window.length === 0) this.#lose(this.#gone);
  }

  /** Ends the link with an error; the first one counts. */
  #lose(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#close('lost');
    const known = error instanceof ReplicantError ? error : undefined;
    this.#end(
      known?.within({ at: this.#at }) ?? new ReplicantError('INTERNAL', String(error), { cause: error }),
    );
  }

  #close(event: 'lost' | 'stop'): void {
    this.#step(event);
    clearInterval(this.#timer);
    this.#socket?.destroy();
  }

  #received(count: number, where: Uint8Array): boolean {
    if (this.#state === 'closed') return false;
    this.#o.window.commit(count, where);
    this.bytesReceived += count;
    this.#lastByteMs = Date.now();
    this.#process();
    this.#paused = this.#o.handler.blocked;
    return !this.#paused;
  }

  #process(): void {
    const { window, handler } = this.#o;
    try {
      for (let before = -1; before !== window.start && window.length > 0 && !handler.blocked;) {
        before = window.start;
        const { state } = this;
        this.#processState();
        if (this.state !== state) before = -1;
        if (this.state === 'closed') return;
      }
      this.#makeRoom();
    } catch (error) {
      this.#lose(error);
    }
  }

  /** A record larger than the window: the window grows. */
  #makeRoom(): void {
    const { window, handler } = this.#o;
    if (handler.blocked) return;
    if (handler.needed > window.bytes.length) window.require(handler.needed);
    else if (window.full) window.require(window.length * 2);
  }

  #processState(): void {
    const { window, handler } = this.#o;
    switch (this.#state) {
      case 'greeting':
      case 'asking':
      case 'waiting':
        this.#line();
        return;
      case 'transfer':
        this.#snapshot(this.#transfer!);
        return;
      case 'mark':
        this.#mark(this.#transfer!);
        return;
      case 'streaming': {
        const before = window.start;
        window.take(handler.stream(window.bytes, window.start, window.end));
        this.#streamBytes += window.start - before;
        return;
      }
      default:
    }
  }

  /** One line of the handshake. Bare newlines only keep us patient. */
  #line(): void {
    const { window } = this.#o;
    const { bytes, start, end } = window;
    if (bytes[start] === LF) {
      window.take(start + 1);
      return;
    }
    const stop = bytes.subarray(start, end).indexOf(LF);
    if (stop < 0) {
      if (end - start > MAX_LINE_BYTES)
        throw new ReplicantError('SOURCE_PROTOCOL', 'a reply line without an end');
      return;
    }
    const line = latin.decode(bytes.subarray(start, start + stop)).replace(/\r$/, '');
    window.take(start + stop + 1);
    this.#stepStartedMs = Date.now();
    this.#handshake?.line(line);
  }

  /** What the conversation leads to. */
  #conversation(): Handshake {
    const { handler, source, psyncCommand, position } = this.#o;
    return new Handshake(
      { steps: greetingSteps(source, this.#o.rdbOnly), psyncCommand, position },
      {
        send: (args) => this.#send(args),
        greeted: () => this.#step('greeted'),
        fullResync: (replid, offset) => {
          handler.fullResync(replid, offset);
          this.#step('full-resync');
        },
        continued: (replid) => {
          handler.continued(replid);
          this.#step('continue');
        },
        header: (header) => {
          this.#transfer = new Transfer(handler, header);
          handler.transferHeader(header);
          this.#step('header');
        },
      },
    );
  }

  #snapshot(transfer: Transfer): void {
    const { window, handler } = this.#o;
    window.take(transfer.feed(window.bytes, window.start, window.end));
    if (!handler.snapshotDone) return;
    if (transfer.marked) this.#step('marked-end');
    else this.#snapshotEnd('snapshot-end');
  }

  #mark(transfer: Transfer): void {
    const { window } = this.#o;
    if (window.length < MARK_BYTES) return;
    transfer.checkMark(window.bytes, window.start);
    window.take(window.start + MARK_BYTES);
    this.#snapshotEnd('mark-ok');
  }

  #snapshotEnd(event: 'snapshot-end' | 'mark-ok'): void {
    this.#o.handler.snapshotEnd();
    // The handler may have had all it wanted.
    if (this.#state === 'closed') return;
    this.#step(event);
    this.#snapshotEndMs = Date.now();
    this.acknowledge();
  }

  #tick(nowMs: number): void {
    if (isSilent(nowMs, this.#lastByteMs, this.#paused)) {
      this.#lose(this.#lost('no byte for 60 s (it should send a PING every 10 s)'));
      return;
    }
    if (this.#state === 'greeting' && nowMs - this.#stepStartedMs > STEP_TIMEOUT_MS) {
      this.#lose(this.#lost(`no answer to ${this.#handshake?.waitingFor ?? 'anything'} within 10 s`));
      return;
    }
    const every = ackEveryMs(nowMs - this.#snapshotEndMs, this.#streamBytes);
    if (nowMs - this.#lastAckMs < every) return;
    if (this.#state === 'streaming') {
      this.acknowledge();
    } else if (this.#state === 'transfer' || this.#state === 'mark' || this.#state === 'waiting') {
      // A primary that hangs up behind the snapshot must have nothing of ours unread: its kernel would throw
      // away what we have not received. It needs no sign of life during the transfer either.
      if (this.#o.rdbOnly === true && this.#state !== 'waiting') return;
      this.#lastAckMs = nowMs;
      this.#socket?.write(NEWLINE);
    }
  }
}
