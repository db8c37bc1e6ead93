-- Put before the turn: what almost every turn is, without the functions that the others need, as making them takes longer
-- than all that the server is asked here. The lease to settle is plainly done, items are queued, and nothing is out of
-- the ordinary. Whatever is not so is left to the whole turn; until that is sure nothing is changed.
local OUT_OF_THE_ORDINARY = {'control', 'drain', 'tries', 'delayed', 'levels'}
if #ARGV == 10 and ARGV[3] ~= '' and ARGV[4] == 'done' and ARGV[7] ~= '0' then
  local base, session, turn, settling = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
  local prefix = base .. ':'
  local leases, sessions, counts = prefix .. 'leases', prefix .. 'sessions', prefix .. 'counts'
  for index, suffix in ipairs(OUT_OF_THE_ORDINARY) do
    OUT_OF_THE_ORDINARY[index] = prefix .. suffix
  end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local last = redis.call('HGET', sessions, session)
  if last and string.match(last, '^%d+') ~= turn
    and redis.call('EXISTS', unpack(OUT_OF_THE_ORDINARY)) == 0
    and redis.call('EXISTS', base) == 1
    and not redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 1)[1]
    and redis.call('ZREM', leases, settling) == 1 then
    local wanted = math.min(tonumber(ARGV[7]), 1000)
    if ARGV[8] == '1' and wanted > 1 then
      local share = redis.call('LLEN', base) / (2 * redis.call('HLEN', sessions))
      wanted = math.max(math.min(wanted, math.ceil(share)), 1)
    end
    local settled, lease = prefix .. 'lease:' .. settling, session .. '.' .. turn
    local done = redis.call('LLEN', settled)
    redis.call('DEL', settled)
    for bucket, count in string.gmatch(ARGV[6], '(%-?%d+):(%d+)') do
      redis.call('HINCRBY', prefix .. 'durations', bucket, count)
    end
    local items = redis.call('RPOP', base, wanted)
    redis.call('RPUSH', prefix .. 'lease:' .. lease, unpack(items))
    redis.call('ZADD', leases, now + ARGV[9], lease)
    local before = redis.call('HMGET', counts, 'done', 'worked_us', 'deliveries')
    redis.call('HSET', counts, 'done', (before[1] or 0) + done, 'worked_us', (before[2] or 0) + ARGV[5],
      'deliveries', (before[3] or 0) + #items, 'last_acknowledged_ms', now)
    redis.call('HSET', sessions, session, turn .. ' SETTLED LEASED ' .. now .. ' ' .. lease)
    return {'OK', 'SETTLED', 'LEASED', lease, items, {}}
  end
end
