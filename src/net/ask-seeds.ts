/**
 * Asks one address after the other until one has a good answer; each has little time, all together have a limit.
 */
import { ReplicantError } from '../errors.js';
import { Connection } from './connection.js';
import { type Address, type Endpoint, endpointAt, formatAddress } from './endpoint.js';
import { DENIED, type Side, UNREACHABLE } from './socket.js';

/** To connect to a seed, and for each answer of it. */
export const ASK_TIMEOUT_MS = 2000;
/** For all seeds together. */
export const LOCATE_TIMEOUT_MS = 15_000;

export type Opener = (endpoint: Endpoint, side: Side, timeoutMs: number) => Promise<Connection>;

const openDirectly: Opener = (endpoint, side, timeoutMs) => Connection.open(endpoint, side, timeoutMs);

export interface AskOptions<T> {
  readonly endpoint: Endpoint;
  readonly addresses: readonly Address[];
  readonly side: Side;
  /** What is looked for, for the error: `the primary of mymaster`. */
  readonly what: string;
  readonly open?: Opener;
  /** Ends the questions as if nobody had answered. */
  readonly signal?: AbortSignal | undefined;
  /** Undefined or an error: the next is asked. */
  ask(connection: Connection, endpoint: Endpoint): Promise<T | undefined>;
}

/**
 * The first good answer. Errors: DENIED when one refused us, otherwise what the only one said, or UNREACHABLE with
 * what each of them said.
 */
export async function askSeeds<T>(options: AskOptions<T>): Promise<T> {
  const { addresses, side, what, signal } = options;
  const deadline = Date.now() + LOCATE_TIMEOUT_MS;
  const errors: ReplicantError[] = [];
  for (const address of addresses) {
    if (Date.now() > deadline || signal?.aborted === true) break;
    try {
      const answer = await askSeed(options, address);
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!(error instanceof ReplicantError)) throw error;
      errors.push(error.within({ at: formatAddress(address) }));
    }
  }
  throw summarize(errors, side, what);
}

async function askSeed<T>(options: AskOptions<T>, address: Address): Promise<T | undefined> {
  const { endpoint, side, open = openDirectly, signal } = options;
  const place = endpointAt(endpoint, address);
  const connection = await open(place, side, ASK_TIMEOUT_MS);
  const stop = (): void => connection.close();
  signal?.addEventListener('abort', stop);
  try {
    return signal?.aborted === true ? undefined : await options.ask(connection, place);
  } finally {
    signal?.removeEventListener('abort', stop);
    connection.close();
  }
}

function summarize(errors: readonly ReplicantError[], side: Side, what: string): ReplicantError {
  const denied = errors.find(({ code }) => code === DENIED[side]);
  const [first] = errors;
  if (denied !== undefined) return denied;
  if (first !== undefined && errors.length === 1) return first;
  const final = errors.length > 0 && errors.every(({ retry }) => !retry);
  const texts = new Set(errors.map(({ message, place }) => `${place.at}: ${message}`));
  return new ReplicantError(
    final ? first!.code : UNREACHABLE[side],
    `none of the addresses of the ${side} says where ${what} is: ${[...texts].join('; ') || 'no answer'}`,
    { hint: first?.hint },
  );
}
