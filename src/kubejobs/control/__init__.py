"""Observe, decide, actuate, journal: one loop for the trigger, the tests and the simulator.

Rule: the loop is given its clock, queue and cluster; it opens no connection and reads no setting itself.
"""
