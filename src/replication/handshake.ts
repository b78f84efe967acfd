/**
 * The conversation up to the snapshot or the stream, line by line: greeting, PSYNC (or SYNC where that is
 * unknown), transfer header. Knows no socket: it is given the lines and a way to send.
 */
import type { GreetingStep } from './greeting.js';
import { type Position, psyncArgs } from './position.js';
import { parsePsyncReply, parseTransferHeader, replicationDisabled, type TransferHeader } from './replies.js';

export interface HandshakeHandler {
  send(args: readonly string[]): void;
  /** The greeting is over and PSYNC sent. */
  greeted(): void;
  /** `offset` is what the snapshot includes; -1 from a source that only knows SYNC. */
  fullResync(replid: string, offset: number): void;
  continued(replid: string | undefined): void;
  header(header: TransferHeader): void;
}

export interface HandshakeOptions {
  readonly steps: readonly GreetingStep[];
  readonly psyncCommand: string;
  readonly position: Position | undefined;
}

export class Handshake {
  readonly #o: HandshakeOptions;
  readonly #handler: HandshakeHandler;
  #next = 0;
  #stage: 'greeting' | 'asked' | 'sync-asked' | 'full' = 'greeting';

  constructor(options: HandshakeOptions, handler: HandshakeHandler) {
    this.#o = options;
    this.#handler = handler;
  }

  /** What is waiting for its answer, without secrets. */
  get waitingFor(): string {
    const step = this.#o.steps[this.#next]?.send ?? [this.#o.psyncCommand];
    return step[0] === 'AUTH' ? 'AUTH' : step.join(' ');
  }

  /** Says the first, or the next thing. */
  proceed(): void {
    const step = this.#o.steps[this.#next];
    if (step !== undefined) {
      this.#handler.send(step.send);
      return;
    }
    this.#stage = 'asked';
    this.#handler.greeted();
    this.#handler.send([this.#o.psyncCommand, ...psyncArgs(this.#o.position)]);
  }

  /** The source has said something. */
  line(line: string): void {
    switch (this.#stage) {
      case 'greeting': {
        const error = this.#o.steps[this.#next++]?.judge(line);
        if (error !== undefined) throw error;
        this.proceed();
        return;
      }
      case 'asked':
        this.#psyncAnswered(line);
        return;
      case 'sync-asked':
        this.#syncAnswered(line);
        return;
      default:
        this.#handler.header(parseTransferHeader(line));
    }
  }

  #psyncAnswered(line: string): void {
    const { psyncCommand } = this.#o;
    // Servers take a PSYNC that was renamed for a SYNC: no position, the transfer begins at once.
    if (line.startsWith('$')) {
      this.#syncAnswered(line);
      return;
    }
    const reply = parsePsyncReply(line);
    switch (reply.kind) {
      case 'full-resync':
        this.#stage = 'full';
        this.#handler.fullResync(reply.replid, reply.offset);
        return;
      case 'continue':
        this.#handler.continued(reply.replid);
        return;
      case 'unknown-command':
        if (psyncCommand.toUpperCase() !== 'PSYNC') throw replicationDisabled(psyncCommand);
        this.#stage = 'sync-asked';
        this.#handler.send(['SYNC']);
        return;
      default:
        throw reply.error;
    }
  }

  /** SYNC is answered by the transfer itself. */
  #syncAnswered(line: string): void {
    if (/^-ERR unknown command/i.test(line)) throw replicationDisabled(this.#o.psyncCommand);
    const header = parseTransferHeader(line);
    this.#handler.fullResync('', -1);
    this.#handler.header(header);
  }
}
