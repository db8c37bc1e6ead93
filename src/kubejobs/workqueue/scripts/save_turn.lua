-- One turn of the control loop: its journal line and its state. ARGV: token, line, state (JSON).
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
if redis.call('HGET', key('leader'), 'token') ~= ARGV[1] then
  return {'FENCED'}
end
redis.call('RPUSH', key('journal'), ARGV[2])
redis.call('SET', key('state'), ARGV[3])
return {'OK'}
