-- Keep one lease for longer. ARGV: lease, milliseconds from now. Reply: 1, or 0 if the lease is no longer there.
if not redis.call('ZSCORE', key('leases'), ARGV[1]) then
  return {'OK', 0}
end
redis.call('ZADD', key('leases'), (server_time()) + tonumber(ARGV[2]), ARGV[1])
return {'OK', 1}
