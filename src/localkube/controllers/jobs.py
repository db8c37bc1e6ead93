"""The Job controller: counts how pods end, creates and removes pods, sets the Job's status.

Rule: a pod's end is counted at the moment of its event, so that no count is lost with the pod; everything else is
decided from the present state, as often as it takes.
"""

from __future__ import annotations

import time
from typing import Any

from localkube.controllers import job_rules as rules
from localkube.controllers.job_rules import Ledger
from localkube.controllers.job_status import complete, failing, renew_status, suspended
from localkube.controllers.pods import create_pod
from localkube.controllers.queue import KeyQueue
from localkube.settings import Settings
from localkube.state.deletion import FOREGROUND, DeleteOptions, delete
from localkube.state.kinds import JOBS, NAMESPACES, PODS, Object
from localkube.state.objects import (
    Key,
    controlled_by,
    generated_name,
    has_condition,
    is_deleting,
    key_of,
    name_of,
    namespace_of,
    owners_of,
    parse_time,
    uid_of,
)
from localkube.state.recorder import Recorder
from localkube.state.store import Event, Store


class JobController:
    """Makes pods follow their Jobs."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._recorder = Recorder(store, "job-controller")
        self._ledgers: dict[str, Ledger] = {}
        self._queue = KeyQueue(self._reconcile, settings.job_delay_seconds)
        self._unsubscribe = store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.kind is JOBS:
            if event.change == "DELETED":
                self._ledgers.pop(uid_of(event.item), None)
            self._queue.add(key_of(event.item))
        elif event.kind is PODS:
            job = self._owner(event.item)
            if job is not None:
                self._count(job, event.item, gone=event.change == "DELETED")
                self._queue.add(key_of(job))

    def _owner(self, pod: Object) -> Object | None:
        for reference in owners_of(pod):
            if reference.get("controller") and reference["kind"] == JOBS.name:
                job = self._store.find(JOBS, namespace_of(pod), reference["name"])
                return job if job is not None and uid_of(job) == reference["uid"] else None
        return None

    def _ledger(self, job: Object) -> Ledger:
        return self._ledgers.setdefault(uid_of(job), Ledger())

    def _count(self, job: Object, pod: Object, *, gone: bool) -> None:
        ledger = self._ledger(job)
        outcome, failed_by_policy = rules.outcome_of(job, pod, gone=gone)
        if outcome is None or uid_of(pod) in ledger.outcomes:
            return
        ledger.note(uid_of(pod), outcome, time.time())
        ledger.failed_by_policy = ledger.failed_by_policy or failed_by_policy

    def _reconcile(self, key: Key) -> None:
        job = self._store.find(JOBS, *key)
        if job is None:
            return
        if rules.finished(job):
            self._expire(job)
            return
        ledger, at = self._ledger(job), time.time()
        if not is_deleting(job):
            reason = rules.failure_reason(job, ledger, rules.active_pods(self._pods(job)), at)
            if has_condition(job, "FailureTarget") or reason:
                self._fail(job, ledger, reason)
                return
            self._manage(job, ledger, at)
        self._renew(job, ledger)

    def _pods(self, job: Object) -> list[Object]:
        return [pod for pod in self._store.list(PODS, namespace_of(job)) if controlled_by(pod, job)]

    def _manage(self, job: Object, ledger: Ledger, at: float) -> None:
        pods = self._pods(job)
        active = rules.active_pods(pods)
        if job["spec"]["suspend"]:
            self._remove(job, ledger, active)
            return
        wanted = rules.wanted_active(job["spec"], ledger.count("succeeded"), len(active))
        if len(active) > wanted:
            self._remove(job, ledger, rules.removal_order(active)[: len(active) - wanted])
            return
        missing = wanted - len(active)
        if job["spec"].get("podReplacementPolicy") == "Failed":
            missing -= len(rules.terminating_pods(pods))
        if missing <= 0:
            return
        pause = ledger.back_off_seconds(self._settings.back_off_seconds, at)
        if pause > 0:
            self._queue.add_after(key_of(job), pause)
            return
        self._create(job, missing)

    def _create(self, job: Object, count: int) -> None:
        namespace = self._store.find(NAMESPACES, "", namespace_of(job))
        if namespace is None or is_deleting(namespace):
            return
        for _ in range(count):
            pod = create_pod(self._store, JOBS, job, generated_name(f"{name_of(job)}-"), {})
            self._recorder.normal(JOBS, job, "SuccessfulCreate", f"Created pod: {name_of(pod)}")

    def _remove(self, job: Object, ledger: Ledger, pods: list[Object]) -> None:
        """Delete pods that are not wanted any more; they count as neither failed nor succeeded."""
        for pod in pods:
            ledger.note(uid_of(pod), "removed", time.time())
            delete(self._store, PODS, pod)
            self._recorder.normal(JOBS, job, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _fail(self, job: Object, ledger: Ledger, reason: tuple[str, str] | None) -> None:
        for pod in rules.active_pods(self._pods(job)):
            delete(self._store, PODS, pod)
            self._recorder.normal(JOBS, job, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        terminating = rules.terminating_pods(self._pods(job))
        status = renew_status(job, self._pods(job), ledger)
        failing(status, reason, final=not terminating)
        self._write(job, status)
        if not terminating:
            last = next(one for one in status["conditions"] if one["type"] == "Failed")
            self._recorder.warning(JOBS, job, last["reason"], last["message"])

    def _renew(self, job: Object, ledger: Ledger) -> None:
        pods = self._pods(job)
        status = renew_status(job, pods, ledger)
        suspended(status, job)
        active, terminating = rules.active_pods(pods), rules.terminating_pods(pods)
        done = rules.is_complete(job["spec"], ledger.count("succeeded"), len(active)) and not is_deleting(job)
        if done:
            complete(status, final=not terminating)
        self._write(job, status)
        if done and not terminating:
            self._recorder.normal(JOBS, job, "Completed", "Job completed")
        left = rules.deadline_left_seconds(job | {"status": status}, time.time())
        if left is not None and not done:
            self._queue.add_after(key_of(job), left)

    def _write(self, job: Object, status: dict[str, Any]) -> None:
        self._store.change(JOBS, job, lambda fresh: fresh.update(status=status))

    def _expire(self, job: Object) -> None:
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or is_deleting(job):
            return
        conditions = job["status"]["conditions"]
        ended = next(one for one in conditions if one["type"] in ("Complete", "Failed") and one["status"] == "True")
        left = parse_time(ended["lastTransitionTime"]) + seconds - time.time()
        if left > 0:
            self._queue.add_after(key_of(job), left)
        else:
            delete(self._store, JOBS, job, DeleteOptions(policy=FOREGROUND))

    def close(self) -> None:
        """Reconcile no more."""
        self._unsubscribe()
        self._queue.close()
