"""Services that ECS itself keeps, of which Headcount sets nothing but the count."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, reading, refusal, translated
from headcount.model.values import replace
from headcount.ports.scaling import NativeCounts

_ECS_DEPLOYS = "ECS"  # the deployment controller; a service that names none has this one
_DESCRIBED_AT_ONCE = 10  # ECS API reference, DescribeServices: services, at most


class EcsNativeServices:
    """The ``NativeServices``. Both clients are boto3's."""

    def __init__(self, ecs: Any, application_autoscaling: Any) -> None:
        self.ecs = ecs
        self.application_autoscaling = application_autoscaling

    def counts(self, cluster: str, service: str) -> NativeCounts | None:
        """``DescribeServices``, ``DescribeScalableTargets``."""
        found = self.seen(cluster, (service,)).get(service)
        if found is None or found.rival:
            return found
        return replace(found, rival=self._rival(cluster, service))

    def seen(self, cluster: str, services: Sequence[str]) -> Mapping[str, NativeCounts]:
        """``DescribeServices``."""
        calls = range(0, len(services), _DESCRIBED_AT_ONCE)
        found = [
            one for first in calls for one in self._described(cluster, services[first : first + _DESCRIBED_AT_ONCE])
        ]
        return {str(one["serviceName"]): _counts(one) for one in found if one["status"] == "ACTIVE"}

    def _described(self, cluster: str, services: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        with reading():
            try:
                answer = self.ecs.describe_services(cluster=cluster, services=list(services))
            except ClientError as error:
                if error_code(error) == "ClusterNotFoundException":
                    return ()
                raise
        return tuple(answer["services"])

    def _rival(self, cluster: str, service: str) -> str:
        with reading():
            answer = self.application_autoscaling.describe_scalable_targets(
                ServiceNamespace="ecs",
                ResourceIds=[f"service/{cluster}/{service}"],
                ScalableDimension="ecs:service:DesiredCount",
            )
        if not answer["ScalableTargets"]:
            return ""
        deregister = (
            "aws application-autoscaling deregister-scalable-target --service-namespace ecs --scalable-dimension "
            f"ecs:service:DesiredCount --resource-id service/{cluster}/{service}"
        )
        return (
            f"Application Auto Scaling has it as a scalable target; remove that first: {deregister} (its policies and "
            "scheduled actions go with it; headcount init --from-ecs-service carries them over)"
        )

    def set_count(self, cluster: str, service: str, count: int) -> str | None:
        """``UpdateService``."""
        try:
            with translated():
                self.ecs.update_service(cluster=cluster, service=service, desiredCount=count)
        except ClientError as error:
            return refusal(error)
        return None


def _counts(found: Mapping[str, Any]) -> NativeCounts:
    return NativeCounts(
        desired=int(found["desiredCount"]),
        running=int(found["runningCount"]),
        deploying=len(found.get("deployments", ())) > 1 or _in_progress(found),
        rival=_why_not(found),
        family=str(found.get("taskDefinition", "")).rpartition("/")[2].partition(":")[0],
    )


def _why_not(found: Mapping[str, Any]) -> str:
    """Why nobody but somebody else may set the count of such a service; empty if Headcount may."""
    strategy = found.get("schedulingStrategy", "REPLICA")
    if strategy != "REPLICA":
        return f"its scheduling strategy is {strategy}: REPLICA is allowed"
    controller = found.get("deploymentController", {}).get("type", _ECS_DEPLOYS)
    if controller != _ECS_DEPLOYS:
        return f"its deployment controller is {controller}: {_ECS_DEPLOYS} is allowed"
    return ""


def _in_progress(found: Mapping[str, Any]) -> bool:
    return any(one.get("rolloutState") == "IN_PROGRESS" for one in found.get("deployments", ()))
