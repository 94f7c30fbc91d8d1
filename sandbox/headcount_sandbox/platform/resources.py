"""One reader for each resource type that the sandbox runs; a list of those that need none; others are refused."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from headcount_sandbox.platform.deployment import (
    AsynchronousInvocation,
    Deployment,
    EventSourceMapping,
    Function,
    Queue,
    Rule,
    Schedule,
    Table,
    Target,
)
from headcount_sandbox.platform.stack import Resource, Stack

_Value = TypeVar("_Value")

_RUN = (
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::SQS::Queue",
    "AWS::Scheduler::Schedule",
    "AWS::Scheduler::ScheduleGroup",
)
# Permissions are not enforced here (a test of the template holds them), what is for people's eyes does nothing.
_NOTHING_TO_RUN = frozenset({
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::IAM::RolePolicy",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
})  # fmt: skip
_TABLE_KEYS = (
    "KeySchema",
    "AttributeDefinitions",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
)
_QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)


def read_resources(stack: Stack, parameters: Mapping[str, str]) -> Deployment:
    """The stack as values; raises `HeadcountSandboxError` for the first resource that cannot run here."""
    by_type: dict[str, list[Resource]] = defaultdict(list)
    for resource in stack.resources():
        if resource.type not in _RUN and resource.type not in _NOTHING_TO_RUN:
            raise resource.refuse(f"the sandbox does not run this type; it runs {', '.join(_RUN)}.")
        by_type[resource.type].append(resource)
    layers = {layer.arn: _layer(stack, layer) for layer in by_type["AWS::Lambda::LayerVersion"]}
    functions = [_function(stack, function, layers) for function in by_type["AWS::Lambda::Function"]]
    rules = [rule for rule in by_type["AWS::Events::Rule"] if rule.properties.get("State") != "DISABLED"]
    schedules = [item for item in by_type["AWS::Scheduler::Schedule"] if item.properties.get("State") != "DISABLED"]
    return Deployment(
        stack_name=stack.name,
        place=stack.place,
        parameters=parameters,
        tables=_read(_table, by_type["AWS::DynamoDB::Table"]),
        queues=_read(_queue, by_type["AWS::SQS::Queue"]),
        functions=tuple(_with_invoke_config(item, by_type["AWS::Lambda::EventInvokeConfig"]) for item in functions),
        rules=_read(_rule, [rule for rule in rules if "EventPattern" in rule.properties]),
        schedule_groups=tuple(group.name for group in by_type["AWS::Scheduler::ScheduleGroup"]),
        schedules=_read(_scheduled_rule, [rule for rule in rules if "ScheduleExpression" in rule.properties])
        + _read(_schedule, schedules),
        mappings=_read(_mapping, by_type["AWS::Lambda::EventSourceMapping"]),
        outputs=stack.outputs(),
    )


def _read(reader: Callable[[Resource], _Value], resources: list[Resource]) -> tuple[_Value, ...]:
    return tuple(reader(resource) for resource in resources)


def _table(resource: Resource) -> Table:
    properties = resource.properties
    ttl = properties.get("TimeToLiveSpecification", {})
    return Table(
        name=resource.name,
        request={"TableName": resource.name} | {key: properties[key] for key in _TABLE_KEYS if key in properties},
        ttl_attribute=ttl.get("AttributeName") if ttl.get("Enabled") in (True, "true") else None,
    )


def _queue(resource: Resource) -> Queue:
    properties = resource.properties
    attributes = {key: _attribute(properties[key]) for key in _QUEUE_ATTRIBUTES if key in properties}
    if attributes.get("FifoQueue") == "false":
        del attributes["FifoQueue"]  # AWS refuses the value false
    if "RedrivePolicy" in properties:
        attributes["RedrivePolicy"] = json.dumps(properties["RedrivePolicy"])
    return Queue(name=resource.name, arn=resource.arn, attributes=attributes)


def _attribute(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _layer(stack: Stack, resource: Resource) -> Path:
    folder = stack.folder(resource, resource.properties["Content"])
    built = folder / "python"  # where `sam build` puts the content of a Python layer
    return built if built.is_dir() else folder


def _function(stack: Stack, resource: Resource, layers: Mapping[str, Path]) -> Function:
    properties = resource.properties
    if not str(properties.get("Runtime", "")).startswith("python"):
        raise resource.refuse(f"the sandbox runs Python functions, not {properties.get('Runtime', 'images')}.")
    foreign = [arn for arn in properties.get("Layers", []) if arn not in layers]
    if foreign:
        raise resource.refuse(f"the layer {foreign[0]} is not one of this template.")
    code = stack.folder(resource, properties["Code"])
    module = properties["Handler"].rpartition(".")[0].replace(".", "/") + ".py"
    if not (code / module).is_file():
        raise resource.refuse(f"its handler {properties['Handler']} is not in {code}.")
    return Function(
        logical_id=resource.logical_id,
        name=resource.name,
        arn=resource.arn,
        code=code,
        handler=properties["Handler"],
        layers=tuple(layers[arn] for arn in properties.get("Layers", [])),
        timeout=int(properties.get("Timeout", 3)),
        memory=int(properties.get("MemorySize", 128)),
        environment=_environment(properties),
        reserved_concurrency=_whole(properties.get("ReservedConcurrentExecutions")),
        allows_loops=properties.get("RecursiveLoop") == "Allow",
        asynchronous=AsynchronousInvocation(dead_letter_queue=properties.get("DeadLetterConfig", {}).get("TargetArn")),
    )


def _environment(properties: Mapping[str, Any]) -> dict[str, str]:
    variables = {name: str(value) for name, value in properties.get("Environment", {}).get("Variables", {}).items()}
    logging = properties.get("LoggingConfig", {})
    if "LogFormat" in logging:
        variables["AWS_LAMBDA_LOG_FORMAT"] = logging["LogFormat"]
    if "ApplicationLogLevel" in logging:
        variables["AWS_LAMBDA_LOG_LEVEL"] = logging["ApplicationLogLevel"]
    return variables


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _with_invoke_config(function: Function, configs: list[Resource]) -> Function:
    for config in configs:
        properties = config.properties
        if not _names(properties["FunctionName"], function):
            continue
        on_failure = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if on_failure is not None and ":sqs:" not in on_failure:
            raise config.refuse(f"the sandbox delivers failures to queues, not to {on_failure}.")
        if properties.get("DestinationConfig", {}).get("OnSuccess", {}).get("Destination"):
            raise config.refuse("the sandbox has no destination for success.")
        default = function.asynchronous
        changed = replace(
            default,
            maximum_retry_attempts=int(properties.get("MaximumRetryAttempts", default.maximum_retry_attempts)),
            maximum_event_age=int(properties.get("MaximumEventAgeInSeconds", default.maximum_event_age)),
            on_failure=on_failure,
        )
        return replace(function, asynchronous=changed)
    return function


def _names(reference: str, function: Function) -> bool:
    return reference in (function.name, function.arn)


def _mapping(resource: Resource) -> EventSourceMapping:
    properties = resource.properties
    if ":sqs:" not in properties["EventSourceArn"]:
        raise resource.refuse(f"the sandbox polls queues, not {properties['EventSourceArn']}.")
    for unsupported in ("FilterCriteria", "MaximumBatchingWindowInSeconds"):
        if properties.get(unsupported):
            raise resource.refuse(f"the sandbox does not know {unsupported} of an event source mapping.")
    return EventSourceMapping(
        queue_arn=properties["EventSourceArn"],
        function_name=properties["FunctionName"].rpartition(":")[2],
        batch_size=int(properties.get("BatchSize", 10)),
        reports_item_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        maximum_concurrency=_whole(properties.get("ScalingConfig", {}).get("MaximumConcurrency")),
    )


def _rule(resource: Resource) -> Rule:
    bus = str(resource.properties.get("EventBusName", "default")).rpartition("/")[2]
    if bus != "default":
        raise resource.refuse(f"the sandbox has rules on the default event bus, not on {bus}.")
    return Rule(
        name=resource.name,
        arn=resource.arn,
        pattern=resource.properties["EventPattern"],
        targets=_targets(resource, resource.properties.get("Targets", [])),
    )


def _scheduled_rule(resource: Resource) -> Schedule:
    return Schedule(
        arn=resource.arn,
        source="aws.events",
        expression=resource.properties["ScheduleExpression"],
        targets=_targets(resource, resource.properties.get("Targets", [])),
    )


def _schedule(resource: Resource) -> Schedule:
    return Schedule(
        arn=resource.arn,
        source="aws.scheduler",
        expression=resource.properties["ScheduleExpression"],
        targets=_targets(resource, [resource.properties["Target"]]),
    )


def _targets(resource: Resource, declared: list[Mapping[str, Any]]) -> tuple[Target, ...]:
    for target in declared:
        if not any(service in target["Arn"] for service in (":lambda:", ":sqs:")):
            raise resource.refuse(f"the sandbox delivers to functions and queues, not to {target['Arn']}.")
    return tuple(
        Target(
            arn=target["Arn"],
            input=target.get("Input"),
            input_path=target.get("InputPath"),
            input_transformer=target.get("InputTransformer"),
            message_group_id=target.get("SqsParameters", {}).get("MessageGroupId"),
        )
        for target in declared
    )
