-- Begin to fill the queue; what an interrupted fill left is discarded. ARGV: this fill's token.
-- Reply: 'FILLED' and the total if an earlier fill has finished, 'TAKEN' and a length if the list is somebody else's.
if redis.call('EXISTS', key('filled')) == 1 then
  return {'FILLED', number_of('total')}
end
if redis.call('EXISTS', base) == 1 then
  return {'TAKEN', redis.call('LLEN', base)}
end
local earlier = redis.call('GET', key('filling'))
if earlier then
  redis.call('UNLINK', key('filling:' .. earlier))
  for level = 1, 9 do
    redis.call('UNLINK', key('filling:' .. earlier .. ':' .. level))
  end
end
redis.call('SET', key('filling'), ARGV[1])
return {'OK'}
