-- Give back the items of a lease after the first ones. ARGV: lease, how many to keep (one at least).
-- Reply: how many were given back; 0 if the lease is no longer there.
if not redis.call('ZSCORE', key('leases'), ARGV[1]) then
  return {'OK', 0}
end
local list, keep = lease_list(ARGV[1]), math.max(tonumber(ARGV[2]), 1)
local items = redis.call('LRANGE', list, keep, -1)
redis.call('LTRIM', list, 0, keep - 1)
put_back(items, level_of(ARGV[1]))
return {'OK', #items}
