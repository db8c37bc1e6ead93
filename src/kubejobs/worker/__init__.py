"""What runs in a worker pod: the client library and the runner for plain commands.

Rule: imports the standard library, redis and kubejobs.workqueue only.
"""
