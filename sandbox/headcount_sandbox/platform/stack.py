"""The resources of a transformed template: what they are called, and what Ref and GetAtt of each gives."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.platform.deployment import Place
from headcount_sandbox.platform.intrinsics import NO_VALUE, Intrinsics


@dataclass(frozen=True, slots=True, kw_only=True)
class _Naming:
    """The property that names a resource, and the service and form of its ARN (None: it has none)."""

    name_property: str
    service: str | None = None
    arn_resource: str = "{}"


_NAMINGS = {
    "AWS::CloudWatch::Alarm": _Naming(name_property="AlarmName", service="cloudwatch", arn_resource="alarm:{}"),
    "AWS::CloudWatch::Dashboard": _Naming(name_property="DashboardName"),
    "AWS::DynamoDB::Table": _Naming(name_property="TableName", service="dynamodb", arn_resource="table/{}"),
    "AWS::Events::Rule": _Naming(name_property="Name", service="events", arn_resource="rule/{}"),
    "AWS::IAM::Role": _Naming(name_property="RoleName", service="iam", arn_resource="role/{}"),
    "AWS::Lambda::Function": _Naming(name_property="FunctionName", service="lambda", arn_resource="function:{}"),
    "AWS::Lambda::LayerVersion": _Naming(name_property="LayerName", service="lambda", arn_resource="layer:{}:1"),
    "AWS::Logs::LogGroup": _Naming(name_property="LogGroupName", service="logs", arn_resource="log-group:{}:*"),
    "AWS::SNS::Topic": _Naming(name_property="TopicName", service="sns"),
    "AWS::SQS::Queue": _Naming(name_property="QueueName", service="sqs"),
    "AWS::Scheduler::Schedule": _Naming(name_property="Name", service="scheduler", arn_resource="schedule/default/{}"),
    "AWS::Scheduler::ScheduleGroup": _Naming(
        name_property="Name", service="scheduler", arn_resource="schedule-group/{}"
    ),
}
_REF_IS_ARN = frozenset({"AWS::Lambda::LayerVersion", "AWS::SNS::Topic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource with every function in its properties resolved."""

    logical_id: str
    type: str
    name: str
    arn: str
    properties: Mapping[str, Any]

    def refuse(self, what: str) -> HeadcountSandboxError:
        """The error that says what the sandbox cannot do with this resource."""
        return HeadcountSandboxError(f"{self.logical_id} ({self.type}): {what}")


class Stack:
    """Resolves one template. Pseudo parameters come from the place, names of resources from the stack's own."""

    def __init__(
        self, *, name: str, place: Place, root: Path, template: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.place = place
        self._root = root
        self._template = template
        self._intrinsics = Intrinsics(
            references={**_pseudo_parameters(place, name), **parameters},
            resource=self._ref,
            attribute=self._attribute,
            conditions=template.get("Conditions", {}),
            mappings=template.get("Mappings", {}),
        )

    def resources(self) -> Iterator[Resource]:
        """Those whose condition holds, in the order of the template."""
        for logical_id, declared in self._template["Resources"].items():
            if self._exists(declared):
                yield Resource(
                    logical_id=logical_id,
                    type=declared["Type"],
                    name=self._physical_name(logical_id),
                    arn=self._arn(logical_id),
                    properties=self._intrinsics.resolve(declared.get("Properties", {})),
                )

    def outputs(self) -> dict[str, str]:
        declared = self._template.get("Outputs", {})
        return {
            name: str(self._intrinsics.resolve(output["Value"]))
            for name, output in declared.items()
            if self._exists(output)
        }

    def folder(self, resource: Resource, location: Mapping[str, str]) -> Path:
        """The folder behind the s3 address of a function's or layer's code."""
        folder = (self._root / unquote(location["S3Key"])).resolve()
        if not folder.is_dir():
            raise resource.refuse(f"its folder {folder} does not exist.")
        return folder

    def _exists(self, declared: Mapping[str, Any]) -> bool:
        return "Condition" not in declared or self._intrinsics.condition(declared["Condition"])

    def _declared(self, logical_id: str) -> Mapping[str, Any]:
        declared: Mapping[str, Any] | None = self._template["Resources"].get(logical_id)
        if declared is None:
            raise HeadcountSandboxError(f"The template refers to {logical_id}, which it does not define.")
        return declared

    def _ref(self, logical_id: str) -> str | None:
        if logical_id not in self._template["Resources"]:
            return None
        kind = self._declared(logical_id)["Type"]
        if kind == "AWS::SQS::Queue":
            return self._queue_url(logical_id)
        return self._arn(logical_id) if kind in _REF_IS_ARN else self._physical_name(logical_id)

    def _attribute(self, logical_id: str, name: str) -> str:
        kind = self._declared(logical_id)["Type"]
        match kind, name:
            case _, "Arn" if kind in _NAMINGS:
                return self._arn(logical_id)
            case "AWS::SQS::Queue", "QueueName":
                return self._physical_name(logical_id)
            case "AWS::SQS::Queue", "QueueUrl":
                return self._queue_url(logical_id)
            case "AWS::SNS::Topic", "TopicName":
                return self._physical_name(logical_id)
            case _:
                raise HeadcountSandboxError(
                    f"The template reads {logical_id}.{name}; the sandbox has no {name} of {kind}."
                )

    def _physical_name(self, logical_id: str) -> str:
        declared = self._declared(logical_id)
        kind, properties = declared["Type"], declared.get("Properties", {})
        naming = _NAMINGS.get(kind)
        if naming is not None and naming.name_property in properties:
            return str(self._intrinsics.resolve(properties[naming.name_property]))
        is_fifo = kind == "AWS::SQS::Queue" and self._intrinsics.resolve(properties.get("FifoQueue")) in (True, "true")
        return f"{self.name}-{logical_id}" + (".fifo" if is_fifo else "")

    def _arn(self, logical_id: str) -> str:
        naming = _NAMINGS.get(self._declared(logical_id)["Type"])
        if naming is None or naming.service is None:
            return ""
        resource = naming.arn_resource.format(self._physical_name(logical_id))
        if naming.service == "iam":  # a service without Regions
            return f"arn:aws:iam::{self.place.account}:{resource}"
        return self.place.arn(naming.service, resource)

    def _queue_url(self, logical_id: str) -> str:
        return f"{self.place.endpoint_url}/{self.place.account}/{self._physical_name(logical_id)}"


def _pseudo_parameters(place: Place, stack_name: str) -> dict[str, Any]:
    return {
        "AWS::AccountId": place.account,
        "AWS::Region": place.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack_name,
        "AWS::StackId": place.arn("cloudformation", f"stack/{stack_name}/00000000-0000-4000-8000-000000000000"),
        "AWS::NotificationARNs": [],
        "AWS::NoValue": NO_VALUE,
    }
