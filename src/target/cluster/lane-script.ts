/**
 * The script that a lane's commands are carried out by, all or as far as it gets, together with the lane's text
 * (`lane-text.ts`). MULTI cannot do that on a cluster: EXEC refuses keys of several slots even on one node.
 *
 * Chosen over a transaction for each slot with a mark of its own (replication §10.2): of the node's time a command
 * takes 1.0 µs by itself, 1.7 µs in a script and 2.0 to 2.3 µs in MULTI with its slot's mark (a mix of SET, INCR, LPUSH,
 * HSET and ZADD over many keys, Redis 6.0 to 8.0 and Valkey 9.1), and only a script stops at the first failure.
 *
 *     EVALSHA <sha> 1 <lane key> <expected> <prefix> <final> <starts> (<n> <arg>…n)…
 *
 *     expected   what the key must hold ('' for no key); else nothing is done and the answer is an error,
 *                REPLICANT CHAIN. So nothing overtakes a script that has failed, and who has been shut out
 *                writes nothing any more
 *     prefix, final   the key's text after all of it is prefix .. final
 *     starts     where each command begins in the stream, `offset` or `offset+done` of `lane-text.ts`, by spaces
 *     n          the number of words of a command; negative: an error of it means nothing
 *
 * The first command that fails ends it: the key gets prefix .. (where that command begins) .. ' -1', and the answer
 * is REPLICANT <start> <NAME> <the server's error>. A server that takes no writes now (OOM …) refuses the key's, too:
 * then nothing has been done, as after its first write it lets a script go on. Commands name keys that were not declared, which every
 * server without a shebang in the script allows, as long as the node owns their slots (replication §9.2).
 */
import { createHash } from 'node:crypto';

export const LANE_SCRIPT = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return redis.error_reply('REPLICANT CHAIN') end
local at, last, call, number = 5, #ARGV, redis.pcall, tonumber
local index = 0
while at <= last do
  local size = number(ARGV[at])
  local reply
  if size > 0 then
    reply = call(unpack(ARGV, at + 1, at + size))
    if type(reply) == 'table' and reply.err then
      local start, seen = '', 0
      for word in string.gmatch(ARGV[4], '%S+') do
        if seen == index then start = word break end
        seen = seen + 1
      end
      call('SET', KEYS[1], ARGV[2] .. start .. ' -1')
      return redis.error_reply('REPLICANT ' .. start .. ' ' .. ARGV[at + 1] .. ' ' .. reply.err)
    end
  else
    size = -size
    call(unpack(ARGV, at + 1, at + size))
  end
  at = at + size + 1
  index = index + 1
end
local stored = call('SET', KEYS[1], ARGV[2] .. ARGV[3])
if stored.err then return stored end
return 1`;

/** Before 5.0 a script is passed on to replicas and the AOF as a whole, unless it asks for its effects. */
export const OLD_LANE_SCRIPT: string = `redis.replicate_commands()${LANE_SCRIPT}`;

/** Lua takes no more words than this for one call. */
export const MOST_WORDS = 7000;

export function scriptSha(script: string): string {
  return createHash('sha1').update(script).digest('hex');
}

/** What a script's error says; undefined: it is an error of the script or the connection as a whole. */
export interface LaneFailure {
  readonly offset: number;
  readonly done: number;
  readonly name: string;
  readonly error: string;
}

/** `-ERR REPLICANT …` before 7.0 and `-REPLICANT …` since. */
const FAILURE = /^(?:ERR )?REPLICANT (\d+)(?:\+(\d+))? (\S+) (.*)$/su;
const CHAIN = /^(?:ERR )?REPLICANT CHAIN/u;

/**
 * Before 7.0 what is refused for the state the server is in comes to a script as `@user_script: 12: -OOM …`, and from
 * there to its caller, unless it is caught, behind `ERR Error running script (call to f_…): @user_script:12: `. Here
 * it is as the server says it otherwise.
 */
export function plainScriptError(error: string): string {
  return error.replace(IN_SCRIPT, '').trimEnd();
}

const IN_SCRIPT =
  /^(?:ERR Error running script \(call to f_\w+\): @user_script: ?\d+: )?@user_script: ?\d+: -?/u;

export function parseLaneFailure(error: string): LaneFailure | 'chain' | undefined {
  if (CHAIN.test(error)) return 'chain';
  const [, offset, done = '0', name, text] = FAILURE.exec(error) ?? [];
  if (offset === undefined || name === undefined || text === undefined) return undefined;
  return {
    offset: Number(offset),
    done: Number(done),
    name: name.toUpperCase(),
    error: plainScriptError(text),
  };
}
