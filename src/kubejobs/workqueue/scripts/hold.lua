-- A stop: take everything queued and delayed out of the workers' sight, into `held`. Reply: how many are held.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local held = key('held')
if redis.call('EXISTS', held) == 0 and redis.call('EXISTS', base) == 1 then
  redis.call('RENAME', base, held)
end
local items = redis.call('RPOP', base, 1000)
while items do
  redis.call('LPUSH', held, unpack(items))
  items = redis.call('RPOP', base, 1000)
end
local delayed = redis.call('ZRANGE', key('delayed'), 0, 999)
while #delayed > 0 do
  redis.call('ZREM', key('delayed'), unpack(delayed))
  redis.call('LPUSH', held, unpack(undelayed(delayed)))
  delayed = redis.call('ZRANGE', key('delayed'), 0, 999)
end
return {'OK', redis.call('LLEN', held)}
