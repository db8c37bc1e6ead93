"""Act: how a decision reaches the cluster. One actuator a file, and a registry.

Rule: an actuator carries out; it never chooses.
"""
