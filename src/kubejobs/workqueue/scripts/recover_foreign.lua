-- Put back items of `processing` that have had no live lease key for a while, or that have no worker any more.
-- ARGV: milliseconds of that while, max_attempts, 1 if the arguments name all of `processing`, how many workers there
--   are (each holds one item at most) or -1, then for each item of `processing`: the item, its lease key.
-- Reply: how many items were put back (or given up).
local grace_ms, max_attempts, complete = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local workers, FIRST_ITEM = tonumber(ARGV[4]), 5
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local now = server_time()
local processing, unleased = key('processing'), key('unleased')
-- More items than workers: so many have lost theirs. Which ones is told by their lease keys, which the workers' end let
-- expire; the oldest, which are on the right, are taken first.
local orphans = workers < 0 and 0 or math.max(redis.call('LLEN', processing) - workers, 0)
local present, recovered = {}, 0

local function recover(item)
  redis.call('ZREM', unleased, item)
  if redis.call('LREM', processing, -1, item) == 1 then
    recovered, orphans = recovered + 1, math.max(orphans - 1, 0)
    local problem = cjson.encode({type = 'LeaseExpired', message = 'its worker is gone or stopped renewing its lease'})
    if may_run_again(item, max_attempts, 'LeaseExpired', problem, '', now) then
      put_back({item}, 0)
    end
  end
end

for argument = #ARGV - 1, FIRST_ITEM, -2 do
  local item, lease_key = ARGV[argument], ARGV[argument + 1]
  present[item] = true
  if redis.call('EXISTS', lease_key) == 1 then
    redis.call('ZREM', unleased, item)
  else
    local since = redis.call('ZSCORE', unleased, item)
    if orphans > 0 or since and now - since >= grace_ms then
      recover(item)
    elseif not since then
      redis.call('ZADD', unleased, now, item)
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
