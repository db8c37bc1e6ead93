-- What the ledger counts, counted again in another way. Reply: 'OK', then pairs of names and numbers.
local total = redis.call('GET', key('total'))
if not total then
  return {'LOST'}
end
local counts = redis.call('HMGET', key('counts'), 'done', 'failed', 'dead')
local leased, empty_leases = 0, 0
for _, lease in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
  local items = redis.call('LLEN', lease_list(lease))
  leased = leased + items
  empty_leases = empty_leases + (items == 0 and 1 or 0)
end
local unlisted_levels = 0
for level = 1, 9 do
  if redis.call('EXISTS', list_of(level)) == 1 and not redis.call('ZSCORE', key('levels'), level) then
    unlisted_levels = unlisted_levels + 1
  end
end
return {'OK',
  'total', tonumber(total),
  'done', tonumber(counts[1] or '0'),
  'failed', tonumber(counts[2] or '0'),
  'dead', tonumber(counts[3] or '0'),
  'queued', queued_count(),
  'delayed', redis.call('ZCARD', key('delayed')),
  'held', redis.call('LLEN', key('held')),
  'leased', leased,
  'processing', redis.call('LLEN', key('processing')),
  'errors', redis.call('LLEN', key('errors')),
  'failures', redis.call('LLEN', key('failures')),
  'leases', redis.call('ZCARD', key('leases')),
  'empty_leases', empty_leases,
  'unlisted_levels', unlisted_levels}
