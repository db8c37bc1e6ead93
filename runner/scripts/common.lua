-- Put before every other script: names, server time, and the only ways in which an item changes its place.
-- KEYS[1] is the key of the queue's main list; every other key of the run is that name, a colon and a suffix.
local base = KEYS[1]
-- Errors are kept whole for this many items that may be tried again, and for as many that ended badly; of the others
-- a few words, so that a run in which everything fails stays in flat memory.
local WHOLE_ERRORS = 1000
local SHORT_BYTES = 40
-- Most elements of one command: Lua can pass on about 8000.
local MOST_AT_ONCE = 1000

local function key(suffix)
  return base .. ':' .. suffix
end

local function server_time()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), tonumber(time[2])
end

local function number_of(name)
  return tonumber(redis.call('GET', key(name)) or '0')
end

-- Levels are priorities from 0 to 9; those above 0 have lists of their own, unless the run's workers know only one.
local function list_of(level)
  return level == 0 and base or key('level:' .. level)
end

local function lease_list(lease)
  return key('lease:' .. lease)
end

-- A lease is named <worker>/<session>.<turn>, and @<level> after it where that is not 0.
local function worker_of(lease)
  return string.match(lease, '^(.*)/[^/]*$') or lease
end

local function level_of(lease)
  return tonumber(string.match(lease, '@(%d)$') or '0')
end

-- `items` in the order in which they are to be taken, before everything else of their level. A run that was asked to
-- stop gives out nothing more: whatever comes back goes to `held`.
local function put_back(items, level)
  if #items == 0 then
    return
  end
  local target = list_of(level)
  if redis.call('EXISTS', key('control')) == 1 then
    target = key('held')
  elseif level > 0 then
    redis.call('ZADD', key('levels'), level, level)
  end
  for index = #items, 1, -1 do
    redis.call('RPUSH', target, items[index])
  end
end

local function cut(text)
  text = type(text) == 'string' and text or ''
  if #text <= SHORT_BYTES then
    return text
  end
  -- Before a character of several bytes rather than in it.
  return (string.gsub(string.sub(text, 1, SHORT_BYTES), '[\192-\255]?[\128-\191]*$', ''))
end

local function shortened(problem)
  local readable, record = pcall(cjson.decode, problem)
  if not readable or type(record) ~= 'table' then
    return 'null'
  end
  return '{"type":' .. cjson.encode(cut(record.type)) .. ',"message":' .. cjson.encode(cut(record.message)) .. '}'
end

-- How often an item was delivered without success, and the last error's JSON (or false).
local function tries_of(item)
  local attempts, problem = string.match(redis.call('HGET', key('tries'), item) or '0 ', '^(%d+) (.*)$')
  return tonumber(attempts), problem ~= '' and problem
end

-- The final, bad end of one item. `kind` is 'failed' or 'dead'; `problem` is JSON or false.
local function give_up(kind, item, attempts, reason, problem, worker, now)
  redis.call('HINCRBY', key('counts'), kind, 1)
  if problem and redis.call('LLEN', key('failures')) >= WHOLE_ERRORS then
    problem = shortened(problem)
  end
  redis.call('RPUSH', key('failures'), '{"item":' .. cjson.encode(item)
    .. ',"kind":"' .. kind .. '","reason":' .. cjson.encode(reason) .. ',"attempts":' .. attempts
    .. ',"worker":' .. cjson.encode(worker) .. ',"time":' .. string.format('%.3f', now / 1000)
    .. ',"error":' .. (problem or 'null') .. '}')
  redis.call('HDEL', key('tries'), item)
end

-- An item whose delivery ended without success, unless its attempts are used up; returns whether it may run again.
-- The error is its last one from now on; false keeps the one before.
local function may_run_again(item, max_attempts, reason, problem, worker, now)
  local attempts, before = tries_of(item)
  attempts = attempts + 1
  if attempts >= max_attempts then
    give_up('dead', item, attempts, reason, problem or before, worker, now)
    return false, attempts
  end
  if problem and redis.call('HLEN', key('tries')) >= WHOLE_ERRORS then
    problem = shortened(problem)
  end
  redis.call('HSET', key('tries'), item, attempts .. ' ' .. (problem or before or ''))
  return true, attempts
end

-- What is known of the end of a lease's worker: the error that its items get, and whether it counts as an attempt.
local function loss_of(worker)
  local exit = redis.call('HGET', key('exits'), worker)
  if not exit then
    return 'LeaseExpired', cjson.encode({type = 'LeaseExpired', message = 'worker ' .. worker .. ' stopped renewing its lease'}), true
  end
  local record = cjson.decode(exit)
  return record.reason, cjson.encode({type = record.reason, message = record.message}), record.blames_items ~= false
end

-- A lease is taken over whole: what its worker says later finds no lease and changes nothing.
local function take_over(lease, max_attempts, now)
  local items = redis.call('LRANGE', lease_list(lease), 0, -1)
  redis.call('DEL', lease_list(lease))
  redis.call('ZREM', key('leases'), lease)
  local worker = worker_of(lease)
  local reason, problem, blames_items = loss_of(worker)
  local again = items
  if blames_items then
    again = {}
    for _, item in ipairs(items) do
      if may_run_again(item, max_attempts, reason, problem, worker, now) then
        again[#again + 1] = item
      end
    end
  end
  put_back(again, level_of(lease))
  return #items
end

local function take_over_expired(limit, max_attempts, now)
  local expired = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now, 'LIMIT', 0, limit)
  local recovered = 0
  for _, lease in ipairs(expired) do
    recovered = recovered + take_over(lease, max_attempts, now)
  end
  return recovered
end

-- Delayed items are stored as `<number>@<level>:<item>`, so that equal items are kept apart.
local function delay(item, level, number, until_ms)
  redis.call('ZADD', key('delayed'), until_ms, number .. '@' .. level .. ':' .. item)
end

local function delayed_item(member)
  local level, item = string.match(member, '^%d+@(%d):(.*)$')
  return item, tonumber(level)
end

local function requeue_due(limit, now)
  local due = redis.call('ZRANGEBYSCORE', key('delayed'), '-inf', now, 'LIMIT', 0, math.min(limit, MOST_AT_ONCE))
  if #due == 0 then
    return
  end
  redis.call('ZREM', key('delayed'), unpack(due))
  for index = #due, 1, -1 do
    local item, level = delayed_item(due[index])
    put_back({item}, level)
  end
end

local function queued_count()
  local count = redis.call('LLEN', base)
  for _, level in ipairs(redis.call('ZRANGE', key('levels'), 0, -1)) do
    count = count + redis.call('LLEN', key('level:' .. level))
  end
  return count
end
