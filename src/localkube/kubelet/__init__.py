"""Pods as local processes: their containers, environment, volumes, probes, logs and status."""
