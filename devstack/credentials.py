"""The stack's user and keys: random, made once, readable by their owner alone."""

from __future__ import annotations

import base64
import secrets
from dataclasses import asdict, dataclass, field

from devstack.layout import Layout
from devstack.private_file import read_json, write_private

USER = "admin"


@dataclass(frozen=True, slots=True)
class StackSecrets:
    """The user's password and the keys that Airflow's parts share."""

    password: str = field(repr=False)
    fernet_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    api_secret: str = field(repr=False)

    @classmethod
    def load_or_make(cls, layout: Layout) -> StackSecrets:
        """The stack's secrets, made at the first start; Airflow's password file is written with them."""
        stored = read_json(layout.secrets)
        known = cls(**stored) if stored is not None else cls._random()
        if stored is None:
            write_private(layout.secrets, asdict(known))
        write_private(layout.passwords, {USER: known.password})
        return known

    @classmethod
    def _random(cls) -> StackSecrets:
        return cls(
            password=secrets.token_urlsafe(12),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            jwt_secret=secrets.token_urlsafe(48),
            api_secret=secrets.token_urlsafe(32),
        )
