"""Assigns pods to the only node, as long as what they request fits."""

from __future__ import annotations

from localkube.controllers.queue import KeyQueue
from localkube.settings import NODE_NAME, Settings
from localkube.state.kinds import PODS, Object
from localkube.state.objects import Key, is_deleting, key_of, name_of, namespace_of, now
from localkube.state.quantities import parse_quantity
from localkube.state.recorder import Recorder
from localkube.state.store import Event, Store

_TERMINAL = ("Succeeded", "Failed")
_RESOURCES = ("cpu", "memory")


def requests_of(pod: Object) -> dict[str, float]:
    """What the pod's containers request together, in cores and bytes."""
    containers = pod["spec"]["containers"]
    requests = [(container.get("resources") or {}).get("requests") or {} for container in containers]
    return {name: sum(parse_quantity(one.get(name, 0)) for one in requests) for name in _RESOURCES}


class Scheduler:
    """Puts pods on the node."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._capacity = {"cpu": settings.cpu_cores, "memory": settings.memory_bytes}
        self._recorder = Recorder(store, "default-scheduler")
        self._queue = KeyQueue(self._schedule, settings.job_delay_seconds)
        self._unschedulable: set[Key] = set()
        self._unsubscribe = store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.kind is not PODS:
            return
        if event.change == "ADDED" and not event.item["spec"].get("nodeName"):
            self._queue.add(key_of(event.item))
        if event.change == "DELETED":
            self._unschedulable.discard(key_of(event.item))
        if event.change == "DELETED" or event.item["status"].get("phase") in _TERMINAL:
            for key in self._unschedulable:
                self._queue.add(key)

    def _schedule(self, key: Key) -> None:
        pod = self._store.find(PODS, *key)
        if pod is None or pod["spec"].get("nodeName") or is_deleting(pod):
            return
        obstacle = self._obstacle(pod)
        if obstacle:
            self._refuse(pod, obstacle)
            return
        self._unschedulable.discard(key)

        def bind(fresh: Object) -> None:
            fresh["spec"]["nodeName"] = NODE_NAME
            _set_scheduled(fresh, {"status": "True"})

        self._store.change(PODS, pod, bind)
        message = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {NODE_NAME}"
        self._recorder.normal(PODS, pod, "Scheduled", message)

    def _obstacle(self, pod: Object) -> str:
        if pod["spec"].get("nodeSelector"):
            return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
        used = dict.fromkeys(_RESOURCES, 0.0)
        for other in self._store.list(PODS):
            if other["spec"].get("nodeName") and other["status"].get("phase") not in _TERMINAL:
                used = {name: used[name] + amount for name, amount in requests_of(other).items()}
        wanted = requests_of(pod)
        short = [name for name in _RESOURCES if wanted[name] and used[name] + wanted[name] > self._capacity[name]]
        return f"0/1 nodes are available: {', '.join(f'1 Insufficient {name}' for name in short)}." if short else ""

    def _refuse(self, pod: Object, obstacle: str) -> None:
        self._unschedulable.add(key_of(pod))
        said = {"status": "False", "reason": "Unschedulable", "message": obstacle}
        self._store.change(PODS, pod, lambda fresh: _set_scheduled(fresh, said))
        self._recorder.warning(PODS, pod, "FailedScheduling", obstacle)

    def close(self) -> None:
        """Schedule no more."""
        self._unsubscribe()
        self._queue.close()


def _set_scheduled(pod: Object, said: dict[str, str]) -> None:
    others = [one for one in pod["status"].get("conditions") or [] if one["type"] != "PodScheduled"]
    present = [one for one in pod["status"].get("conditions") or [] if one["type"] == "PodScheduled"]
    same = present and present[0]["status"] == said["status"]
    since = present[0]["lastTransitionTime"] if same else now()
    condition = {"type": "PodScheduled", "lastProbeTime": None, "lastTransitionTime": since} | said
    pod["status"]["conditions"] = [condition, *others]
