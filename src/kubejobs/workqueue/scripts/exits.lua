-- Note how workers ended, and put back what they held. ARGV: max_attempts, then name and JSON record of each.
-- Reply: how many items were put back (or given up).
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local max_attempts, now, ended, recovered = tonumber(ARGV[1]), server_time(), {}, 0
for argument = 2, #ARGV, 2 do
  ended[ARGV[argument]] = cjson.decode(ARGV[argument + 1])
end
local held = {}
for _, lease in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
  local worker = worker_of(lease)
  if ended[worker] then
    held[worker] = held[worker] or {}
    table.insert(held[worker], lease)
  end
end
for worker, record in pairs(ended) do
  local leases, items = held[worker] or {}, 0
  for _, lease in ipairs(leases) do
    items = items + redis.call('LLEN', lease_list(lease))
  end
  local before = redis.call('HGET', key('exits'), worker)
  record.items = items + (before and cjson.decode(before).items or 0)
  record.time = now / 1000
  redis.call('HSET', key('exits'), worker, cjson.encode(record))
  redis.call('HDEL', key('drained'), worker)
  for _, lease in ipairs(leases) do
    recovered = recovered + take_over(lease, max_attempts, now)
  end
end
for _, session in ipairs(redis.call('HKEYS', key('sessions'))) do
  if ended[worker_of(session)] then
    redis.call('HDEL', key('sessions'), session)
  end
end
return {'OK', recovered}
