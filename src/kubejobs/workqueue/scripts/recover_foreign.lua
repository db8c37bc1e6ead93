-- Put back items of `processing` that have had no live lease key for a while, or that have no worker any more.
-- ARGV: milliseconds of that while, max_attempts, 1 if the arguments name all of `processing`, how many workers there
--   are (each holds one item at most) or -1, how many workers have failed so far (not those that were removed), then for
--   each item of `processing`: the item, its lease key.
-- Reply: how many items were put back (or given up).
local FIRST_ITEM = 6
local grace_ms, max_attempts, complete = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local workers, failed_workers = tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('EXISTS', key('total')) == 0 then
  return {'LOST'}
end
local now = server_time()
local processing, unleased = key('processing'), key('unleased')
local present, without_lease, recovered = {}, {}, 0

-- The oldest items are on the right and are taken first.
for argument = #ARGV - 1, FIRST_ITEM, -2 do
  local item = ARGV[argument]
  present[item] = true
  if redis.call('EXISTS', ARGV[argument + 1]) == 1 then
    redis.call('ZREM', unleased, item)
  else
    without_lease[#without_lease + 1] = item
  end
end
-- More items than workers: so many have lost theirs. A worker that lives may just not have set its lease key yet;
-- so at first sight only what is more than all workers could hold without one is taken for lost.
local orphans = workers < 0 and 0 or math.max(redis.call('LLEN', processing) - workers, 0)
local surely_orphans = workers < 0 and 0 or math.max(#without_lease - workers, 0)

-- Where a worker was removed and did not fail, its item is not to blame.
local function is_blamed()
  if orphans <= 0 then
    return true
  end
  if failed_workers <= tonumber(redis.call('HGET', key('counts'), 'blamed_orphans') or '0') then
    return false
  end
  redis.call('HINCRBY', key('counts'), 'blamed_orphans', 1)
  return true
end

local function recover(item)
  redis.call('ZREM', unleased, item)
  if redis.call('LREM', processing, -1, item) == 1 then
    local blamed = is_blamed()
    recovered, orphans, surely_orphans = recovered + 1, orphans - 1, surely_orphans - 1
    if not blamed then
      return put_back({item}, 0)
    end
    local problem = cjson.encode({type = 'LeaseExpired', message = 'its worker is gone or stopped renewing its lease'})
    if may_run_again(item, max_attempts, 'LeaseExpired', problem, '', now) then
      put_back({item}, 0)
    end
  end
end

for _, item in ipairs(without_lease) do
  local since = redis.call('ZSCORE', unleased, item)
  if surely_orphans > 0 or since and (orphans > 0 or now - since >= grace_ms) then
    recover(item)
  elseif not since then
    redis.call('ZADD', unleased, now, item)
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
