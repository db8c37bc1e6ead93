"""The command `localkube`: an embedded cluster in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from localkube.cluster import Cluster
from localkube.errors import LocalKubeError
from localkube.kubelet.images import read_images
from localkube.settings import Settings


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="localkube",
        description="A development aid: the part of the Kubernetes API that KubeJobs uses, on loopback; "
        "pods are local processes, without any isolation.",
    )
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="where kubeconfig and pods' files go")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--images", type=Path, metavar="FILE.json", help="image patterns and their local runtimes")
    parser.add_argument(
        "--job-delay", type=float, default=0.0, metavar="SECONDS", help="hold back every reaction of a controller"
    )
    parser.add_argument(
        "--back-off", type=float, default=10.0, metavar="SECONDS", help="first pause after a failure (default: 10)"
    )
    parser.add_argument("--cpus", type=float, default=64.0, metavar="CORES", help="the node's CPUs for pods' requests")
    parser.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="write the kubeconfig's path to this file when ready"
    )
    return parser


def read_settings(arguments: list[str] | None = None) -> Settings:
    """The settings of a command line; LocalKubeError for an images file that can't be read."""
    given = make_parser().parse_args(arguments)
    return Settings(
        state=given.state.resolve(),
        port=given.port,
        images=read_images(given.images) if given.images else {},
        job_delay_seconds=given.job_delay,
        back_off_seconds=given.back_off,
        cpu_cores=given.cpus,
        ready_file=given.ready_file,
    )


async def serve(settings: Settings) -> None:
    """Run a cluster until this process is asked to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    cluster = Cluster(settings)
    await cluster.start()
    try:
        print(  # noqa: T201 -- the one line that says the cluster is ready
            f"localkube is ready: KUBECONFIG={settings.kubeconfig} (a development aid: pods are processes of this "
            f"user, without isolation)",
            flush=True,
        )
        if settings.ready_file:
            settings.ready_file.write_text(f"{settings.kubeconfig}\n")
        await ended.wait()
    finally:
        await cluster.close()
        if settings.ready_file:
            settings.ready_file.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status."""
    try:
        asyncio.run(serve(read_settings(arguments)))
    except LocalKubeError as problem:
        print(f"localkube: {problem}", file=sys.stderr)  # noqa: T201 -- a command's error message
        return 1
    return 0
