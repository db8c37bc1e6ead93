-- Note how workers ended, and put back what they held. ARGV: max_attempts, then name and JSON record of each.
-- Reply: how many items were put back (or given up).
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local FIRST_WORKER = 2
local max_attempts, now, recovered = tonumber(ARGV[1]), server_time(), 0
local held, sessions = {}, {}
for argument = FIRST_WORKER, #ARGV, 2 do
  held[ARGV[argument]], sessions[ARGV[argument]] = {}, {}
end
for _, lease in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
  local leases = held[worker_of(lease)]
  if leases then
    leases[#leases + 1] = lease
  end
end
for _, session in ipairs(redis.call('HKEYS', key('sessions'))) do
  local ended = sessions[worker_of(session)]
  if ended then
    ended[#ended + 1] = session
  end
end

-- A second report of the same end (its reply was lost) adds what the worker held then to what was noted before.
local function note(worker, record, items)
  local before = redis.call('HGET', key('exits'), worker)
  record.items = items + (before and cjson.decode(before).items or 0)
  record.time = now / 1000
  redis.call('HSET', key('exits'), worker, cjson.encode(record))
end

for argument = FIRST_WORKER, #ARGV, 2 do
  local worker, items = ARGV[argument], 0
  for _, lease in ipairs(held[worker]) do
    items = items + redis.call('LLEN', lease_list(lease))
  end
  note(worker, cjson.decode(ARGV[argument + 1]), items)
  for _, lease in ipairs(held[worker]) do
    recovered = recovered + take_over(lease, max_attempts, now)
  end
  for _, session in ipairs(sessions[worker]) do
    redis.call('HDEL', key('sessions'), session)
  end
end
return {'OK', recovered}
