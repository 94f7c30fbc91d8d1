"""moto's task definitions with what it leaves out: tags in answers, times, pages, order, Fargate's sizes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.checked import checked
from headcount_sandbox.world.ecs.launch_rules import check_expression
from headcount_sandbox.world.ecs.pages import page_of
from headcount_sandbox.world.ecs.validation import check_tags, check_types, refuse
from headcount_sandbox.world.moto_apis import MotoApis, TaskDefinition

_FAMILY = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
_GIB = 1024
# CPU units to MiB: the least, the most, the step (ECS Developer Guide, "Task CPU and memory").
_FARGATE_SIZES = {
    256: (_GIB // 2, 2 * _GIB, _GIB),
    512: (_GIB, 4 * _GIB, _GIB),
    1024: (2 * _GIB, 8 * _GIB, _GIB),
    2048: (4 * _GIB, 16 * _GIB, _GIB),
    4096: (8 * _GIB, 30 * _GIB, _GIB),
    8192: (16 * _GIB, 60 * _GIB, 4 * _GIB),
    16384: (32 * _GIB, 120 * _GIB, 8 * _GIB),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    arn: str
    number: int


class TaskDefinitionsApi:
    """RegisterTaskDefinition, DeregisterTaskDefinition, DescribeTaskDefinition, ListTaskDefinitions."""

    def __init__(self, moto: MotoApis, user_arn: str) -> None:
        self._moto = moto
        self._user_arn = user_arn
        self._registered: dict[str, float] = {}
        self._deregistered: dict[str, float] = {}

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "RegisterTaskDefinition": self._register,
            "DeregisterTaskDefinition": self._completed(self._note_deregistration),
            "DescribeTaskDefinition": self._completed(lambda _: None),
            "ListTaskDefinitions": checked(self._list),
        }

    def _register(self, request: ApiRequest) -> ApiResponse:
        parameters = request.parameters
        check_types(request.operation, parameters)
        _check(parameters)
        answered = self._completed(self._note_registration)(request)
        if answered.status >= 400:
            return answered
        document = json.loads(answered.body)
        return json_answer({**document, "tags": parameters.get("tags", [])})

    def _completed(self, note: Callable[[str], None]) -> Answer:
        """What moto answers, with the times and the user that it leaves out."""

        def answer(request: ApiRequest) -> ApiResponse:
            answered = self._moto.answer(request)
            if answered.status >= 400:
                return answered
            document: dict[str, Any] = json.loads(answered.body)
            definition = document["taskDefinition"]
            arn = str(definition["taskDefinitionArn"])
            note(arn)
            definition["registeredBy"] = self._user_arn
            definition["registeredAt"] = self._registered.get(arn, 0.0)
            if arn in self._deregistered:
                definition["deregisteredAt"] = self._deregistered[arn]
            return replace(answered, body=json.dumps(document).encode())

        return answer

    def _note_registration(self, arn: str) -> None:
        self._registered[arn] = round(world_time(), 3)

    def _note_deregistration(self, arn: str) -> None:
        self._deregistered.setdefault(arn, round(world_time(), 3))

    def _list(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        status, prefix = parameters.get("status", "ACTIVE"), parameters.get("familyPrefix")
        if parameters.get("sort", "ASC") not in ("ASC", "DESC"):
            raise refuse("sort must be ASC or DESC.")
        found = [
            definition
            for definition in self._moto.task_definitions()
            if definition.status == status and prefix in (None, definition.family)
        ]
        found.sort(key=_in_order, reverse=parameters.get("sort") == "DESC")
        listed = [_Listed(arn=definition.arn, number=number) for number, definition in enumerate(found, 1)]
        return page_of("task-definition", listed, parameters, member="taskDefinitionArns")


def _in_order(definition: TaskDefinition) -> tuple[str, int]:
    return definition.family, int(definition.arn.rpartition(":")[2])


def _check(parameters: Mapping[str, Any]) -> None:
    if not _FAMILY.match(parameters["family"]):
        raise ApiError(
            "ClientException", "Family should not be null or empty and may have letters, digits, hyphens, underscores."
        )
    if not any(container.get("essential", True) for container in parameters["containerDefinitions"]):
        raise ApiError("ClientException", "Invalid setting for task definition: no container is essential.")
    check_tags(parameters.get("tags", []))
    for constraint in parameters.get("placementConstraints") or ():
        if constraint.get("type") != "memberOf":
            raise ApiError("ClientException", f"constraint.type '{constraint.get('type')}' is not supported.")
        check_expression(constraint.get("expression", ""))
    if "FARGATE" in parameters.get("requiresCompatibilities", ()):
        _check_fargate(parameters)


def _check_fargate(parameters: Mapping[str, Any]) -> None:
    if parameters.get("networkMode") != "awsvpc":
        raise ApiError("ClientException", "Fargate only supports network mode 'awsvpc'.")
    cpu, memory = _units(parameters.get("cpu")), _units(parameters.get("memory"))
    if cpu is None or memory is None:
        missing = "cpu" if cpu is None else "memory"
        raise ApiError("ClientException", f"Fargate requires that '{missing}' be defined at the task level.")
    least, most, step = _FARGATE_SIZES.get(cpu, (1, 0, 1))
    if not least <= memory <= most or memory % step not in (0, least % step):
        raise ApiError(
            "ClientException", f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
        )


def _units(text: str | None) -> int | None:
    """CPU units or MiB, also where they are written `1 vCPU` or `2 GB`; None where it is neither."""
    found = re.fullmatch(r"\s*([\d.]+)\s*(vcpu|gb)?\s*", text or "", re.IGNORECASE)
    return int(float(found[1]) * (_GIB if found[2] else 1)) if found else None
