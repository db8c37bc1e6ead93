"""The Kubernetes clients' exceptions → the project's, with what to do."""

from __future__ import annotations

import json
from typing import Any

from kubejobs.errors import ClusterError, ClusterUnavailableError, ObjectConflictError, ObjectGoneError

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVER_ERROR = 401, 403, 404, 409, 429, 500


def cluster_error(error: Exception, doing: str) -> ClusterError:
    """The project's error for what a client raised while `doing` (such as "reading Job default/kj-1")."""
    status = getattr(error, "status", None)
    if not isinstance(status, int) or status == 0:
        detail = " ".join(str(error).split()) or type(error).__name__
        return ClusterUnavailableError(
            f"{doing}: the Kubernetes API does not answer ({detail}); check the cluster's connection in Airflow"
        )
    reason, message = _status_body(error)
    text = f"{doing}: {status} {reason or ''}: {message}".replace(" :", ":")
    return _class_of(status)(text + _ADVICE.get(status, ""), status=status, reason=reason)


_ADVICE = {
    _FORBIDDEN: "; grant this verb in a Role (docs/cluster.md)",
    _UNAUTHORIZED: "; the connection's credentials are not accepted",
}


def _class_of(status: int) -> type[ClusterError]:
    if status == _NOT_FOUND:
        return ObjectGoneError
    if status == _CONFLICT:
        return ObjectConflictError
    if status in {_UNAUTHORIZED, _TOO_MANY} or status >= _SERVER_ERROR:
        return ClusterUnavailableError
    return ClusterError


def _status_body(error: Exception) -> tuple[str | None, str]:
    """Reason and message of the API's `Status` object, or what there is instead."""
    body: Any = getattr(error, "body", None)
    if isinstance(body, bytes):
        body = body.decode(errors="replace")
    try:
        status = json.loads(body or "")
        return status.get("reason"), str(status.get("message", ""))
    except (ValueError, AttributeError):
        return getattr(error, "reason", None), str(body or "")[:500]
