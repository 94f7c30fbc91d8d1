"""Services with a capacity provider strategy in place of a launch type."""

from collections import Counter
from typing import Any

from e2e.install import Install


def by_capacity(install: Install, service: str) -> Counter[str]:
    """How many tasks ECS says run on each capacity provider."""
    return Counter(str(task["capacityProviderName"]) for task in install.alive(service))


def declare(install: Install, service: str, count: int, strategy: list[dict[str, Any]], **changes: Any) -> None:
    """A service with a strategy in place of a launch type."""
    manifest = install.manifest(service, install.define(service), count, capacityProviderStrategy=strategy, **changes)
    del manifest["launchType"]
    install.ask("apply", manifest=manifest)
