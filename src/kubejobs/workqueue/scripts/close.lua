-- Say that no more items will come.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
redis.call('SET', key('closed'), 1)
return {'OK'}
