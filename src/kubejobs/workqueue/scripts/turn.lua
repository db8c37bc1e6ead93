-- One worker's turn: settle the lease it has, and take the next, in one atomic step.
--
-- ARGV: session, number of this turn, lease to settle or '', outcome of items that are not named ('done' or 'return'),
--   milliseconds worked, items to take (0: none), milliseconds of the new lease, max_attempts,
--   first and longest delay of a retry in milliseconds, a random share 0..1 for its jitter,
--   then for each item that is named: its place in the lease from 1, 'result'|'fail'|'retry'|'return', a text.
-- Reply: 'OK', how the old lease was settled, the queue's state, the items taken, their earlier attempts (or none).
-- A turn that is sent again with the same number (its reply was lost) changes nothing and gets the same lease.
local session, turn, settling, default_outcome = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local worked_ms, wanted, lease_ms, max_attempts = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local first_delay_ms, longest_delay_ms, jitter = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local FIRST_NAMED = 12

if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local now = server_time_ms()
local counts = key('counts')

local function retry(item, problem, worker)
  redis.call('HSET', key('last_errors'), item, problem)
  local again, attempts = may_run_again(item, max_attempts, 'AttemptsUsedUp', worker, now)
  if not again then
    return
  end
  local delay_ms = math.min(longest_delay_ms, first_delay_ms * 2 ^ (attempts - 1)) * (1 + jitter) / 2
  if delay_ms < 1 or redis.call('EXISTS', key('control')) == 1 then
    put_back({item})
  else
    delay(item, math.floor(now + delay_ms))
  end
end

local function settle_named(items)
  local named, returned, done = {}, {}, {}
  for argument = FIRST_NAMED, #ARGV, 3 do
    named[tonumber(ARGV[argument])] = argument
  end
  for place, item in ipairs(items) do
    local argument = named[place]
    local outcome = argument and ARGV[argument + 1] or default_outcome
    local text = argument and ARGV[argument + 2]
    if outcome == 'return' then
      returned[#returned + 1] = item
    elseif outcome == 'retry' then
      retry(item, text, worker_of(settling))
    elseif outcome == 'fail' then
      local attempts = tonumber(redis.call('HGET', key('attempts'), item) or '0') + 1
      give_up('failed', item, attempts, 'FailedByWorker', text, worker_of(settling), now)
    else
      done[#done + 1] = item
      if outcome == 'result' then
        redis.call('RPUSH', key('results'), text)
      end
    end
  end
  put_back(returned)
  return done
end

local function settle()
  local list = key('lease:' .. settling)
  local items = redis.call('LRANGE', list, 0, -1)
  if #items == 0 then
    return 'EXPIRED'
  end
  redis.call('DEL', list)
  redis.call('ZREM', key('leases'), settling)
  local done = items
  if #ARGV >= FIRST_NAMED or default_outcome ~= 'done' then
    done = settle_named(items)
  end
  if #done > 0 and redis.call('EXISTS', key('attempts')) == 1 then
    redis.call('HDEL', key('attempts'), unpack(done))
    redis.call('HDEL', key('last_errors'), unpack(done))
  end
  redis.call('HINCRBY', counts, 'leased', -#items)
  redis.call('HINCRBY', counts, 'done', #done)
  redis.call('HINCRBY', counts, 'worked_ms', worked_ms)
  redis.call('HSET', counts, 'last_acknowledged_ms', now)
  return 'SETTLED'
end

-- An item that was delivered before without a result may be what ended its worker: it is leased alone, so that
-- it takes no others with it.
local function take_items()
  local items = redis.call('RPOP', base, wanted) or {}
  if #items == 0 or redis.call('EXISTS', key('attempts')) == 0 then
    return items, {}
  end
  local earlier = redis.call('HMGET', key('attempts'), unpack(items))
  local taken = #items
  for place = 1, #items do
    if earlier[place] then
      taken = math.max(place - 1, 1)
      break
    end
  end
  for place = #items, taken + 1, -1 do
    redis.call('RPUSH', base, items[place])
    items[place] = nil
  end
  return items, {earlier[1] or '0'}
end

local function state_when_empty()
  if redis.call('LLEN', base) > 0 then
    return 'WAITING'
  end
  local open = redis.call('LLEN', key('processing')) + redis.call('ZCARD', key('leases')) + redis.call('ZCARD', key('delayed'))
  if open == 0 and redis.call('EXISTS', key('closed')) == 1 then
    return 'DRAINED'
  end
  return 'WAITING'
end

local function take()
  local signal = redis.call('GET', key('control'))
  if signal then
    return 'STOPPED', {}, {}
  end
  requeue_due(100, now)
  take_over_expired(10, max_attempts, now)
  if wanted == 0 then
    return state_when_empty(), {}, {}
  end
  local items, earlier = take_items()
  if #items == 0 then
    return state_when_empty(), {}, {}
  end
  local lease = session .. '.' .. turn
  redis.call('RPUSH', key('lease:' .. lease), unpack(items))
  redis.call('ZADD', key('leases'), now + lease_ms, lease)
  redis.call('HINCRBY', counts, 'leased', #items)
  if redis.call('HINCRBY', counts, 'deliveries', #items) == #items then
    redis.call('HSETNX', counts, 'first_leased_ms', now)
  end
  return 'LEASED', items, earlier
end

local last = redis.call('HGET', key('sessions'), session)
if last then
  local last_turn, last_settled = string.match(last, '^(%d+) (%u+)$')
  if last_turn == turn then
    local items = redis.call('LRANGE', key('lease:' .. session .. '.' .. turn), 0, -1)
    local earlier = {}
    if #items > 0 then
      earlier = {redis.call('HGET', key('attempts'), items[1]) or '0'}
    end
    return {'OK', last_settled, #items > 0 and 'LEASED' or 'WAITING', items, earlier}
  end
end
local settled = 'NONE'
if settling ~= '' then
  settled = settle()
end
redis.call('HSET', key('sessions'), session, turn .. ' ' .. settled)
local state, items, earlier = take()
return {'OK', settled, state, items, earlier}
