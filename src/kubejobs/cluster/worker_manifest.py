"""The pods of workers: the container, its environment, its readiness, and the runner for plain programs. Pure."""

from __future__ import annotations

from kubejobs.cluster.manifest_parts import Manifest, container_security, pod_security, resources_of
from kubejobs.naming import RunIdentity
from kubejobs.submission.model import Runner, Submission
from kubejobs.workqueue.types import QueueAddress

CONTAINER = "worker"
READY_PORT = 9711
RUNNER_DIR = "/kubejobs"
RUNNER_PROGRAM = f"{RUNNER_DIR}/kubejobs-runner"
# The runner's own exit codes that no further pod would end otherwise with: what they mean is in docs/worker.md.
RUNNER_FAILURES = {
    2: "the runner's options or the environment are wrong",
    4: "the queue refused the worker",
    127: "the command does not exist in the image or is not executable",
}


def failure_rules(submission: Submission) -> list[Manifest]:
    """What a failed pod means: nothing if it was disrupted; with a runner the Job's end if its command can't work."""
    rules: list[Manifest] = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
    if submission.runner is not None:
        codes = {"containerName": CONTAINER, "operator": "In", "values": sorted(RUNNER_FAILURES)}
        rules.append({"action": "FailJob", "onExitCodes": codes})
    return rules


def worker_pod_spec(run: RunIdentity, submission: Submission, address: QueueAddress, runner_image: str) -> Manifest:
    """What each pod of the Job is; `runner_image` holds the runner, for a submission that has one."""
    spec: Manifest = {
        **pod_security(submission.run_as_user),
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": submission.termination_grace_period,
        "containers": [_container(run, submission, address)],
    }
    if submission.runner is not None:
        spec["initContainers"] = [_runner_container(submission, runner_image)]
        spec["volumes"] = [{"name": "kubejobs", "emptyDir": {}}]
    if submission.node_selector:
        spec["nodeSelector"] = dict(submission.node_selector)
    if submission.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in submission.image_pull_secrets]
    if submission.service_account:
        spec["serviceAccountName"] = submission.service_account
        spec["automountServiceAccountToken"] = True
    return spec


def _container(run: RunIdentity, submission: Submission, address: QueueAddress) -> Manifest:
    container: Manifest = {
        "name": CONTAINER,
        "image": submission.image,
        "env": worker_environment(run, submission, address),
        "resources": resources_of(submission.resources),
        "securityContext": container_security(read_only=False),
    }
    container |= _program(submission)
    if submission.drain:
        container["readinessProbe"] = _readiness()
    if submission.image_pull_policy:
        container["imagePullPolicy"] = submission.image_pull_policy
    return container


def _program(submission: Submission) -> Manifest:
    """The user's command; with a runner, the runner that is given it."""
    if submission.runner is not None:
        options = [RUNNER_PROGRAM, *runner_options(submission.runner), "--", *submission.command, *submission.args]
        return {"command": options, "volumeMounts": [{"name": "kubejobs", "mountPath": RUNNER_DIR, "readOnly": True}]}
    parts = {"command": list(submission.command), "args": list(submission.args)}
    return {name: words for name, words in parts.items() if words}


def runner_options(runner: Runner) -> list[str]:
    """The runner's command line for a submission's `runner`; options that say their default are left out."""
    options = ["--lines"] if runner.mode == "lines" else []
    if runner.concurrency > 1:
        options.append(f"--concurrency={runner.concurrency}")
    if runner.timeout_seconds is not None:
        options.append(f"--timeout={_number(runner.timeout_seconds)}")
    options += [f"--fail-code={code}" for code in runner.fail_codes]
    if runner.keep_result:
        options.append("--result")
    return options if runner.on_sigterm == "finish" else [*options, f"--on-sigterm={runner.on_sigterm}"]


def _runner_container(submission: Submission, image: str) -> Manifest:
    """Puts the runner into the pod. With the worker's resources, which it uses before the worker: it adds none."""
    return {
        "name": "runner",
        "image": image,
        "args": ["install", RUNNER_DIR],
        "resources": resources_of(submission.resources),
        "securityContext": container_security(read_only=True),
        "volumeMounts": [{"name": "kubejobs", "mountPath": RUNNER_DIR}],
    }


def _readiness() -> Manifest:
    """Seen within about a second: a drained worker closes the port, and is only then removed."""
    return {
        "tcpSocket": {"port": READY_PORT},
        "periodSeconds": 1,
        "timeoutSeconds": 2,
        "failureThreshold": 1,
        "successThreshold": 1,
    }


def worker_environment(run: RunIdentity, submission: Submission, address: QueueAddress) -> list[Manifest]:
    """The worker contract's variables after the user's own; the password comes from the Secret."""
    queue = submission.queue
    own: dict[str, Manifest] = {
        "REDIS_HOST": {"value": address.host},
        "REDIS_PORT": {"value": str(address.port)},
        "KUBEJOBS_RUN": {"value": run.name},
        "KUBEJOBS_LEASE_SECONDS": {"value": _number(queue.lease_seconds)},
        "KUBEJOBS_MAX_ATTEMPTS": {"value": str(queue.max_attempts)},
        "KUBEJOBS_RETRY_SECONDS": {"value": _number(queue.retry_seconds)},
        "KUBEJOBS_RETRY_MAX_SECONDS": {"value": _number(queue.retry_max_seconds)},
        "KUBEJOBS_BATCH": {"value": str(queue.batch)},
        "KUBEJOBS_QUEUE_PREFIX": {"value": address.prefix},
        "REDIS_DATABASE": {"value": str(address.database)},
        "REDIS_TLS": {"value": "true" if address.tls else "false"},
        "REDIS_PASSWORD": {"valueFrom": {"secretKeyRef": {"name": run.queue_name, "key": "password"}}},
        "POD_NAME": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        "POD_IP": {"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    }
    if address.username:
        own["REDIS_USERNAME"] = {"value": address.username}
    if submission.drain:
        own["KUBEJOBS_READY_PORT"] = {"value": str(READY_PORT)}
    users: dict[str, Manifest] = {name: {"value": value} for name, value in submission.env.items()}
    return [{"name": name, **source} for name, source in {**users, **own}.items()]


def _number(value: float) -> str:
    """All digits that matter, and no exponent where none is needed."""
    return f"{value:.15g}"
