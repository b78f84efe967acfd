/**
 * The news of one Sentinel: a connection that is subscribed to `+switch-master` and opened again after a break. A
 * message is `[message, +switch-master, "name old-host old-port new-host new-port"]`. PINGs show whether it is alive.
 */
import { ReplicantError } from '../errors.js';
import { ASK_TIMEOUT_MS } from '../net/ask-seeds.js';
import type { Connection } from '../net/connection.js';
import type { Endpoint } from '../net/endpoint.js';
import { openSentinel } from '../net/locate-primary.js';
import type { Side } from '../net/socket.js';
import { encodeCommand } from '../resp/encode.js';
import { ReplyDecoder, replyText } from '../resp/reply-decoder.js';
import { replyList } from './reply-fields.js';

const CHANNEL = '+switch-master';
const PING_EVERY_MS = 5000;
const SILENT_MS = 15_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

export class SentinelListener {
  readonly #place: Endpoint;
  readonly #side: Side;
  readonly #master: string;
  readonly #heard: () => void;
  #connection: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #closed = false;

  /** `heard`: the primary has changed, or messages may have been missed. */
  constructor(place: Endpoint, side: Side, master: string, heard: () => void) {
    this.#place = place;
    this.#side = side;
    this.#master = master;
    this.#heard = heard;
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#connection?.close();
  }

  async #open(): Promise<void> {
    try {
      const connection = await openSentinel(this.#place, this.#side, ASK_TIMEOUT_MS);
      this.#connection = connection;
      if (this.#closed) connection.close();
      await connection.request(['SUBSCRIBE', CHANNEL], ASK_TIMEOUT_MS);
      this.#listen(connection);
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      this.#again();
    }
  }

  #listen(connection: Connection): void {
    const decoder = new ReplyDecoder();
    let lastMs = Date.now();
    const socket = connection.takeOver({
      received: (bytes, start, end) => {
        lastMs = Date.now();
        this.#read(decoder, bytes.subarray(start, end), connection);
      },
      closed: () => this.#again(),
    });
    if (connection.closed) return;
    const beat = (): void => {
      if (Date.now() - lastMs > SILENT_MS) socket.destroy();
      else socket.write(encodeCommand(['PING']));
      this.#timer = setTimeout(beat, PING_EVERY_MS);
    };
    this.#timer = setTimeout(beat, PING_EVERY_MS);
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#heard();
  }

  #read(decoder: ReplyDecoder, bytes: Uint8Array, connection: Connection): void {
    try {
      decoder.push(bytes);
      for (let reply = decoder.next(); reply !== undefined; reply = decoder.next()) {
        const [kind, channel, text] = (replyList(reply) ?? []).map(replyText);
        if (kind === 'message' && channel === CHANNEL && text?.split(' ')[0] === this.#master) this.#heard();
      }
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      connection.close();
      this.#again();
    }
  }

  #again(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#open(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }
}
