"""The helper process beside a worker: renews its leases, gives back what waits in vain, answers the readiness probe.

Rule: the standard library and this package only: it runs without site-packages, at a fraction of the memory of a
process with a client library.
"""
