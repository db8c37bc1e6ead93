-- Put back what is due: delayed items, and the items of expired leases.
-- ARGV: most leases to take over, max_attempts. Reply: how many items lost their lease.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local now = server_time()
requeue_due(tonumber(ARGV[1]), now)
return {'OK', take_over_expired(tonumber(ARGV[1]), tonumber(ARGV[2]), now)}
