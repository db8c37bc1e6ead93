"""What can keep a container from starting, in the kubelet's words."""

from __future__ import annotations


class ContainerConfigError(Exception):
    """A reference of the container or of a volume can't be resolved (yet)."""
