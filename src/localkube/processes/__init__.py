"""Processes that never outlive their owner: a spawner, a supervisor for each container, CPU limits.

Rule: what runs in the spawner's process (zygote, supervisor, throttle, tree) needs the standard library only.
"""
