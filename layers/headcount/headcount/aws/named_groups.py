"""Target groups that a manifest names by their ARN: they must exist, and take the tasks of the service."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, error_message, translated
from headcount.model.manifest import Manifest
from headcount.model.problem import Problem

_NOT_FOUND = "TargetGroupNotFound"


def check_groups(elb: Any, manifest: Manifest, network_mode: str | None, vpc: str | None) -> list[Problem]:
    """Everything wrong with them; ELB is asked only if some are named. None: not known, after another problem."""
    named = {
        f"loadBalancers[{number}].targetGroupArn": one.target_group
        for number, one in enumerate(manifest.load_balancers)
        if one.declared is None
    }
    if not named:
        return []
    try:
        with translated():
            groups = _described(elb, list(dict.fromkeys(named.values())))
    except ClientError as error:
        said = f"ELB cannot describe it: {error_code(error)}: {error_message(error)}"
        return [Problem(path=path, value=arn, message=said) for path, arn in named.items()]
    return [
        Problem(path=path, value=arn, message=message)
        for path, arn in named.items()
        for message in _misfits(groups.get(arn), network_mode, vpc)
    ]


def check_may_manage(manifest: Manifest, *, may_manage: bool) -> list[Problem]:
    """Load balancers are declared only where the stack may create and delete them."""
    if may_manage or not manifest.elastic_load_balancers:
        return []
    message = (
        "must be left out: this stack may not manage load balancers (deploy it with ManageLoadBalancers=true, or name "
        "the listenerArn of a load balancer that exists)"
    )
    names = [one.name for one in manifest.elastic_load_balancers]
    return [Problem(path="elasticLoadBalancers", value=names, message=message)]


def _described(elb: Any, arns: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Those that exist: in one call, or one by one if one of them is missing, for ELB names none then."""
    try:
        answer = elb.describe_target_groups(TargetGroupArns=list(arns))
    except ClientError as error:
        if error_code(error) != _NOT_FOUND:
            raise
        if len(arns) == 1:
            return {}
        return {arn: group for one in arns for arn, group in _described(elb, [one]).items()}
    return {group["TargetGroupArn"]: group for group in answer["TargetGroups"]}


def _misfits(group: Mapping[str, Any] | None, network_mode: str | None, vpc: str | None) -> Iterator[str]:
    if group is None:
        yield "there is no such target group in this account and Region"
        return
    fitting, its = "ip" if network_mode == "awsvpc" else "instance", group.get("TargetType", "instance")
    if network_mode is not None and its != fitting:
        yield f"its target type is {its}: tasks with network mode {network_mode} need {fitting}"
    if group.get("Protocol") == "GENEVE":
        yield "it belongs to a Gateway Load Balancer: those of Application and Network Load Balancers take tasks"
    if vpc is not None and group.get("VpcId", vpc) != vpc:
        yield f"it is in VPC {group['VpcId']}, and the subnets of the service are in {vpc}"
