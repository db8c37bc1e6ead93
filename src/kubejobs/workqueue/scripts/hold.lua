-- A stop: take everything queued and delayed out of the workers' sight, into `held`. Reply: how many are held.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local held = key('held')

local function hold_list(list)
  if redis.call('EXISTS', held) == 0 and redis.call('EXISTS', list) == 1 then
    redis.call('RENAME', list, held)
  end
  local items = redis.call('RPOP', list, 1000)
  while items do
    redis.call('LPUSH', held, unpack(items))
    items = redis.call('RPOP', list, 1000)
  end
end

for _, level in ipairs(redis.call('ZREVRANGE', key('levels'), 0, -1)) do
  hold_list(key('level:' .. level))
end
redis.call('DEL', key('levels'))
hold_list(base)
local delayed = redis.call('ZRANGE', key('delayed'), 0, 999)
while #delayed > 0 do
  redis.call('ZREM', key('delayed'), unpack(delayed))
  for _, member in ipairs(delayed) do
    redis.call('LPUSH', held, (delayed_item(member)))
  end
  delayed = redis.call('ZRANGE', key('delayed'), 0, 999)
end
return {'OK', redis.call('LLEN', held)}
