"""What can be set about the embedded cluster, and its fixed addresses and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NODE_NAME = "localkube"
NODE_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """One cluster.

    `job_delay_seconds` holds back every reaction of a controller or of the scheduler, because an instant cluster hides
    races. `back_off_seconds` is the first pause after a failed pod or a crashed container (it doubles each time);
    10 s as in a genuine cluster. `cpu_cores` and `memory_bytes` are what the only node has for pods' requests.
    """

    state: Path
    port: int = 0
    images: dict[str, Any] = field(default_factory=dict)
    job_delay_seconds: float = 0.0
    back_off_seconds: float = 10.0
    cpu_cores: float = 64.0
    memory_bytes: float = 1024.0**4
    ready_file: Path | None = None

    @property
    def kubeconfig(self) -> Path:
        """Where clients find address, certificate and token."""
        return self.state / "kubeconfig"

    @property
    def pods(self) -> Path:
        """Scratch directories, volumes and logs of pods."""
        return self.state / "pods"

    @property
    def claims(self) -> Path:
        """Directories of PersistentVolumeClaims."""
        return self.state / "claims"

    @property
    def runtimes(self) -> Path:
        """Generated runtimes of images."""
        return self.state / "runtimes"
