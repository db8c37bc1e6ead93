"""The run's queue in Redis: keys, Lua scripts, leases, ledger, journal; one client, sync and async.

Rule: imports the standard library, redis and the bottom rooms of kubejobs only: a worker pod needs nothing else.
"""
