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
import { type Endpoint, formatAddress } from '../net/endpoint.js';
import { openSocket } from '../net/socket.js';
import { type CommandArg, encodeCommand } from '../resp/encode.js';
import { greetingSteps, type GreetingStep } from './greeting.js';
import { type LinkEvent, type LinkState, nextLinkState } from './link-state.js';
import { ackEveryMs, EAGER_ACK_EVERY_MS, isSilent } from './policies.js';
import { type Position, psyncArgs } from './position.js';
import { parsePsyncReply, parseTransferHeader, replicationDisabled, type TransferHeader } from './replies.js';

export interface LinkHandler {
  /** The source starts over. `offset` is what the snapshot includes; -1 from a source that only knows SYNC. */
  fullResync(replid: string, offset: number): void;
  /** The source goes on where we were, perhaps under a new replid. */
  continued(replid: string | undefined): void;
  transferHeader(header: TransferHeader): void;
  /** Snapshot bytes; returns the position behind what was taken. */
  snapshot(bytes: Uint8Array, start: number, end: number): number;
  /** The snapshot's own end mark and checksum have been taken. */
  readonly snapshotDone: boolean;
  /** The transfer is over: judge the snapshot; throwing ends the link. */
  snapshotEnd(): void;
  /** Stream bytes; returns the position behind what was taken. */
  stream(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes in one piece that `snapshot` or `stream` needs to get on; 0 when not known. */
  readonly needed: number;
  /** Nothing more can be taken now. */
  readonly blocked: boolean;
  /** What to acknowledge; 0 before anything is applied. */
  readonly acknowledged: number;
}

export interface LinkOptions {
  readonly source: Endpoint;
  readonly window: ByteWindow;
  readonly handler: LinkHandler;
  readonly psyncCommand: string;
  readonly position: Position | undefined;
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const STEP_TIMEOUT_MS = 10_000;
const LF = 10;
const MARK_BYTES = 40;
const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = new Uint8Array([LF]);
const latin = new TextDecoder('latin1');

export class ReplicationLink {
  readonly #o: LinkOptions;
  readonly #at: string;
  #state: LinkState = 'idle';
  #socket: Socket | undefined;
  #steps: GreetingStep[] = [];
  #header: TransferHeader | undefined;
  /** Bytes of a sized snapshot still to come. */
  #left = 0;
  #syncSent = false;
  #paused = false;
  #lastByteMs = 0;
  #snapshotEndMs = 0;
  #lastAckMs = 0;
  #streamBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #end: (error: ReplicantError | undefined) => void = () => {};
  #stepStartedMs = 0;
  bytesReceived = 0;

  constructor(options: LinkOptions) {
    this.#o = options;
    this.#at = formatAddress(options.source.address);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Runs until the link ends: resolves after `stop`, rejects with what broke it. */
  async run(): Promise<void> {
    const { source, window } = this.#o;
    window.clear();
    const reader = {
      room: () => window.room(),
      received: (count: number, where: Uint8Array) => this.#received(count, where),
    };
    const socket = await openSocket(source, 'source', reader, this.#o.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    if (this.#state === 'closed') {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    socket.on('error', (error) => this.#lose(this.#lost(error.message)));
    socket.on('close', () => this.#lose(this.#lost('the source closed the connection')));
    this.#lastByteMs = Date.now();
    this.#step('connected');
    this.#steps = greetingSteps(source);
    this.#timer = setInterval(() => this.#tick(Date.now()), EAGER_ACK_EVERY_MS);
    this.#sendStep();
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

  /** Ends the link with an error; the first one counts. */
  #lose(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#close('lost');
    const known = error instanceof ReplicantError ? error : undefined;
    this.#end(known?.within({ at: this.#at }) ?? new ReplicantError('INTERNAL', String(error), { cause: error }));
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
      for (let before = -1; before !== window.start && window.length > 0 && !handler.blocked; ) {
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
        this.#snapshot();
        return;
      case 'mark':
        this.#mark();
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
      if (end - start > MAX_LINE_BYTES) throw new ReplicantError('SOURCE_PROTOCOL', 'a reply line without an end');
      return;
    }
    const line = latin.decode(bytes.subarray(start, start + stop)).replace(/\r$/, '');
    window.take(start + stop + 1);
    this.#stepStartedMs = Date.now();
    if (this.#state === 'greeting') this.#greeted(line);
    else if (this.#state === 'asking' && !this.#syncSent) this.#psyncAnswered(line);
    else this.#transferHeader(line);
  }

  #sendStep(): void {
    const step = this.#steps[0];
    if (step !== undefined) {
      this.#send(step.send);
      return;
    }
    this.#step('greeted');
    this.#send([this.#o.psyncCommand, ...psyncArgs(this.#o.position)]);
  }

  #greeted(line: string): void {
    const error = this.#steps.shift()!.judge(line);
    if (error !== undefined) throw error;
    this.#sendStep();
  }

  #psyncAnswered(line: string): void {
    const { handler, psyncCommand } = this.#o;
    const reply = parsePsyncReply(line);
    switch (reply.kind) {
      case 'full-resync':
        handler.fullResync(reply.replid, reply.offset);
        this.#step('full-resync');
        return;
      case 'continue':
        handler.continued(reply.replid);
        this.#step('continue');
        this.#snapshotEndMs = 0;
        return;
      case 'unknown-command':
        if (psyncCommand.toUpperCase() !== 'PSYNC') throw replicationDisabled(psyncCommand);
        this.#syncSent = true;
        this.#send(['SYNC']);
        return;
      default:
        throw reply.error;
    }
  }

  #transferHeader(line: string): void {
    const { handler, psyncCommand } = this.#o;
    if (this.#state === 'asking') {
      if (/^-ERR unknown command/i.test(line)) throw replicationDisabled(psyncCommand);
      const header = parseTransferHeader(line);
      handler.fullResync('', -1);
      this.#step('full-resync');
      this.#begin(header);
      return;
    }
    this.#begin(parseTransferHeader(line));
  }

  #begin(header: TransferHeader): void {
    this.#header = header;
    this.#left = header.kind === 'sized' ? header.bytes : Number.POSITIVE_INFINITY;
    this.#o.handler.transferHeader(header);
    this.#step('header');
  }

  #snapshot(): void {
    const { window, handler } = this.#o;
    const before = window.start;
    const end = Math.min(window.end, before + this.#left);
    const next = handler.snapshot(window.bytes, before, end);
    this.#left -= next - before;
    window.take(next);
    if (handler.snapshotDone) {
      if (this.#left > 0 && this.#header?.kind === 'sized') {
        throw new ReplicantError('RDB_CORRUPT', `${this.#left} bytes behind the end of the snapshot`);
      }
      if (this.#header?.kind === 'marked') this.#step('marked-end');
      else this.#snapshotEnd('snapshot-end');
      return;
    }
    if (next === end && this.#left === 0) {
      throw new ReplicantError('RDB_TRUNCATED', 'the snapshot ends before its end mark');
    }
  }

  #mark(): void {
    const { window } = this.#o;
    const { bytes, start } = window;
    if (window.length < MARK_BYTES) return;
    const mark = latin.decode(bytes.subarray(start, start + MARK_BYTES));
    if (this.#header?.kind !== 'marked' || mark !== this.#header.mark) {
      throw new ReplicantError('SOURCE_PROTOCOL', 'the snapshot is not followed by the mark that was announced');
    }
    window.take(start + MARK_BYTES);
    this.#snapshotEnd('mark-ok');
  }

  #snapshotEnd(event: 'snapshot-end' | 'mark-ok'): void {
    this.#o.handler.snapshotEnd();
    this.#step(event);
    this.#snapshotEndMs = Date.now();
    this.acknowledge();
  }

  #tick(nowMs: number): void {
    if (isSilent(nowMs, this.#lastByteMs, this.#paused)) {
      this.#lose(this.#lost('no byte for 60 s (it should send a PING every 10 s)'));
      return;
    }
    const stepping = this.#state === 'greeting';
    if (stepping && nowMs - this.#stepStartedMs > STEP_TIMEOUT_MS) {
      const step = this.#steps[0]?.send.join(' ') ?? '';
      this.#lose(this.#lost(`no answer to ${step.startsWith('AUTH') ? 'AUTH' : step} within 10 s`));
      return;
    }
    const every = ackEveryMs(nowMs - this.#snapshotEndMs, this.#streamBytes);
    if (nowMs - this.#lastAckMs < every) return;
    if (this.#state === 'streaming') {
      this.acknowledge();
    } else if (this.#state === 'transfer' || this.#state === 'mark' || this.#state === 'waiting') {
      this.#lastAckMs = nowMs;
      this.#socket?.write(NEWLINE);
    }
  }
}
