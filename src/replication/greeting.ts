/**
 * What is said before PSYNC, one request at a time, and how each answer is judged (replication §2.3).
 *
 * `REPLCONF version` matters to Valkey 9, which otherwise writes RDB 11 and breaks off at the first hash
 * with field TTLs; all others answer with a harmless error. `capa eof` allows diskless transfers, `psync2`
 * makes +CONTINUE carry the new replid.
 */
import type { ReplicantError } from '../errors.js';
import type { Endpoint } from '../net/endpoint.js';
import { judgePing, notRedis, psyncRefusal } from './replies.js';

export interface GreetingStep {
  readonly send: readonly string[];
  /** The error this answer means, or undefined to go on. */
  judge(line: string): ReplicantError | undefined;
}

const ANNOUNCED_VERSION = '9.1.0';

function judgeAuth(line: string): ReplicantError | undefined {
  if (line.startsWith('+')) return undefined;
  if (/no password is set|without any password configured/.test(line)) return undefined;
  return line.startsWith('-') ? psyncRefusal(line) : notRedis(line);
}

/** Unknown options are no obstacle; missing permission is, as ACKs would be refused later. */
function judgeReplconf(line: string): ReplicantError | undefined {
  if (/^-(NOPERM|NOAUTH|WRONGPASS|LOADING)/.test(line)) return psyncRefusal(line);
  return line.startsWith('+') || line.startsWith('-') ? undefined : notRedis(line);
}

/** `rdbOnly` (6.2 and up) makes the primary end the link behind the snapshot, and keep no backlog for us. */
export function greetingSteps({ username, password }: Endpoint, rdbOnly = false): GreetingStep[] {
  const auth = username === undefined ? [] : [username];
  return [
    { send: ['PING'], judge: judgePing },
    ...(password === undefined ? [] : [{ send: ['AUTH', ...auth, password], judge: judgeAuth }]),
    { send: ['REPLCONF', 'version', ANNOUNCED_VERSION], judge: judgeReplconf },
    { send: ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'], judge: judgeReplconf },
    ...(rdbOnly ? [{ send: ['REPLCONF', 'rdb-only', '1'], judge: judgeReplconf }] : []),
  ];
}
