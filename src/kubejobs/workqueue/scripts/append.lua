-- Late arrivals, or the first items after a fill. ARGV: token of this call, priority, the items.
-- Reply: the new total, or 'CLOSED' if it was said that no more will come. The same token again changes nothing.
local total = redis.call('GET', key('total'))
if not total then
  return {'LOST'}
end
if redis.call('HEXISTS', key('appends'), ARGV[1]) == 1 then
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
redis.call('HSET', key('appends'), ARGV[1], 1)
return {'OK', redis.call('INCRBY', key('total'), #items)}
