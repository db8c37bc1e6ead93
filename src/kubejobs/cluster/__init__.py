"""The few Kubernetes calls of a run, sync and async, over the official clients; manifests are pure functions."""
