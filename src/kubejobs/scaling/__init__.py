"""How many workers: Observation → Decision.

Rule: pure; frozen dataclasses in and out, no clock, logger, await, global, redis, kubernetes, airflow or asyncio.
"""
