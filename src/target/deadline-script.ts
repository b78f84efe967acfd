/**
 * The two scripts that turn held deadlines into true ones and back (see `convert/held-time.ts`), on the target
 * and so in one step with respect to everybody who writes there. Redis 5.0+ and Valkey replicate what a script
 * did, not its text; 3.2 and 4.0 have to be asked to.
 *
 *   KEYS_SCRIPT    keys: the keys to look at; none: those of SCAN from the cursor on
 *                  arguments: mode, margin in ms, kinds, cluster 0|1, fields 0|1, PEXPIRETIME 0|1, cursor, count,
 *                  and in place of `keys` on a cluster, where these would have to be of one slot, any number of them
 *                  → cursor, keys looked at, deadlines changed, nearest, hashes left to FIELDS_SCRIPT, past
 *   FIELDS_SCRIPT  keys: one hash; arguments: mode, margin in ms, kinds, cluster 0|1, cursor, count
 *                  → cursor, 0, deadlines changed, nearest, {}, past
 *
 * `nearest` is the earliest deadline that now stands as it is and is still ahead, empty when there is none.
 * `past` counts the deadlines that were released after their time: what had them is gone.
 * On a cluster keys of slots that are just moving are passed over: the script may not look at them.
 * `kinds` is empty, or the value types that may be held, each with a space on either side.
 *
 * Before 7.0 there is no PEXPIRETIME: a deadline is PTTL plus the time, asked for before and after until both
 * times are the same. Inside a script Redis 5.0 to 7.0 let the clock go on, later ones stop it; PTTL goes by
 * the same clock as TIME, so the sum is exact (20,000 of 20,000 on 6.0.16, at most two attempts each).
 */
import { CHECKPOINT_PREFIX } from '../checkpoint/record.js';
import { FIELD_HOLD_MS, FIELD_RANGE_MS, KEY_HOLD_MS, KEY_RANGE_MS } from '../convert/held-time.js';

/** Hashes with more fields are left to FIELDS_SCRIPT; so are smaller ones after so many fields in one call. */
const SMALL_HASH = 512;
const FIELDS_PER_CALL = 1000;
/** Lua's unpack has room for about 8000. */
const FIELDS_PER_QUESTION = 1000;

const COMMON = `
local mode, margin = ARGV[1], tonumber(ARGV[2])
local kinds, changed, past, nearest = ARGV[3], 0, 0, nil
local call = redis.call

if ARGV[4] == '1' then
  call = function(...)
    local reply = redis.pcall(...)
    if type(reply) ~= 'table' or not reply.err then return reply end
    if string.find(reply.err, 'non local key', 1, true) or string.find(reply.err, 'not served', 1, true) then
      return nil
    end
    error(reply.err, 0)
  end
end

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = clock()
local limit = now + margin

local function typeOf(key)
  local reply = call('TYPE', key)
  return reply and reply.ok or 'none'
end

local function mayHold(key)
  return kinds == '' or string.find(kinds, ' ' .. typeOf(key) .. ' ', 1, true) ~= nil
end

local function wanted(stands, hold, range)
  local held = stands >= hold and stands < hold + range
  if mode == 'hold' then
    if not held and stands <= limit and stands < range then return stands + hold end
  elseif held and (mode == 'release' or stands - hold > limit) then
    if stands - hold <= now then past = past + 1 end
    return stands - hold
  end
  return stands
end

local function note(stands, hold, range)
  if stands > now and (stands < hold or stands >= hold + range) and (not nearest or stands < nearest) then
    nearest = stands
  end
end

local function text(number) return string.format('%.0f', number) end

local function doFields(key, names)
  local mayBeHeld = nil
  for first = 1, #names, ${FIELDS_PER_QUESTION} do
    local last = math.min(#names, first + ${FIELDS_PER_QUESTION - 1})
    local times = call('HPEXPIRETIME', key, 'FIELDS', last - first + 1, unpack(names, first, last))
    for at = 1, (times and #times or 0) do
      local stands = times[at]
      if stands >= 0 then
        local to = wanted(stands, ${FIELD_HOLD_MS}, ${FIELD_RANGE_MS})
        if to ~= stands then
          if mayBeHeld == nil then mayBeHeld = mode ~= 'hold' or mayHold(key) end
          if mayBeHeld then
            call('HPEXPIREAT', key, text(to), 'FIELDS', '1', names[first + at - 1])
            changed = changed + 1
            stands = to
          end
        end
        note(stands, ${FIELD_HOLD_MS}, ${FIELD_RANGE_MS})
      end
    end
  end
end
`;

export const KEYS_SCRIPT: string = `
if redis.replicate_commands then redis.replicate_commands() end
${COMMON}
local fields, exact, budget = ARGV[5] == '1', ARGV[6] == '1', ${FIELDS_PER_CALL}
local keys, cursor, large = KEYS, '0', {}

local function deadline(key)
  if exact then return call('PEXPIRETIME', key) or -2 end
  local left = call('PTTL', key) or -2
  for attempt = 1, 100 do
    if left < 0 then return left end
    local before = clock()
    left = call('PTTL', key) or -2
    if left >= 0 and before == clock() then return before + left end
  end
  return clock() + left
end

local function doKey(key)
  local stands = deadline(key)
  if stands < 0 then return end
  local to = wanted(stands, ${KEY_HOLD_MS}, ${KEY_RANGE_MS})
  if to ~= stands and (mode ~= 'hold' or mayHold(key)) then
    call('PEXPIREAT', key, text(to))
    changed = changed + 1
    stands = to
  end
  note(stands, ${KEY_HOLD_MS}, ${KEY_RANGE_MS})
end

local function doHash(key)
  if typeOf(key) ~= 'hash' or call('OBJECT', 'ENCODING', key) == 'listpack' then return end
  local length = call('HLEN', key) or 0
  if length > ${SMALL_HASH} or budget <= 0 then
    large[#large + 1] = key
  else
    budget = budget - length
    doFields(key, call('HKEYS', key) or {})
  end
end

if #ARGV > 8 then
  keys = {unpack(ARGV, 9)}
elseif #keys == 0 then
  local page = redis.call('SCAN', ARGV[7], 'COUNT', ARGV[8])
  cursor, keys = page[1], page[2]
end
for at = 1, #keys do
  local key = keys[at]
  if string.sub(key, 1, ${CHECKPOINT_PREFIX.length}) ~= '${CHECKPOINT_PREFIX}' then
    doKey(key)
    if fields then doHash(key) end
  end
end
return {cursor, #keys, changed, nearest and text(nearest) or '', large, past}
`;

export const FIELDS_SCRIPT: string = `
${COMMON}
local key = KEYS[1]
if typeOf(key) ~= 'hash' then return {'0', 0, 0, '', {}, 0} end
local page = redis.call('HSCAN', key, ARGV[5], 'COUNT', ARGV[6], 'NOVALUES')
doFields(key, page[2])
return {page[1], 0, changed, nearest and text(nearest) or '', {}, past}
`;
