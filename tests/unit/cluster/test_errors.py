"""The clients' exceptions become the project's errors, with what to do."""

from __future__ import annotations

import json

import pytest
from kubernetes.client.exceptions import ApiException as SyncApiException
from kubernetes_asyncio.client.exceptions import ApiException as AsyncApiException

from kubejobs.cluster.errors import cluster_error
from kubejobs.errors import ClusterError, ClusterUnavailableError, ObjectConflictError, ObjectGoneError


def api_exception(kind, status, reason="Reason", message="the message"):
    error = kind(status=status, reason="HTTP text")
    error.body = json.dumps({"kind": "Status", "reason": reason, "message": message})
    return error


@pytest.mark.parametrize("kind", [SyncApiException, AsyncApiException], ids=["sync", "asyncio"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ClusterError),
        (401, ClusterUnavailableError),
        (403, ClusterError),
        (404, ObjectGoneError),
        (409, ObjectConflictError),
        (422, ClusterError),
        (429, ClusterUnavailableError),
        (500, ClusterUnavailableError),
        (503, ClusterUnavailableError),
    ],
)
def test_the_status_decides_the_class(kind, status, expected):
    """Either client's exception becomes the same error, by its HTTP status."""
    error = cluster_error(api_exception(kind, status), "reading Job a/b")
    assert type(error) is expected
    assert error.status == status
    assert "reading Job a/b" in str(error)
    assert "the message" in str(error)


def test_a_forbidden_request_says_what_to_grant():
    """Whoever lacks a right is told to add it to a Role."""
    message = 'jobs.batch is forbidden: User "x" cannot create resource "jobs"'
    error = cluster_error(api_exception(SyncApiException, 403, "Forbidden", message), "creating Job a/b")
    assert 'cannot create resource "jobs"' in str(error)
    assert "Role" in str(error)


@pytest.mark.parametrize("raised", [OSError("no route"), TimeoutError()], ids=["refused", "timeout"])
def test_silence_is_unavailability(raised):
    """A connection that fails or hangs may be tried again, and the message names the connection to check."""
    error = cluster_error(raised, "reading Job a/b")
    assert isinstance(error, ClusterUnavailableError)
    assert "connection" in str(error)


def test_a_body_that_is_no_status_is_cut():
    """A proxy's error page does not fill the log."""
    error = SyncApiException(status=502, reason="Bad Gateway")
    error.body = "<html>" + "x" * 10_000
    assert len(str(cluster_error(error, "reading"))) < 700
