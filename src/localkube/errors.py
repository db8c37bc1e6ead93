"""Errors as the Kubernetes API words them: an HTTP status, a machine-readable reason, a message, details.

Rule: whatever goes wrong in a request leaves as a `Status` object; clients choose their reaction by its `reason`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


class LocalKubeError(Exception):
    """The embedded cluster can't start or go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One field of an object that is wrong."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    @classmethod
    def required(cls, path: str, detail: str = "") -> Cause:
        """A field that must be there and is not."""
        return cls(path, "Required value" + (f": {detail}" if detail else ""), "FieldValueRequired")

    @classmethod
    def invalid(cls, path: str, value: Any, detail: str) -> Cause:
        """A field whose value can't be accepted."""
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        return cls(path, f"Invalid value: {shown}: {detail}")


@dataclass
class ApiError(Exception):
    """A refused request."""

    status: HTTPStatus
    reason: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status.value} {self.reason}: {self.message}"

    def body(self) -> dict[str, Any]:
        """The `Status` object that tells a client about it."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status.value,
        } | ({"details": self.details} if self.details else {})


def _resource(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _details(plural: str, group: str, name: str) -> dict[str, Any]:
    return {"name": name} | ({"group": group} if group else {}) | {"kind": plural}


def not_found(plural: str, group: str, name: str) -> ApiError:
    """404 for an object that does not exist."""
    message = f'{_resource(plural, group)} "{name}" not found'
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", message, _details(plural, group, name))


def no_such_path() -> ApiError:
    """404 for an address that this cluster does not serve."""
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")


def already_exists(plural: str, group: str, name: str) -> ApiError:
    """409 for a create of a name that is taken."""
    message = f'{_resource(plural, group)} "{name}" already exists'
    return ApiError(HTTPStatus.CONFLICT, "AlreadyExists", message, _details(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str) -> ApiError:
    """409 for a write to an object that changed in between."""
    message = f'Operation cannot be fulfilled on {_resource(plural, group)} "{name}": {why}'
    return ApiError(HTTPStatus.CONFLICT, "Conflict", message, _details(plural, group, name))


def stale(plural: str, group: str, name: str) -> ApiError:
    """409 for a write based on an old resourceVersion."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(plural, group, name, why)


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> ApiError:
    """422 for an object that breaks a rule; carries every cause."""
    joined = ", ".join(f"{cause.field}: {cause.message}" for cause in causes)
    text = joined if len(causes) == 1 else f"[{joined}]"
    listed = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    details = _details(kind, group, name) | {"causes": listed}
    message = f'{_resource(kind, group)} "{name}" is invalid: {text}'
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details)


def unprocessable(message: str) -> ApiError:
    """422 for a patch that can't be applied."""
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message)


def bad_request(message: str) -> ApiError:
    """400 for a request that can't be understood."""
    return ApiError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def forbidden(plural: str, group: str, name: str, why: str) -> ApiError:
    """403 for what is not allowed now."""
    message = f'{_resource(plural, group)} "{name}" is forbidden: {why}'
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden", message, _details(plural, group, name))


def unauthorized() -> ApiError:
    """401 for a missing or wrong token."""
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    """405 for a verb that the resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message)


def unsupported_media_type(given: str, known: list[str]) -> ApiError:
    """415 for a kind of patch that is not offered."""
    message = f"the body of the request was in an unknown format ({given}) - accepted media types include: "
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message + ", ".join(known))


def gone(message: str) -> ApiError:
    """410 for a resourceVersion that history no longer reaches."""
    return ApiError(HTTPStatus.GONE, "Expired", message)
