"""`kubejobs stop` and `kubejobs terminate`: set the control key of a run's queue, through the cluster."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from kubejobs.cli.airflow_api import DAG_ID
from kubejobs.cli.command import Command
from kubejobs.errors import ConfigurationError, ObjectGoneError
from kubejobs.naming import RunIdentity
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Signal

if TYPE_CHECKING:
    from kubejobs.cluster.client import ClusterClient

_DONE = {
    Signal.STOP: "asked to stop: no further item is started, running ones are finished",
    Signal.TERMINATE: "asked to terminate: the workers are ended now",
}


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", help="the id of the Airflow run")
    parser.add_argument("--dag-id", default=DAG_ID, help=f"the run's DAG (default: {DAG_ID})")
    parser.add_argument("--namespace", default="default", help="where the run's objects are (default: default)")
    parser.add_argument("--kubeconfig", help="file with the cluster's credentials (default: as kubectl)")
    parser.add_argument("--context", help="context in that file (default: the current one)")


def _client(options: argparse.Namespace) -> ClusterClient:
    # The Kubernetes client is slow to import, and the other commands do not need it.
    from kubernetes import config  # noqa: PLC0415

    from kubejobs.cluster.client import ClusterClient  # noqa: PLC0415

    try:
        return ClusterClient(config.new_client_from_config(options.kubeconfig, options.context))
    except config.ConfigException as error:
        raise ConfigurationError(f"no cluster to talk to: {error}; give --kubeconfig or set KUBECONFIG") from error


def _signal(signal: Signal, options: argparse.Namespace) -> int:
    from kubejobs.cluster.client import read_queue_address  # noqa: PLC0415 - see _client

    run = RunIdentity(options.dag_id, options.run_id)
    address = read_queue_address(_client(options), run, options.namespace)
    if address is None:
        raise ObjectGoneError(
            f"run {options.run_id!r} of {options.dag_id!r} has no queue in namespace {options.namespace!r}: "
            "it has not been deployed yet, is over, or lives elsewhere (--namespace, --kubeconfig, --context)"
        )
    with WorkQueue(address) as queue:
        queue.signal_run(signal)
    print(f"{run.name}: {_DONE[signal]}")
    return 0


COMMANDS = (
    Command(
        "stop",
        "start no further item of a run and let the running ones finish",
        _add_options,
        partial(_signal, Signal.STOP),
    ),
    Command("terminate", "end a run now", _add_options, partial(_signal, Signal.TERMINATE)),
)
