-- Make a whole fill visible at once. ARGV: its token, how many items, 1 if no more will come.
-- Reply: 'FENCED' if another fill has begun since, 'SHORT' and what is there if items are missing.
local staging = key('filling:' .. ARGV[1])
if redis.call('EXISTS', key('filled')) == 1 then
  return {'FILLED', number_of('total')}
end
if redis.call('GET', key('filling')) ~= ARGV[1] then
  return {'FENCED'}
end
local staged = redis.call('LLEN', staging)
if staged ~= tonumber(ARGV[2]) then
  return {'SHORT', staged}
end
if staged > 0 then
  redis.call('RENAME', staging, base)
end
redis.call('DEL', key('filling'))
redis.call('SET', key('total'), staged)
redis.call('SET', key('filled'), staged)
if ARGV[3] == '1' then
  redis.call('SET', key('closed'), 1)
end
return {'OK', staged}
