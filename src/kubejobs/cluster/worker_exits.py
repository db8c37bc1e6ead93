"""How a worker's pod ended, from its status, and whether what it held is to blame. Pure; either client's objects."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

from kubejobs.workqueue.types import WorkerExit

OOM_KILLED = "OOMKilled"
EVICTED = "Evicted"
DELETED = "Deleted"
ERROR = "Error"

_DISRUPTION = "DisruptionTarget"
_BY_KUBELET = "TerminationByKubelet"
# The pod's own reason where the kubelet ended it for the node's sake: a shutdown, a critical pod.
_FOR_THE_NODE = frozenset({"Terminated", "NodeShutdown", "Shutdown", "Preempting"})
# The kubelet has lost the container, which a node's restart does.
_LOST = frozenset({"ContainerStatusUnknown", "Unknown"})
_SIGNAL_BASE = 128
_LONGEST_MESSAGE = 500


def exit_of(pod: Any) -> WorkerExit | None:
    """How the pod ended, or why the cluster is taking it away; None of a pod that goes on or has ended with 0.

    An item is to blame for a container that died or used up its node's memory or disk; not when the scheduler, an
    eviction through the API, a lost node, a node's shutdown, control or a person took the pod away.
    """
    if pod.status.phase == "Succeeded":
        return None
    ended = _ended_badly(pod)
    if ended is not None and ended[1].reason == OOM_KILLED:
        return WorkerExit(OOM_KILLED, _out_of_memory(pod, ended[0]), ended[1].exit_code)
    taken = _disruption(pod)
    if taken is not None:
        return taken if ended is None else _with_code(taken, ended[1].exit_code)
    if pod.status.phase != "Failed":
        return None
    if ended is None:
        return WorkerExit(pod.status.reason or ERROR, _cut(pod.status.message or "the pod failed; it gives no reason"))
    return _container_exit(pod, *ended)


def _ended_badly(pod: Any) -> tuple[str, Any] | None:
    """Name and final state of the first container, or init container, that did not end with 0."""
    for one in [*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ())]:
        ended = one.state.terminated if one.state else None
        if ended is not None and ended.exit_code != 0:
            return one.name, ended
    return None


def _disruption(pod: Any) -> WorkerExit | None:
    """Who took the pod away, by its condition DisruptionTarget."""
    found = next((c for c in pod.status.conditions or () if c.type == _DISRUPTION and c.status == "True"), None)
    own = pod.status.reason
    if own == EVICTED:
        return WorkerExit(EVICTED, _cut(pod.status.message or "evicted by its node"))
    if found is None:
        return None
    blamed = found.reason == _BY_KUBELET and own not in _FOR_THE_NODE
    return WorkerExit(found.reason or _DISRUPTION, _cut(found.message or "disrupted"), blames_items=blamed)


def _with_code(taken: WorkerExit, code: int) -> WorkerExit:
    return WorkerExit(taken.reason, taken.message, code, taken.blames_items)


def _container_exit(pod: Any, name: str, ended: Any) -> WorkerExit:
    how = f"container {name} ended with {code_in_words(ended.exit_code)}"
    if ended.message:
        how = f"{how}: {ended.message.strip()}"
    if pod.metadata.deletion_timestamp is not None:
        return WorkerExit(DELETED, _cut(f"the pod was removed; {how}"), ended.exit_code, blames_items=False)
    reason = ended.reason or ERROR
    return WorkerExit(reason, _cut(how), ended.exit_code, blames_items=reason not in _LOST)


def _out_of_memory(pod: Any, name: str) -> str:
    containers = [*(pod.spec.containers or ()), *(pod.spec.init_containers or ())]
    resources = next((one.resources for one in containers if one.name == name), None)
    limit = (resources.limits or {}).get("memory") if resources is not None else None
    if limit is None:
        return f"container {name} was killed as its node ran out of memory; give it a memory request or more of it"
    return f"container {name} used more than its memory limit of {limit}; raise resources.limits.memory"


def code_in_words(code: int) -> str:
    """An exit code for people: `exit code 3`, `exit code 137 (SIGKILL)`."""
    with suppress(ValueError):
        if code > _SIGNAL_BASE:
            return f"exit code {code} ({signal.Signals(code - _SIGNAL_BASE).name})"
    return f"exit code {code}"


def _cut(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
