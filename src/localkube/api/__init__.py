"""The Kubernetes API over HTTP: requests in, objects and `Status` bodies out. It decides nothing about pods."""
