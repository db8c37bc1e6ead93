"""Volumes as real directories under the state directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localkube.kubelet.environment import raw_data
from localkube.kubelet.errors import ContainerConfigError
from localkube.state.kinds import CLAIMS, CONFIG_MAPS, SECRETS, Kind, Object
from localkube.state.objects import namespace_of
from localkube.state.store import Store


def claim_directory(claims: Path, namespace: str, name: str) -> Path:
    """Where the data of a PersistentVolumeClaim is."""
    return claims / namespace / name


def make_volumes(store: Store, pod: Object, directory: Path, claims: Path) -> dict[str, Path]:
    """The directory of each of the pod's volumes; ContainerConfigError for one that can't be made (yet)."""
    return {
        volume["name"]: _make(store, namespace_of(pod), volume, directory / volume["name"], claims)
        for volume in pod["spec"].get("volumes") or []
    }


def _make(store: Store, namespace: str, volume: dict[str, Any], target: Path, claims: Path) -> Path:
    if "hostPath" in volume:
        return Path(volume["hostPath"]["path"])
    if "persistentVolumeClaim" in volume:
        name = volume["persistentVolumeClaim"]["claimName"]
        if store.find(CLAIMS, namespace, name) is None:
            raise ContainerConfigError(f'persistentvolumeclaim "{name}" not found')
        target = claim_directory(claims, namespace, name)
    target.mkdir(parents=True, exist_ok=True)
    if "secret" in volume:
        _write(store, SECRETS, namespace, volume["secret"], volume["secret"]["secretName"], target)
    elif "configMap" in volume:
        _write(store, CONFIG_MAPS, namespace, volume["configMap"], volume["configMap"]["name"], target)
    elif not volume.keys() & {"emptyDir", "persistentVolumeClaim"} and len(volume) > 1:
        raise ContainerConfigError(
            f"the embedded cluster has no volumes of this type: {sorted(set(volume) - {'name'})}"
        )
    return target


def _write(store: Store, kind: Kind, namespace: str, source: dict[str, Any], name: str, target: Path) -> None:
    found = store.find(kind, namespace, name)
    if found is None:
        if source.get("optional"):
            return
        raise ContainerConfigError(f'{kind.singular} "{name}" not found')
    data = raw_data(found)
    places = (
        {item["key"]: item["path"] for item in source["items"]} if source.get("items") else {key: key for key in data}
    )
    for key, place in places.items():
        if key not in data:
            raise ContainerConfigError(f"references non-existent {kind.singular} key: {key}")
        file = target / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(data[key])
        file.chmod(int(source.get("defaultMode", 0o644)))


def container_mounts(container: dict[str, Any], volumes: dict[str, Path]) -> dict[str, Path]:
    """The real directory of each mountPath of the container."""
    mounts = {}
    for mount in container.get("volumeMounts") or []:
        target = volumes[mount["name"]] / mount.get("subPath", "")
        if mount.get("subPath") and not target.exists():
            target.mkdir(parents=True)
        mounts[mount["mountPath"]] = target
    return mounts
