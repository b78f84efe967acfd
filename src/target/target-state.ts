/**
 * An error reply of the target to one of our own questions or clean-ups: those that speak of the state it is
 * in (loading, a replica, a script that runs on, a disk it cannot save to) pass, and may be tried again.
 */
import { ReplicantError } from '../errors.js';
import type { Client } from '../net/client.js';
import type { ReplyError } from '../resp/reply-decoder.js';

const PASSING: RegExp =
  /^(?:OOM|READONLY|MISCONF|NOREPLICAS|LOADING|BUSY|UNKILLABLE|CLUSTERDOWN|MASTERDOWN|TRYAGAIN)\b/;

export function refusalOfTarget(client: Client, command: string, reply: ReplyError): ReplicantError {
  if (!PASSING.test(reply.message)) return client.refusal(command, reply);
  return new ReplicantError('TARGET_BUSY', `the target cannot take ${command} now: ${reply.message}`, {
    place: { at: client.address },
  });
}
