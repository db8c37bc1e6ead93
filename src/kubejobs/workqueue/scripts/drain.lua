-- Let that many workers be idle or asked to become so. ARGV: how many, then the names of the workers there are.
-- Reply: how many have not come to it yet, then name and time in milliseconds of each that is idle.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local wanted, drained, live = tonumber(ARGV[1]), key('drained'), {}
for argument = 2, #ARGV do
  live[ARGV[argument]] = true
end
local idle = {}
local known = redis.call('HGETALL', drained)
for index = 1, #known, 2 do
  if live[known[index]] then
    idle[#idle + 1] = {known[index], known[index + 1]}
  else
    redis.call('HDEL', drained, known[index])
  end
end
-- Where fewer are to go than are idle, those go on that have been idle for the shortest time.
table.sort(idle, function(one, other)
  return tonumber(one[2]) < tonumber(other[2]) or (one[2] == other[2] and one[1] < other[1])
end)
while #idle > wanted do
  redis.call('HDEL', drained, table.remove(idle)[1])
end
if wanted > 0 then
  redis.call('SET', key('drain'), wanted - #idle)
else
  redis.call('DEL', key('drain'))
end
local reply = {'OK', wanted - #idle}
for _, worker in ipairs(idle) do
  reply[#reply + 1] = worker[1]
  reply[#reply + 1] = tonumber(worker[2])
end
return reply
