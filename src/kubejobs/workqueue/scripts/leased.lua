-- Every lease of the client library. ARGV: leases to leave out, most leases to name.
-- Reply: the server's time in milliseconds, then of each lease: name, end in milliseconds, items, their earlier attempts.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local reply = {'OK', (server_time())}
local first = tonumber(ARGV[1])
local leases = redis.call('ZRANGE', key('leases'), first, first + tonumber(ARGV[2]) - 1, 'WITHSCORES')
for index = 1, #leases, 2 do
  local items, earlier = redis.call('LRANGE', lease_list(leases[index]), 0, -1), {}
  for place, item in ipairs(items) do
    earlier[place] = (tries_of(item))
  end
  reply[#reply + 1] = {leases[index], leases[index + 1], items, earlier}
end
return reply
