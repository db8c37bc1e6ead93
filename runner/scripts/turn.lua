-- One worker's turn: settle the lease it has, and take the next, in one atomic step.
--
-- ARGV: session, number of this turn, lease to settle or '', outcome of items that are not named ('done' or 'return'),
--   microseconds worked, durations ('<bucket>:<count> …'), items to take (0: none), 1 to take a fair share at most,
--   milliseconds of the new lease, '<max_attempts> <first> <longest>' (delays of a retry in milliseconds),
--   then for each item that is named: its place in the lease from 1, 'result'|'fail'|'retry'|'return', a text.
-- Reply: 'OK', how the old lease was settled, the queue's state, the new lease, its items, their earlier attempts (or none).
-- A turn that is sent again with the same number (its reply was lost) changes nothing and gets the same lease.
local session, turn, settling, default_outcome = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local wanted, fair_share, lease_ms, limits = tonumber(ARGV[7]), ARGV[8] == '1', ARGV[9], ARGV[10]
local FIRST_NAMED = 11
-- Chunks of remaining / (2 × workers): S. Flynn Hummel, E. Schonberg, L. E. Flynn, "Factoring: a method for scheduling
-- parallel loops", CACM 35(8), 1992.
local SHARES_PER_WORKER = 2

-- What a turn costs the server bounds how many items all workers together do in a second; so as little as possible is
-- asked of it: what most runs never have is asked for at once, and the counters are read and written once.
local asked = redis.call('MGET', key('total'), key('control'), key('drain'))
if not asked[1] then
  return {'LOST'}
end
local now, microseconds = server_time()
local counts = key('counts')
local has_special = redis.call('EXISTS', key('tries'), key('delayed'), key('levels')) > 0
local new_counts = {}

local function has_tries()
  return has_special and redis.call('EXISTS', key('tries')) == 1
end

local function limits_of()
  local max_attempts, first_delay_ms, longest_delay_ms = string.match(limits, '^(%d+) (%d+) (%d+)$')
  return tonumber(max_attempts), tonumber(first_delay_ms), tonumber(longest_delay_ms)
end

local function retry(item, level, problem, worker)
  local max_attempts, first_delay_ms, longest_delay_ms = limits_of()
  local again, attempts = may_run_again(item, max_attempts, 'AttemptsUsedUp', problem, worker, now)
  if not again then
    return
  end
  local number = redis.call('HINCRBY', counts, 'delays', 1)
  -- The jitter only has to keep items apart: the clock's microseconds, stirred.
  local jitter = (microseconds * 7919 + number * 104729) % 1000 / 1000
  local delay_ms = math.min(longest_delay_ms, first_delay_ms * 2 ^ (attempts - 1)) * (1 + jitter) / 2
  if delay_ms < 1 or asked[2] then
    put_back({item}, level)
  else
    delay(item, level, number, math.floor(now + delay_ms))
  end
end

local function settle_named(items, level, worker)
  local named, returned, done = {}, {}, {}
  for argument = FIRST_NAMED, #ARGV, 3 do
    named[tonumber(ARGV[argument])] = argument
  end
  for place, item in ipairs(items) do
    local argument = named[place]
    local outcome = argument and ARGV[argument + 1] or default_outcome
    local text = argument and ARGV[argument + 2] ~= '' and ARGV[argument + 2]
    if outcome == 'return' then
      returned[#returned + 1] = item
    elseif outcome == 'retry' then
      retry(item, level, text, worker)
    elseif outcome == 'fail' then
      give_up('failed', item, tries_of(item) + 1, 'FailedByWorker', text, worker, now)
    else
      done[#done + 1] = item
      if outcome == 'result' and text then
        redis.call('RPUSH', key('results'), text)
      end
    end
  end
  put_back(returned, level)
  return done
end

local function note_work(done)
  new_counts.done, new_counts.worked_us = done, tonumber(ARGV[5])
  for bucket, count in string.gmatch(ARGV[6], '(%-?%d+):(%d+)') do
    redis.call('HINCRBY', key('durations'), bucket, count)
  end
end

-- The counters that this turn has changed.
local function write_counts()
  local done, delivered = new_counts.done, new_counts.deliveries
  if not done and not delivered then
    return
  end
  local before = redis.call('HMGET', counts, 'done', 'worked_us', 'deliveries')
  local fields = {}
  local function put(name, value)
    fields[#fields + 1], fields[#fields + 2] = name, value
  end
  if done then
    put('done', (before[1] or 0) + done)
    put('worked_us', (before[2] or 0) + new_counts.worked_us)
    put('last_acknowledged_ms', now)
  end
  if delivered then
    put('deliveries', (before[3] or 0) + delivered)
    if not before[3] then
      redis.call('HSETNX', counts, 'first_leased_ms', now)
    end
  end
  redis.call('HSET', counts, unpack(fields))
end

local function settle()
  if redis.call('ZREM', key('leases'), settling) == 0 then
    return 'EXPIRED'
  end
  local list = lease_list(settling)
  local tried = has_tries()
  local plain = #ARGV < FIRST_NAMED and default_outcome == 'done'
  has_special = has_special or not plain
  local done
  if plain and not tried then
    done = redis.call('LLEN', list)
    redis.call('DEL', list)
  else
    local items = redis.call('LRANGE', list, 0, -1)
    redis.call('DEL', list)
    items = plain and items or settle_named(items, level_of(settling), worker_of(settling))
    done = #items
    if tried and done > 0 then
      redis.call('HDEL', key('tries'), unpack(items))
    end
  end
  note_work(done)
  return 'SETTLED'
end

-- An item that was delivered before without a result may be what ended its worker: it is leased alone, so that
-- it takes no others with it.
local function take_items(list)
  local items = redis.call('RPOP', list, math.min(wanted, MOST_AT_ONCE)) or {}
  if #items == 0 or not has_tries() then
    return items, {}
  end
  local earlier = redis.call('HMGET', key('tries'), unpack(items))
  local taken = #items
  for place = 1, #items do
    if earlier[place] then
      taken = math.max(place - 1, 1)
      break
    end
  end
  for place = #items, taken + 1, -1 do
    redis.call('RPUSH', list, items[place])
    items[place] = nil
  end
  return items, {string.match(earlier[1] or '0', '^%d+')}
end

local function state_when_empty()
  if queued_count() > 0 then
    return 'WAITING'
  end
  local open = redis.call('LLEN', key('processing')) + redis.call('ZCARD', key('leases')) + redis.call('ZCARD', key('delayed'))
  if open == 0 and redis.call('EXISTS', key('closed')) == 1 then
    return 'DRAINED'
  end
  return 'WAITING'
end

-- Whether this worker is one of those that were asked to lease no more. Whoever comes first takes the next request,
-- unless it wants no items anyway: it is about to end.
local function is_drained(requests)
  local worker = worker_of(session)
  if redis.call('HEXISTS', key('drained'), worker) == 1 then
    return true
  end
  if wanted == 0 or tonumber(requests) < 1 then
    return false
  end
  redis.call('DECR', key('drain'))
  redis.call('HSET', key('drained'), worker, now)
  return true
end

local function lease_items(list, level)
  if fair_share and wanted > 1 then
    local share = redis.call('LLEN', list) / (SHARES_PER_WORKER * math.max(redis.call('HLEN', key('sessions')), 1))
    wanted = math.max(math.min(wanted, math.ceil(share)), 1)
  end
  local items, earlier = take_items(list)
  if #items == 0 then
    return state_when_empty(), '', {}, {}
  end
  local lease = session .. '.' .. turn .. (level > 0 and '@' .. level or '')
  redis.call('RPUSH', lease_list(lease), unpack(items))
  redis.call('ZADD', key('leases'), now + lease_ms, lease)
  new_counts.deliveries = #items
  return 'LEASED', lease, items, earlier
end

local function take()
  if asked[2] then
    return 'STOPPED', '', {}, {}
  end
  if has_special then
    requeue_due(100, now)
  end
  if take_over_expired(10, tonumber(string.match(limits, '^%d+')), now) > 0 then
    has_special = true
  end
  if asked[3] and is_drained(asked[3]) then
    local state = state_when_empty()
    return state == 'DRAINED' and state or 'DRAINING', '', {}, {}
  end
  if wanted == 0 then
    return state_when_empty(), '', {}, {}
  end
  local highest = has_special and redis.call('ZREVRANGE', key('levels'), 0, 0)[1]
  while highest do
    local list = key('level:' .. highest)
    if redis.call('EXISTS', list) == 1 then
      return lease_items(list, tonumber(highest))
    end
    redis.call('ZREM', key('levels'), highest)
    highest = redis.call('ZREVRANGE', key('levels'), 0, 0)[1]
  end
  return lease_items(base, 0)
end

-- The reply of a turn that was made before. Its lease may have been taken over meanwhile.
local function repeated(settled, state, lease)
  if lease == '' then
    return {'OK', settled, state, '', {}, {}}
  end
  local items = redis.call('LRANGE', lease_list(lease), 0, -1)
  if #items == 0 then
    return {'OK', settled, 'WAITING', '', {}, {}}
  end
  return {'OK', settled, state, lease, items, {(tries_of(items[1]))}}
end

-- A session's record: number of its last turn, how that settled, the state and the time, the lease or nothing.
local last = redis.call('HGET', key('sessions'), session)
if last then
  local last_turn, last_settled, last_state, last_lease = string.match(last, '^(%d+) (%u+) (%u+) %d+ (.*)$')
  if last_turn == turn then
    return repeated(last_settled, last_state, last_lease)
  end
end
local settled = 'NONE'
if settling ~= '' then
  settled = settle()
end
local state, lease, items, earlier = take()
write_counts()
redis.call('HSET', key('sessions'), session, turn .. ' ' .. settled .. ' ' .. state .. ' ' .. now .. ' ' .. lease)
return {'OK', settled, state, lease, items, earlier}
