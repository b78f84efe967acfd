/**
 * Effects that an old target has no command for, as scripts: what is read on the target is written in the same
 * step. They run on any server with EVAL (2.6 and up). From 3.2 to 4.0 scripts replicate as their text, and
 * then may not read clocks and write; `replicate_commands` turns that off.
 */
import { type Args, command } from './rule.js';

export function evalScript(script: string, keys: Args, argv: readonly (string | Uint8Array)[] = []): Args {
  return [...command('EVAL', script, String(keys.length)), ...keys, ...command(...argv)];
}

/**
 * `expiry(key)` → the command and the number that give another key the same deadline; nil when it has none.
 * There is no PEXPIRETIME before 7.0, and PTTL alone can be off by the millisecond that passes meanwhile.
 */
const EXPIRY = `
local clock = redis.replicate_commands and redis.replicate_commands()
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function expiry(key)
  while true do
    local before = clock and now() or 0
    local left = redis.call('PTTL', key)
    if left < 0 then return nil end
    if not clock then return 'PEXPIRE', string.format('%.0f', left) end
    if now() == before then return 'PEXPIREAT', string.format('%.0f', before + left) end
  end
end
`;

/** KEYS: key; ARGV: value. */
export const SET_KEEP_TTL: string = `${EXPIRY}
local how, at = expiry(KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
if how then redis.call(how, KEYS[1], at) end
`;

/** KEYS: source, destination; ARGV: database of the destination, or nothing. */
export const COPY: string = `${EXPIRY}
local dump = redis.call('DUMP', KEYS[1])
local how, at = expiry(KEYS[1])
if ARGV[1] then redis.call('SELECT', ARGV[1]) end
redis.call('DEL', KEYS[2])
if not dump then return 0 end
redis.call('RESTORE', KEYS[2], 0, dump)
if how then redis.call(how, KEYS[2], at) end
return 1
`;

/**
 * KEYS: source, destination; ARGV: RENAME, RENAMENX or COPY, database of the destination or '', and what stands
 * behind the keys. A source that is not there was left out, and so is what it would become.
 */
export const IF_CARRIED = `
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call(ARGV[1], KEYS[1], KEYS[2], unpack(ARGV, 3)) end
if ARGV[2] ~= '' then redis.call('SELECT', ARGV[2]) end
return redis.call('DEL', KEYS[2])
`;

/** KEYS: source, destination; ARGV: the command that pops, the command that pushes. */
export const POP_PUSH = `
local item = redis.call(ARGV[1], KEYS[1])
if item then redis.call(ARGV[2], KEYS[2], item) end
`;

/** `store(key, found)`: makes the sorted set anew of member, score, member, score … */
const STORE = `
local function store(key, found)
  redis.call('DEL', key)
  for first = 1, #found, 1000 do
    local args = {}
    for at = first, math.min(first + 999, #found), 2 do
      args[#args + 1] = found[at + 1]
      args[#args + 1] = found[at]
    end
    redis.call('ZADD', key, unpack(args))
  end
end
`;

/** KEYS: destination, source; ARGV: the command that reads, and its arguments behind the key. */
export const ZSET_RANGE_STORE: string = `${STORE}
local found = redis.call(ARGV[1], KEYS[2], unpack(ARGV, 2))
if string.find(ARGV[1], 'LEX') then
  local both = {}
  for _, member in ipairs(found) do
    both[#both + 1] = member
    both[#both + 1] = redis.call('ZSCORE', KEYS[2], member)
  end
  found = both
end
store(KEYS[1], found)
`;

/** KEYS: destination, the one to subtract from, the ones to subtract. Sets count with score 1. */
export const ZSET_DIFF_STORE: string = `${STORE}
local function kind(key) return redis.call('TYPE', key).ok end
local kinds = {}
for at = 2, #KEYS do kinds[at] = kind(KEYS[at]) end
local all = {}
if kinds[2] == 'set' then
  for _, member in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    all[#all + 1] = member
    all[#all + 1] = '1'
  end
else
  all = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
end
local left = {}
for at = 1, #all, 2 do
  local elsewhere = false
  for other = 3, #KEYS do
    if kinds[other] == 'set' then
      elsewhere = elsewhere or redis.call('SISMEMBER', KEYS[other], all[at]) == 1
    else
      elsewhere = elsewhere or redis.call('ZSCORE', KEYS[other], all[at]) ~= false
    end
  end
  if not elsewhere then
    left[#left + 1] = all[at]
    left[#left + 1] = all[at + 1]
  end
end
store(KEYS[1], left)
`;

/**
 * KEYS: destination, source; ARGV: the command's name, and what stands between source and STORE, STORE or
 * STOREDIST. Before 6.2.6 nothing happened to the destination when there was no source.
 */
export const GEO_STORE = `
if redis.call('EXISTS', KEYS[2]) == 0 then return redis.call('DEL', KEYS[1]) end
local args = { unpack(ARGV, 2) }
args[#args + 1] = KEYS[1]
return redis.call(ARGV[1], KEYS[2], unpack(args))
`;

/**
 * KEYS: destination, source; ARGV: metres per unit, width, height, how many (0: all), ASC or DESC or nothing, STORE
 * or STOREDIST, then the member in the centre, or longitude and latitude. Points are read from their scores and
 * measured as servers do it: 52 bits, latitude in the even ones; a sphere of 6372797.560856 m.
 */
export const GEO_BOX_STORE: string = `${STORE}
local function middle(n, most)
  local low = -most + n / 67108864 * (most + most)
  local high = -most + (n + 1) / 67108864 * (most + most)
  return math.min(math.max((low + high) / 2, -most), most)
end
local function place(score)
  local rest, lat, lon, bit = math.floor(score), 0, 0, 1
  for _ = 1, 26 do
    local two = rest % 4
    rest = (rest - two) / 4
    lat = lat + bit * (two % 2)
    lon = lon + bit * math.floor(two / 2)
    bit = bit * 2
  end
  return middle(lon, 180), middle(lat, 85.05112878)
end
local radius = 6372797.560856
local function rad(degrees) return degrees * (math.pi / 180) end
local function north(lat1, lat2) return radius * math.abs(rad(lat2) - rad(lat1)) end
local function distance(lon1, lat1, lon2, lat2)
  local v = math.sin((rad(lon2) - rad(lon1)) / 2)
  if v == 0 then return north(lat1, lat2) end
  local u = math.sin((rad(lat2) - rad(lat1)) / 2)
  return 2 * radius * math.asin(math.sqrt(u * u + math.cos(rad(lat1)) * math.cos(rad(lat2)) * v * v))
end
local unit, count = tonumber(ARGV[1]), tonumber(ARGV[4])
local width, height = tonumber(ARGV[2]) * unit, tonumber(ARGV[3]) * unit
local lon, lat = tonumber(ARGV[7]), tonumber(ARGV[8])
if not ARGV[8] then
  local score = redis.call('ZSCORE', KEYS[2], ARGV[7])
  if score then lon, lat = place(tonumber(score)) end
end
local near = {}
local all = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for at = 1, #all, 2 do
  local score = tonumber(all[at + 1])
  if score >= 0 and score < 4503599627370496 then
    local x, y = place(score)
    if north(y, lat) <= height / 2 and distance(x, y, lon, y) <= width / 2 then
      near[#near + 1] = { member = all[at], score = all[at + 1], from = distance(lon, lat, x, y) }
    end
  end
end
if ARGV[5] == 'DESC' then
  table.sort(near, function(a, b) return a.from > b.from end)
elseif ARGV[5] == 'ASC' or count > 0 then
  table.sort(near, function(a, b) return a.from < b.from end)
end
local found = {}
for at = 1, count > 0 and math.min(count, #near) or #near do
  found[#found + 1] = near[at].member
  found[#found + 1] = ARGV[6] == 'STOREDIST' and string.format('%.17g', near[at].from / unit) or near[at].score
end
store(KEYS[1], found)
`;

/** KEYS: key; ARGV: the flags in one word, then score, member … */
export const ZADD_IF = `
local flags = ' ' .. ARGV[1] .. ' '
local function has(flag) return string.find(flags, ' ' .. flag .. ' ', 1, true) end
for at = 2, #ARGV, 2 do
  local old = redis.call('ZSCORE', KEYS[1], ARGV[at + 1])
  local wanted
  if not old then
    wanted = not has('XX')
  elseif has('GT') then
    wanted = tonumber(ARGV[at]) > tonumber(old)
  elseif has('LT') then
    wanted = tonumber(ARGV[at]) < tonumber(old)
  else
    wanted = not has('NX')
  end
  if wanted then redis.call('ZADD', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
`;

/** KEYS: key; ARGV: field, value … The fields keep their TTLs. Redis 7.4, which has no HSETEX. */
export const HSET_KEEP_TTL = `
for at = 1, #ARGV, 2 do
  local deadline = redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', 1, ARGV[at])[1]
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  if deadline and deadline > 0 then
    redis.call('HPEXPIREAT', KEYS[1], string.format('%.0f', deadline), 'FIELDS', 1, ARGV[at])
  end
end
`;

/** `forget(id)`: no group has the entry pending any more (DELREF). */
const FORGET = `
local groups
local function forget(id)
  if not groups then
    groups = {}
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
      for at = 1, #group, 2 do
        if group[at] == 'name' then groups[#groups + 1] = group[at + 1] end
      end
    end
  end
  for _, name in ipairs(groups) do redis.call('XACK', KEYS[1], name, id) end
end
`;

/**
 * KEYS: key; ARGV: MINID or MAXLEN, the threshold, KEEPREF or DELREF, and XTRIM or XDEL. XDEL leaves a trace
 * (max-deleted-entry-id, 7.0) that trimming does not leave; it is for targets that can't trim by id (< 6.2).
 */
export const STREAM_TRIM: string = `${FORGET}
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local found = {}
if ARGV[1] == 'MINID' then
  found = redis.call('XRANGE', KEYS[1], '-', ARGV[2])
  if #found > 0 and found[#found][1] == ARGV[2] then found[#found] = nil end
else
  local over = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[2])
  if over > 0 then found = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over) end
end
for _, entry in ipairs(found) do
  if ARGV[3] == 'DELREF' then forget(entry[1]) end
  if ARGV[4] == 'XDEL' then redis.call('XDEL', KEYS[1], entry[1]) end
end
if ARGV[4] == 'XTRIM' then redis.call('XTRIM', KEYS[1], ARGV[1], ARGV[2]) end
`;

/** KEYS: key; ARGV: id … Groups forget the entries as well. */
export const STREAM_DELETE_FORGET: string = `${FORGET}
for at = 1, #ARGV do
  forget(ARGV[at])
  redis.call('XDEL', KEYS[1], ARGV[at])
end
`;

/** KEYS: key; ARGV: KEEPREF or DELREF, group, id … Only what was pending there is deleted. */
export const STREAM_ACK_DELETE: string = `${FORGET}
for at = 3, #ARGV do
  if redis.call('XACK', KEYS[1], ARGV[2], ARGV[at]) == 1 then
    if ARGV[1] == 'DELREF' then forget(ARGV[at]) end
    redis.call('XDEL', KEYS[1], ARGV[at])
  end
end
`;

/**
 * KEYS: key; ARGV: how many ids, then what XCLAIM has behind the key. Since 7.0 XCLAIM of an entry that was
 * deleted takes it off the list of pending ones, before it passes it on.
 */
export const STREAM_CLAIM = `
redis.call('XCLAIM', KEYS[1], unpack(ARGV, 2))
for at = 5, 4 + tonumber(ARGV[1]) do
  if #redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at]) == 0 then redis.call('XACK', KEYS[1], ARGV[2], ARGV[at]) end
end
`;
