"""A worker's environment."""

import pytest

from kubejobs.errors import ConfigurationError
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.leasing import RetryDelays
from kubejobs.workqueue.types import QueueAddress


def test_a_host_is_enough() -> None:
    """Everything else has a default."""
    settings = WorkerSettings.from_environment({"REDIS_HOST": "h", "HOSTNAME": "pod-1"})
    assert settings == WorkerSettings(QueueAddress("h"), "pod-1")
    assert (settings.lease_seconds, settings.max_attempts, settings.batch, settings.ready_port) == (60, 3, "auto", 0)


def test_every_variable_is_read() -> None:
    """Those of existing images and the project's own."""
    settings = WorkerSettings.from_environment(
        {
            "REDIS_HOST": "h",
            "REDIS_PORT": "7000",
            "REDIS_PASSWORD": "p",
            "REDIS_USERNAME": "u",
            "REDIS_DATABASE": "2",
            "REDIS_TLS": "true",
            "KUBEJOBS_QUEUE_PREFIX": "x:",
            "KUBEJOBS_LEASE_SECONDS": "1.5",
            "KUBEJOBS_MAX_ATTEMPTS": "5",
            "KUBEJOBS_BATCH": "10",
            "KUBEJOBS_LOST_SECONDS": "0",
            "KUBEJOBS_RETRY_SECONDS": "2",
            "KUBEJOBS_RETRY_MAX_SECONDS": "8",
            "KUBEJOBS_READY_PORT": "9711",
            "POD_IP": "10.0.0.9",
            "POD_NAME": "pod-1",
            "HOSTNAME": "other",
        }
    )
    address = QueueAddress("h", 7000, "p", "u", 2, tls=True, prefix="x:")
    assert settings == WorkerSettings(address, "pod-1", 1.5, 5, 10, 0.0, RetryDelays(2, 8), "10.0.0.9", 9711)
    assert "'p'" not in repr(settings)


def test_a_service_called_redis_does_not_break_the_port() -> None:
    """Kubernetes sets REDIS_PORT to a URL where such a Service exists."""
    environment = {"REDIS_HOST": "h", "REDIS_PORT": "tcp://10.0.0.1:6380"}
    assert WorkerSettings.from_environment(environment).address.port == 6380


def test_a_batch_may_be_left_to_the_worker() -> None:
    """Said in words as by default."""
    environment = {"REDIS_HOST": "h", "KUBEJOBS_BATCH": "auto"}
    assert WorkerSettings.from_environment(environment).batch == "auto"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("REDIS_HOST", "", "REDIS_HOST is not set", id="no host"),
        pytest.param("REDIS_PORT", "x", "must be a number", id="port"),
        pytest.param("REDIS_PORT", "0", "from 1 to 65535", id="port's range"),
        pytest.param("KUBEJOBS_BATCH", "1001", "from 1 to 1000", id="batch"),
        pytest.param("KUBEJOBS_BATCH", "some", "must be a number", id="batch's word"),
        pytest.param("KUBEJOBS_READY_PORT", "9711", "POD_IP is not", id="readiness without address"),
        pytest.param("KUBEJOBS_LEASE_SECONDS", "nan", "must be from", id="lease"),
    ],
)
def test_a_bad_variable_is_named(name: str, value: str, words: str) -> None:
    """The message has the variable, its value and what is allowed."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        WorkerSettings.from_environment({"REDIS_HOST": "h", name: value})
    assert name in str(caught.value)
