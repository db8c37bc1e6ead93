-- The ledger in one look. `done` is what is in no other place, so the sums add up to the total by construction.
-- An item that a worker of the open contract has put into `errors` and not yet taken out of `processing` makes that
-- difference one smaller for the moment; where it would be negative, the item is counted once, as leased.
local total = redis.call('GET', key('total'))
if not total then
  return {'LOST'}
end
local now = server_time()
local counts = key('counts')
local names = {'done', 'failed', 'dead', 'first_leased_ms', 'last_acknowledged_ms', 'deliveries', 'worked_us', 'foreign_done'}
local value = {}
for place, text in ipairs(redis.call('HMGET', counts, unpack(names))) do
  value[names[place]] = tonumber(text or '0')
end
local queued, held, delayed = queued_count(), redis.call('LLEN', key('held')), redis.call('ZCARD', key('delayed'))
local processing, errors = redis.call('LLEN', key('processing')), redis.call('LLEN', key('errors'))
local leased, failed, dead = processing, value.failed + errors, value.dead
for _, lease in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
  leased = leased + redis.call('LLEN', lease_list(lease))
end
local done = tonumber(total) - queued - held - delayed - leased - failed - dead
if done < 0 then
  local twice = math.min(-done, errors)
  failed, done = failed - twice, done + twice
end
if done < 0 then
  local twice = math.min(-done, processing)
  leased, done = leased - twice, done + twice
end
local foreign_done = math.max(done - value.done, 0)
if value.first_leased_ms == 0 and processing + foreign_done + errors > 0 then
  value.first_leased_ms = now
  redis.call('HSET', counts, 'first_leased_ms', now)
end
if foreign_done > value.foreign_done then
  value.last_acknowledged_ms = now
  redis.call('HSET', counts, 'last_acknowledged_ms', now, 'foreign_done', foreign_done)
end
local deliveries = value.deliveries + foreign_done + processing + errors
return {'OK', now, redis.call('GET', key('control')) or '', queued, leased, delayed, done, failed, dead, held,
  value.first_leased_ms, value.last_acknowledged_ms, deliveries, value.worked_us,
  redis.call('EXISTS', key('closed')), redis.call('HLEN', key('sessions')), redis.call('HGETALL', key('durations'))}
