-- Lead for longer, or stop leading with 0. ARGV: token, milliseconds. Reply: 'FENCED' if another leads.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
if redis.call('HGET', key('leader'), 'token') ~= ARGV[1] then
  return {'FENCED'}
end
local milliseconds = tonumber(ARGV[2])
redis.call('HSET', key('leader'), 'until_ms', milliseconds > 0 and (server_time()) + milliseconds or 0)
return {'OK'}
