"""An embedded cluster for development: the Kubernetes API on loopback, whose pods are local processes.

It offers what the project uses and nothing more; README.md lists where it differs from a genuine Kubernetes.
"""
