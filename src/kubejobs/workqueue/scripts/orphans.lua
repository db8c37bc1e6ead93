-- Lists of leases that there are no more, whose items nobody would ever see again. ARGV: names of leases.
-- Reply: those of them, and how many items they hold.
local reply = {'OK'}
for _, lease in ipairs(ARGV) do
  local items = redis.call('LLEN', lease_list(lease))
  if items > 0 and not redis.call('ZSCORE', key('leases'), lease) then
    reply[#reply + 1] = lease
    reply[#reply + 1] = items
  end
end
return reply
