"""The end of a run's objects: removed at once, kept for a while, or found later by the janitor.

Rule: everything is found by label, so that it works for runs whose own tasks never ran; all of it may be repeated.
"""
