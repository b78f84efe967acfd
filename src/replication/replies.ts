/**
 * What a primary answers during the handshake and before a transfer, and what it means for us.
 * Facts: replication §2.1–2.7, §3.
 */
import { ReplicantError } from '../errors.js';

export type PsyncReply =
  | { readonly kind: 'full-resync'; readonly replid: string; readonly offset: number }
  /** `replid` when the history goes on under a new name (PSYNC2). */
  | { readonly kind: 'continue'; readonly replid: string | undefined }
  /** PSYNC is not known there: try SYNC (2.6). */
  | { readonly kind: 'unknown-command' }
  | { readonly kind: 'refused'; readonly error: ReplicantError };

export function parsePsyncReply(line: string): PsyncReply {
  const full = /^\+FULLRESYNC ([0-9a-zA-Z]{40}) (\d{1,15})$/.exec(line);
  if (full !== null) return { kind: 'full-resync', replid: full[1]!.toLowerCase(), offset: Number(full[2]) };
  const again = /^\+CONTINUE(?: ([0-9a-zA-Z]{40}))?\s*$/.exec(line);
  if (again !== null) return { kind: 'continue', replid: again[1]?.toLowerCase() };
  if (/^-ERR unknown command/i.test(line)) return { kind: 'unknown-command' };
  return { kind: 'refused', error: psyncRefusal(line) };
}

interface Refusal {
  readonly pattern: RegExp;
  readonly code: 'SOURCE_BUSY' | 'SOURCE_DENIED' | 'SOURCE_PROTOCOL';
  readonly says: string;
  readonly hint: string;
}

/** Every refusal of §2.7 with its own words, most telling first. */
const REFUSALS: readonly Refusal[] = [
  {
    pattern: /^-(NOMASTERLINK|ERR Can't SYNC while not connected)/,
    code: 'SOURCE_BUSY',
    says: 'the source is a replica without a link to its primary',
    hint: 'it will be tried again; or use the primary itself as the source',
  },
  {
    pattern: /^-LOADING/,
    code: 'SOURCE_BUSY',
    says: 'the source is loading its data',
    hint: 'it will be tried again',
  },
  {
    pattern: /^-(MASTERDOWN|BUSY)/,
    code: 'SOURCE_BUSY',
    says: 'the source is busy',
    hint: 'it will be tried again',
  },
  {
    pattern: /pending output/,
    code: 'SOURCE_BUSY',
    says: 'the source still had replies to send',
    hint: 'it will be tried again on a new connection',
  },
  {
    pattern: /BGSAVE failed|Unable to perform background save/,
    code: 'SOURCE_BUSY',
    says: 'the source could not save a snapshot (fork or disk)',
    hint: "look at the source's log; it will be tried again",
  },
  {
    pattern: /^-(NOAUTH|WRONGPASS|ERR operation not permitted|ERR invalid password)/,
    code: 'SOURCE_DENIED',
    says: 'the source wants another user or password',
    hint: 'check the URL, or REPLICANT_SOURCE_PASSWORD',
  },
  {
    pattern: /^-DENIED/,
    code: 'SOURCE_DENIED',
    says: 'the source only talks to its own machine',
    hint: 'it is in protected mode: set a password there, or bind it to an address (protected-mode no)',
  },
  {
    pattern: /^-ERR max number of clients/,
    code: 'SOURCE_BUSY',
    says: 'the source has all the clients it takes',
    hint: 'it will be tried again; maxclients on the source limits them',
  },
  {
    pattern: /^-NOPERM/,
    code: 'SOURCE_DENIED',
    says: 'this user may not replicate',
    hint: 'the user needs +psync +replconf +ping (ACL SETUSER name on >password +psync +replconf +ping)',
  },
  {
    pattern: /EOF capability|syntax error/,
    code: 'SOURCE_PROTOCOL',
    says: 'the source did not take the replication options',
    hint: 'please report this with the version of the source',
  },
];

export function psyncRefusal(line: string): ReplicantError {
  const known = REFUSALS.find(({ pattern }) => pattern.test(line));
  const text = line.replace(/^-/, '');
  if (known !== undefined) {
    return new ReplicantError(known.code, `${known.says}: ${text}`, { hint: known.hint });
  }
  return new ReplicantError('SOURCE_PROTOCOL', `the source refused to replicate: ${text}`);
}

/** PSYNC and SYNC are both unknown: disabled or renamed. */
export function replicationDisabled(command: string): ReplicantError {
  return new ReplicantError('SOURCE_DENIED', `the source knows neither ${command} nor SYNC`, {
    hint: 'the provider has disabled or renamed them: ask for the name and give it with --psync-command',
  });
}

/** The first line of an answer to PING: is there a server that goes on talking to us? */
export function judgePing(line: string): ReplicantError | undefined {
  if (/^(\+PONG|-NOAUTH|-NOPERM|-ERR operation not permitted)/.test(line)) {
    return undefined;
  }
  if (/^-(LOADING|BUSY|MASTERDOWN)/.test(line)) return psyncRefusal(line);
  if (line.startsWith('-')) return psyncRefusal(line);
  return notRedis(line);
}

export function notRedis(line: string): ReplicantError {
  return new ReplicantError(
    'SOURCE_PROTOCOL',
    `the source does not answer like a Redis: ${JSON.stringify(line.slice(0, 60))}`,
    {
      hint: 'is there a Redis or Valkey at this address, and does it want TLS (rediss://)?',
    },
  );
}

export type TransferHeader =
  | { readonly kind: 'sized'; readonly bytes: number }
  | { readonly kind: 'marked'; readonly mark: string };

/** `$<len>` or `$EOF:<40 bytes>`; anything else is thrown. */
export function parseTransferHeader(line: string): TransferHeader {
  const marked = /^\$EOF:(.{40})$/s.exec(line);
  if (marked !== null) return { kind: 'marked', mark: marked[1]! };
  const sized = /^\$(\d{1,15})$/.exec(line);
  if (sized !== null) return { kind: 'sized', bytes: Number(sized[1]) };
  throw line.startsWith('-') ? psyncRefusal(line) : notRedis(line);
}
