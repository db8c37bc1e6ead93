"""A submission → a filled queue in the cluster and the run's plan in it.

Rule: every step is create-or-adopt, so that a second try goes on where the first one ended; nothing is made in the
cluster before the whole workload has been read.
"""
