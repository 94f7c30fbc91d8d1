"""Manifest files on disk, valid unless told otherwise."""

import json
from pathlib import Path
from typing import Any


def a_manifest(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "Service",
        "cluster": "prod",
        "serviceName": "web",
        "taskDefinition": "web:12",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
    } | changes


def write_manifest(folder: Path, name: str = "web.json", **changes: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(a_manifest(**changes)))
    return str(path)
