-- Make a whole fill visible at once. ARGV: its token, how many items, 1 if no more will come, 1 if the run's workers
--   know one list only: then prioritized items are moved to its head, the highest first.
-- Reply: 'FENCED' if another fill has begun since; 'SHORT' and what was there if items are missing, which is discarded.
local staging = key('filling:' .. ARGV[1])
local merge = ARGV[4] == '1'
if redis.call('EXISTS', key('filled')) == 1 then
  return {'FILLED', number_of('total')}
end
local filling = redis.call('GET', key('filling'))
if filling and filling ~= ARGV[1] then
  return {'FENCED'}
end
local staged = redis.call('LLEN', staging)
for level = 1, 9 do
  staged = staged + redis.call('LLEN', staging .. ':' .. level)
end
-- A server that has lost its data has also forgotten whose fill it was.
if not filling or staged ~= tonumber(ARGV[2]) then
  redis.call('UNLINK', staging, key('filling'))
  for level = 1, 9 do
    redis.call('UNLINK', staging .. ':' .. level)
  end
  return {'SHORT', staged}
end
if redis.call('EXISTS', staging) == 1 then
  redis.call('RENAME', staging, base)
end

local function move_to_head(list)
  local items = redis.call('LPOP', list, 1000)
  while items do
    redis.call('RPUSH', base, unpack(items))
    items = redis.call('LPOP', list, 1000)
  end
end

for level = 1, 9 do
  local list = staging .. ':' .. level
  if merge then
    move_to_head(list)
  elseif redis.call('EXISTS', list) == 1 then
    redis.call('RENAME', list, list_of(level))
    redis.call('ZADD', key('levels'), level, level)
  end
end
if merge then
  redis.call('SET', key('merged'), 1)
end
redis.call('DEL', key('filling'))
redis.call('SET', key('total'), staged)
redis.call('SET', key('filled'), staged)
if ARGV[3] == '1' then
  redis.call('SET', key('closed'), 1)
end
return {'OK', staged}
