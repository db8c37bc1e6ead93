"""Which actuator a submission names. A new actuator is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from kubejobs.control.actuators.actuator import Actuator
from kubejobs.control.actuators.k8s_replicas import KubernetesReplicas
from kubejobs.control.actuators.nop import Nop
from kubejobs.errors import ConfigurationError
from kubejobs.submission.model import Scaling

ACTUATORS: dict[str, Callable[[], Actuator]] = {"k8s_replicas": KubernetesReplicas, "nop": Nop}


def actuator_for(scaling: Scaling) -> Actuator:
    """The submission's actuator; a ConfigurationError if there is none of that name."""
    try:
        return ACTUATORS[scaling.actuator]()
    except KeyError as error:
        known = ", ".join(sorted(ACTUATORS))
        raise ConfigurationError(f"scaling.actuator is {scaling.actuator!r}; it must be one of: {known}") from error
