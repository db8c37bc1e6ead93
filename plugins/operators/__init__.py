"""Thin Airflow adapters of the stages of a run: translate arguments, call one function of kubejobs.

Rule: nothing that is slow to import is imported at a module's top; every task of the DAG pays for it.
"""
