"""The project's development stack: the embedded cluster and a real Airflow on one machine, and the demo on it.

Rule: everything is on loopback and under `.demo/`, and every process that was started is stopped, however this ends.
"""
