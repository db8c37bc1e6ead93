"""A valid submission in each shape."""

from __future__ import annotations

from typing import Any

USERNAME = "zz-user-9f3a"
PASSWORD = "zz-secret-7c1e"

PRODUCT: dict[str, Any] = {
    "image": "registry.example.com/worker:1",
    "command": ["python", "worker.py"],
    "workload": {"url": "https://example.com/items.txt"},
    "expected_time": 600,
    "scaling": {"policy": "default", "min_replicas": 1, "max_replicas": 10, "check_interval": 5},
    "queue": {"lease_seconds": 30, "max_attempts": 2},
    "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "env": {"LOG_LEVEL": "info"},
    "node_selector": {"disktype": "ssd"},
}

# The two documents' bodies in one, their [...] filled in.
DOCUMENTS: dict[str, Any] = {
    "plugin": "kubejobs",
    "plugin_info": {
        "username": USERNAME,
        "password": PASSWORD,
        "cmd": ["python", "worker.py"],
        "img": "img",
        "init_size": 1,
        "redis_workload": "workload",
        "config_id": "id",
        "control_plugin": "kubejobs",
        "control_parameters": {
            "max_size": 9,
            "actuator": "k8s_replicas",
            "check_interval": 5,
            "trigger_down": 0,
            "trigger_up": 0,
            "min_rep": 1,
            "max_rep": 10,
            "actuation_size": 1,
            "metric_source": "redis",
        },
        "monitor_plugin": "kubejobs",
        "monitor_info": {"expected_time": 40},
        "enable_visualizer": True,
        "visualizer_plugin": "k8s-grafana",
        "visualizer_info": {"datasource_type": "influxdb"},
        "env_vars": {"LOG_LEVEL": "info"},
    },
}
