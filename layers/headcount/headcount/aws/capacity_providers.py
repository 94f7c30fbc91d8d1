"""Capacity providers: those that a manifest names must be the cluster's own, usable, and made of EC2 instances."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, error_message, translated
from headcount.model.manifest import Manifest, is_fargate
from headcount.model.problem import Problem


def check_providers(ecs: Any, manifest: Manifest) -> list[Problem]:
    """Everything wrong with the capacity providers of a manifest; ECS is asked only if it names some."""
    named = _named(manifest)
    if not named:
        return []
    try:
        with translated():
            return _unknown_to_cluster(ecs, manifest, named)
    except ClientError as error:
        said = f"ECS cannot describe the capacity: {error_code(error)}: {error_message(error)}"
        return [Problem(path="cluster", value=manifest.cluster, message=said)]


def _named(manifest: Manifest) -> dict[str, str]:
    """Path -> name of each capacity provider."""
    own = {f"capacityProviderStrategy[{n}].capacityProvider": one for n, one in enumerate(manifest.sources)}
    fallback = {f"capacityFallback[{n}].capacityProvider": one for n, one in enumerate(manifest.fallback)}
    return {path: one.capacity_provider for path, one in (own | fallback).items() if one.capacity_provider}


def _unknown_to_cluster(ecs: Any, manifest: Manifest, named: Mapping[str, str]) -> list[Problem]:
    clusters = ecs.describe_clusters(clusters=[manifest.cluster])["clusters"]
    if not clusters or clusters[0].get("status", "ACTIVE") != "ACTIVE":
        message = "there is no such active cluster in this account and Region"
        return [Problem(path="cluster", value=manifest.cluster, message=message)]
    has = clusters[0].get("capacityProviders", ())
    problems = [
        Problem(
            path=path,
            value=name,
            message=f"is no capacity provider of cluster {manifest.cluster}, which has {', '.join(has) or 'none'}: "
            "associate it (aws ecs put-cluster-capacity-providers)",
        )
        for path, name in named.items()
        if name not in has
    ]
    return problems + _unusable(ecs, {path: name for path, name in named.items() if name in has})


def _unusable(ecs: Any, named: Mapping[str, str]) -> list[Problem]:
    own = sorted({name for name in named.values() if not is_fargate(name)})
    if not own:
        return []
    described = ecs.describe_capacity_providers(capacityProviders=own)["capacityProviders"]
    reasons = {one["name"]: _why_not(one) for one in described}
    return [
        Problem(path=path, value=name, message=reason)
        for path, name in named.items()
        if (reason := reasons.get(name, "" if is_fargate(name) else "there is no such capacity provider"))
    ]


def _why_not(provider: Mapping[str, Any]) -> str:
    if provider.get("status", "ACTIVE") != "ACTIVE":
        return f"it is {provider['status']}: only ACTIVE capacity providers take tasks"
    if "managedInstancesProvider" in provider:
        return (
            "it provides ECS Managed Instances, which is not supported by this version of Headcount: AWS replaces them "
            "on a schedule of its own, which is not followed yet"
        )
    return ""
