"""Who the command line is to Airflow: a user with a password, or a ready token."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubejobs.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, or a token; secrets are never shown."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.token is None and (self.user is None or self.password is None):
            raise ConfigurationError(
                "no way to sign in to Airflow: give a user and a password (KUBEJOBS_AIRFLOW_USER, "
                "KUBEJOBS_AIRFLOW_PASSWORD) or a token (KUBEJOBS_AIRFLOW_TOKEN)"
            )

    @property
    def renewable(self) -> bool:
        """Whether an expired token can be replaced."""
        return self.user is not None and self.password is not None
