"""The run's queue in Redis: keys, Lua scripts, leases, ledger, journal; a worker's client, and one for all the others.

Rule: imports the standard library, redis and the bottom rooms of kubejobs only. What a worker imports (`leasing` and
what that needs) does without redis.
"""
