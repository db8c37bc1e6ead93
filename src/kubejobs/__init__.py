"""Batch jobs that finish on time: a queue of work items, a Kubernetes Job of workers, and control that scales it.

Nothing under this package imports airflow: worker pods, the command line and the simulator install it alone.
"""

__version__ = "0.1.0"
