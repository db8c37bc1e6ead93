"""Journal and ledger → the job report, and its renderings.

Rule: pure but for the writer; reads no clock.
"""
