-- Let that many workers be idle or asked to become so.
-- ARGV: how many, how many names of workers follow of which they may be, those names, then 'known' and the names of the
--   other workers that there are, which go on; or 'unknown' if that can't be said, then all others go on.
-- Reply: how many have not come to it yet, then name and time in milliseconds of each that is idle.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local GONE = '0'
local wanted, drained, now = tonumber(ARGV[1]), key('drained'), server_time()
local last_live = 2 + tonumber(ARGV[2])
local live, others, known_others = {}, {}, ARGV[last_live + 1] == 'known'
for argument = 3, last_live do
  live[ARGV[argument]] = true
end
for argument = last_live + 2, #ARGV do
  others[ARGV[argument]] = true
end
local idle = {}
local known = redis.call('HGETALL', drained)
for index = 1, #known, 2 do
  local worker, since = known[index], known[index + 1]
  if live[worker] then
    idle[#idle + 1] = {worker, since == GONE and now or tonumber(since)}
  elseif others[worker] or (not known_others and since ~= GONE) then
    redis.call('HDEL', drained, worker)
  else
    -- Its pod was removed. The process may live a little longer: whatever it asks for, it gets no item any more.
    redis.call('HSET', drained, worker, GONE)
  end
end
-- Where fewer are to go than are idle, those go on that have been idle for the shortest time.
table.sort(idle, function(one, other)
  return one[2] < other[2] or (one[2] == other[2] and one[1] < other[1])
end)
while #idle > wanted do
  redis.call('HDEL', drained, table.remove(idle)[1])
end
if wanted > 0 or redis.call('EXISTS', drained) == 1 then
  redis.call('SET', key('drain'), wanted - #idle)
else
  redis.call('DEL', key('drain'))
end
local reply = {'OK', wanted - #idle}
for _, worker in ipairs(idle) do
  redis.call('HSET', drained, worker[1], worker[2])
  reply[#reply + 1] = worker[1]
  reply[#reply + 1] = worker[2]
end
return reply
