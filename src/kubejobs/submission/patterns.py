"""Bounds and patterns of a submission's fields, for the model and for the trigger form.

Rule: imports nothing, so that a DAG file can be parsed without pydantic.
"""

from __future__ import annotations

MAX_INLINE_ITEMS = 10_000
MAX_REPLICAS = 10_000
MAX_BATCH = 1000
MAX_CONCURRENCY = 256
MAX_TIMEOUT_SECONDS = 10_000_000
HIGHEST_PRIORITY = 9
DEFAULT_REQUESTS = {"cpu": "100m", "memory": "128Mi"}

KUBERNETES_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$"
RESOURCE = r"^(cpu|memory|ephemeral-storage|[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)$"
LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
VARIABLE = r"^[A-Za-z_.-][A-Za-z0-9_.-]*$"
NO_BLANKS = r"^\S+$"
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
CONNECTION = r"^[A-Za-z0-9_.:/-]{1,250}$"
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"

PATTERNS_IN_WORDS = {
    KUBERNETES_NAME: "a Kubernetes name: 1 to 63 lower-case letters, digits and inner dashes",
    QUANTITY: 'a Kubernetes quantity such as "500m", "2" or "1Gi"',
    RESOURCE: "cpu, memory, ephemeral-storage or an extended resource such as example.com/gpu",
    LABEL_KEY: "a Kubernetes label key such as disktype or example.com/pool",
    LABEL_VALUE: "a Kubernetes label value: at most 63 letters, digits, dashes, dots and underscores",
    VARIABLE: "a variable name: letters, digits, _, - and dots, not starting with a digit",
    NO_BLANKS: "text without blanks",
    OBJECT_NAME: "a Kubernetes name: lower-case letters, digits and inner dashes and dots",
    CONNECTION: "an Airflow connection's id",
    PRINTABLE: "text without control characters",
}
"""What each pattern of the model asks for, for people; messages and the reference use it."""
