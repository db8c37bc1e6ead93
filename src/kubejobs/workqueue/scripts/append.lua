-- Late arrivals. ARGV: the items. Reply: the new total, or 'CLOSED' if it was said that no more will come.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
if redis.call('EXISTS', key('closed')) == 1 then
  return {'CLOSED'}
end
redis.call('LPUSH', open_list(), unpack(ARGV))
return {'OK', redis.call('INCRBY', key('total'), #ARGV)}
