-- A session that has ended in good order is counted no more. ARGV: session.
redis.call('HDEL', key('sessions'), ARGV[1])
return {'OK'}
