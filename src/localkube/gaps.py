"""Where the embedded cluster knowingly differs from a genuine Kubernetes, by reason.

Rule: a contract test may leave the embedded cluster out only by naming one of these; README.md shows the same list.
"""

from __future__ import annotations

GAPS: dict[str, str] = {
    "isolation": "Containers are processes of the user who started the cluster: no images, no file system, process or "
    "user namespaces. `securityContext` is accepted and has no effect.",
    "mounts": "There are no mounts. A volume's `mountPath`, where it begins a path in command, arguments, working "
    "directory or values of variables, is replaced by the volume's real directory; a program that has the path built "
    "in does not find it.",
    "any-address": "A program that listens on 0.0.0.0 holds its port on every pod's address. Bind to `$(POD_IP)`.",
    "dns": "There is no cluster DNS. `NAME.NAMESPACE.svc` and `NAME.NAMESPACE.svc.cluster.local` in command, arguments "
    "and values of variables, and a value that is just a Service's name, are replaced by the Service's address when "
    "the container starts; nothing resolves them later.",
    "images": "Images are names for local runtimes. One without a runtime stays in ImagePullBackOff for good. An init "
    "container can hand a program on through a volume, but only one that runs on this machine.",
    "memory-limits": "A container with more memory than its limit is killed (OOMKilled) within a fifth of a second, "
    "not at the allocation; the page cache does not count. Nothing stops a pod without a limit.",
    "live-volumes": "Secret and ConfigMap volumes are written when the pod starts and not renewed.",
    "volume-types": "Only emptyDir, secret, configMap, persistentVolumeClaim and hostPath volumes exist.",
    "claims": "A PersistentVolumeClaim is bound at once to a directory, whatever its storage class, size and access "
    "modes.",
    "service-accounts": "Every request comes with the one token; there is no authorization, no admission and no token "
    "in pods.",
    "service-types": "Services are cluster addresses for TCP; node ports, load balancers and session affinity have no "
    "effect.",
    "server-side-apply": "There is no server-side apply, dry run, `managedFields` or field validation; unknown fields "
    "are kept.",
    "indexed-jobs": "Only NonIndexed Jobs exist; no successPolicy, backoffLimitPerIndex or managedBy.",
    "job-finalizers": "Pods of a Job carry no tracking finalizer; how they ended is counted in memory.",
    "exec": "No exec, attach, port-forward or eviction.",
    "resources": "Only the kinds that the project uses exist: no Deployments, Nodes, Endpoints, Leases or custom "
    "resources.",
    "one-node": "There is one node. A pod with a `nodeSelector` is unschedulable; affinity and tolerations have no "
    "effect.",
    "memory-only": "Objects are in memory: a cluster that is started again is empty.",
}


def readme_list() -> str:
    """The list as README.md shows it."""
    return "\n".join(f"- **{name}**: {reason}" for name, reason in GAPS.items())
