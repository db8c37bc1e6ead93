-- Put before every other script: names, server time, and the only ways in which an item changes its place.
-- KEYS[1] is the key of the queue's main list; every other key of the run is that name, a colon and a suffix.
local base = KEYS[1]

local function key(suffix)
  return base .. ':' .. suffix
end

local function server_time_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function number_of(name)
  return tonumber(redis.call('GET', key(name)) or '0')
end

-- A run that was asked to stop gives out nothing more: whatever comes back goes to `held`.
local function open_list()
  if redis.call('EXISTS', key('control')) == 1 then
    return key('held')
  end
  return base
end

-- `items` in the order in which they are to be taken, before everything else that is queued.
local function put_back(items)
  if #items == 0 then
    return
  end
  local target = open_list()
  for index = #items, 1, -1 do
    redis.call('RPUSH', target, items[index])
  end
end

local function worker_of(lease)
  return string.match(lease, '^(.*)/[^/]*$') or lease
end

-- The final, bad end of one item. `kind` is 'failed' or 'dead'; `problem` is JSON or false.
local function give_up(kind, item, attempts, reason, problem, worker, now)
  redis.call('HINCRBY', key('counts'), kind, 1)
  redis.call('RPUSH', key('failures'), '{"item":' .. cjson.encode(item)
    .. ',"kind":"' .. kind .. '","reason":"' .. reason .. '","attempts":' .. attempts
    .. ',"worker":' .. cjson.encode(worker) .. ',"time":' .. string.format('%.3f', now / 1000)
    .. ',"error":' .. (problem or 'null') .. '}')
  redis.call('HDEL', key('attempts'), item)
  redis.call('HDEL', key('last_errors'), item)
end

-- An item whose delivery ended without a result, unless its attempts are used up; returns whether it may run again.
local function may_run_again(item, max_attempts, reason, worker, now)
  local attempts = redis.call('HINCRBY', key('attempts'), item, 1)
  if attempts < max_attempts then
    return true, attempts
  end
  give_up('dead', item, attempts, reason, redis.call('HGET', key('last_errors'), item), worker, now)
  return false, attempts
end

-- An expired lease is taken over whole: what its worker says later finds no lease and changes nothing.
local function take_over(lease, max_attempts, now)
  local list = key('lease:' .. lease)
  local items = redis.call('LRANGE', list, 0, -1)
  redis.call('DEL', list)
  redis.call('ZREM', key('leases'), lease)
  redis.call('HINCRBY', key('counts'), 'leased', -#items)
  local again = {}
  for _, item in ipairs(items) do
    if may_run_again(item, max_attempts, 'LeaseExpired', worker_of(lease), now) then
      again[#again + 1] = item
    end
  end
  put_back(again)
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

-- Delayed items are stored as `<number>:<item>`, so that equal items are kept apart.
local function delay(item, until_ms)
  local number = redis.call('HINCRBY', key('counts'), 'delays', 1)
  redis.call('ZADD', key('delayed'), until_ms, number .. ':' .. item)
end

local function undelayed(members)
  local items = {}
  for index, member in ipairs(members) do
    items[index] = string.sub(member, string.find(member, ':', 1, true) + 1)
  end
  return items
end

local function requeue_due(limit, now)
  local due = redis.call('ZRANGEBYSCORE', key('delayed'), '-inf', now, 'LIMIT', 0, limit)
  if #due > 0 then
    redis.call('ZREM', key('delayed'), unpack(due))
    put_back(undelayed(due))
  end
end
