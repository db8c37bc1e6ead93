-- Late arrivals, or the first items after a fill. ARGV: token of this call, priority, the items.
-- Reply: the new total, or 'CLOSED' if it was said that no more will come. The same token again changes nothing for
-- ten minutes, which is far longer than a call is repeated.
local REMEMBERED_MS = 600000
local total = redis.call('GET', key('total'))
if not total then
  return {'LOST'}
end
if redis.call('ZSCORE', key('appends'), ARGV[1]) then
  return {'OK', tonumber(total)}
end
if redis.call('EXISTS', key('closed')) == 1 then
  return {'CLOSED'}
end
local level = tonumber(ARGV[2])
local items = {unpack(ARGV, 3)}
if redis.call('EXISTS', key('control')) == 1 then
  redis.call('LPUSH', key('held'), unpack(items))
elseif level == 0 then
  redis.call('LPUSH', base, unpack(items))
elseif redis.call('EXISTS', key('merged')) == 1 then
  put_back(items, 0)
else
  redis.call('LPUSH', list_of(level), unpack(items))
  redis.call('ZADD', key('levels'), level, level)
end
local now = server_time()
redis.call('ZADD', key('appends'), now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', key('appends'), '-inf', now - REMEMBERED_MS)
return {'OK', redis.call('INCRBY', key('total'), #items)}
