-- Become the only control loop. ARGV: owner, milliseconds. Reply: a token that grows, or 'FENCED' while another leads.
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local leader, now = key('leader'), (server_time())
local held = redis.call('HMGET', leader, 'owner', 'until_ms')
if held[1] and held[1] ~= ARGV[1] and tonumber(held[2]) > now then
  return {'FENCED'}
end
local token = redis.call('HINCRBY', leader, 'token', 1)
redis.call('HSET', leader, 'owner', ARGV[1], 'until_ms', now + tonumber(ARGV[2]))
return {'OK', token}
