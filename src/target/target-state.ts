/**
 * An error reply of the target to one of our own questions or clean-ups: those that speak of the state it is
 * in (loading, a replica, a script that runs on, a disk it cannot save to) pass, and may be tried again.
 */
import { ReplicantError } from '../errors.js';
import type { Client } from '../net/client.js';
import type { ReplyError } from '../resp/reply-decoder.js';

const PASSING: RegExp =
  /^(?:OOM|READONLY|MISCONF|NOREPLICAS|LOADING|BUSY|UNKILLABLE|CLUSTERDOWN|MASTERDOWN)\b/;

/** How nodes and scripts of a cluster say that a slot is not theirs, or not now. */
const MOVED: RegExp =
  /^(?:EXECABORT.*)?(?:MOVED|ASK|TRYAGAIN)\b|access a non local key|slot not served|while the cluster is down/u;

export function isMoved(error: string): boolean {
  return MOVED.test(error);
}

export function refusalOfTarget(client: Client, command: string, reply: ReplyError): ReplicantError {
  if (isMoved(reply.message)) {
    return new ReplicantError(
      'TARGET_MOVED',
      `a slot of the target has moved or is being moved: ${reply.message}`,
      {
        place: { at: client.address },
        hint: 'going on where it is now',
      },
    );
  }
  if (!PASSING.test(reply.message)) return client.refusal(command, reply);
  return new ReplicantError('TARGET_BUSY', `the target cannot take ${command} now: ${reply.message}`, {
    place: { at: client.address },
  });
}
