-- Put back items of `processing` that have had no live lease key for a while.
-- ARGV: milliseconds of that while, max_attempts, 1 if the arguments name all of `processing`,
--   then for each item of it: the item, its lease key.
-- Reply: how many items were put back (or given up).
local grace_ms, max_attempts, complete = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local now = server_time_ms()
local unleased, present, recovered = key('unleased'), {}, 0
for argument = 4, #ARGV, 2 do
  local item, lease_key = ARGV[argument], ARGV[argument + 1]
  present[item] = true
  if redis.call('EXISTS', lease_key) == 1 then
    redis.call('ZREM', unleased, item)
  else
    local since = redis.call('ZSCORE', unleased, item)
    if not since then
      redis.call('ZADD', unleased, now, item)
    elseif now - since >= grace_ms then
      redis.call('ZREM', unleased, item)
      if redis.call('LREM', key('processing'), 1, item) == 1 then
        recovered = recovered + 1
        if may_run_again(item, max_attempts, 'LeaseExpired', '', now) then
          put_back({item})
        end
      end
    end
  end
end
if complete then
  for _, item in ipairs(redis.call('ZRANGE', unleased, 0, -1)) do
    if not present[item] then
      redis.call('ZREM', unleased, item)
    end
  end
end
return {'OK', recovered}
