"""Answering what people ask: ``control``'s requests, version 1 (``docs/contracts.md``).

The table of operations stands here. What they do: ``asking`` (nothing is changed), ``changing`` (declaration and
count), ``operating`` (what operators wish of what runs), ``cordoning`` (zones of a cluster).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from headcount import asking, changing, cordoning, operating
from headcount.desk import Desk
from headcount.errors import Conflict, Poisoned, Refused, TransientError
from headcount.model.manifest_kinds import problem as small_problem
from headcount.model.manifest_parser import MAXIMUM_PROBLEMS
from headcount.model.problem import Problem
from headcount.model.showing import shown
from headcount.model.values import dataclass
from headcount.ports import Clock, Kicks
from headcount.ports.controlling import ControlStore, Registry, ScalingSurroundings
from headcount.ports.scaling import NativeServices
from headcount.requests import Fields, check_known

VERSION = 1
LONGEST_MESSAGE = 2000  # characters; the answer as a whole must stay below what Lambda returns


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """What is done, and the fields that it knows."""

    do: Callable[[Desk, Fields], dict[str, Any]]
    fields: frozenset[str]


def _asking(do: Callable[[Desk, Fields], dict[str, Any]], *fields: str) -> Operation:
    return Operation(do, frozenset(fields))


def _changing(do: Callable[[Desk, Fields], dict[str, Any]], *fields: str) -> Operation:
    """Whoever changes something may say why."""
    return Operation(do, frozenset({*fields, "reason"}))


OPERATIONS: Mapping[str, Operation] = {
    "apply": _changing(changing.apply, "manifest", "dryRun"),
    "list": _asking(asking.list_services, "cluster"),
    "describe": _asking(asking.describe, "service"),
    "events": _asking(asking.events, "service", "cluster", "limit", "before"),
    "why": _asking(asking.why, "target"),
    "plan": _asking(asking.plan, "service"),
    "export": _asking(asking.export, "service"),
    "scaling": _asking(asking.scaling, "service"),
    "scale": _changing(changing.scale, "service", "desiredCount"),
    "delete": _changing(changing.delete, "service"),
    "redeploy": _changing(changing.redeploy, "service"),
    "rollback": _changing(changing.rollback, "service"),
    "pause": _changing(operating.pause, "service", "mode", "untilSeconds"),
    "resume": _changing(operating.resume, "service"),
    "override": _changing(operating.override, "service", "count", "forSeconds"),
    "protect": _changing(operating.protect, "service", "tasks", "expiresInMinutes"),
    "standby": _changing(operating.standby, "service", "tasks", "end"),
    "stopTask": _changing(operating.stop_task, "service", "tasks", "lowerCount"),
    "cordon": _changing(cordoning.cordon, "cluster", "zone", "evacuate", "untilSeconds"),
    "uncordon": _changing(cordoning.uncordon, "cluster", "zone"),
    "cordons": _asking(asking.cordons, "cluster"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """What ``control`` does. ``new_id`` makes an identity for a service that is declared for the first time."""

    store: ControlStore
    kicks: Kicks
    registry: Registry
    native: NativeServices
    surroundings: ScalingSurroundings
    clock: Clock
    new_id: Callable[[], str]
    clusters: tuple[str, ...]

    def answer(self, request: object) -> dict[str, Any]:
        """The answer to one request. Never raises for what a user did; refusals carry all problems."""
        try:
            operation, fields = self._read(request)
            return {"version": VERSION, "ok": True, "result": operation.do(self._desk(), fields)}
        except Refused as refused:
            return _failure(refused.error_type, str(refused), refused.problems)
        except Conflict as conflict:
            return _failure("Conflict", str(conflict))
        except (Poisoned, TransientError) as error:
            return _failure("Unavailable", str(error))

    def _read(self, request: object) -> tuple[Operation, Fields]:
        if not isinstance(request, Mapping):
            raise Refused("InvalidRequest", f"the request is {type(request).__name__}: a JSON object is allowed")
        version = request.get("version")
        if version != VERSION:
            raise Refused("UnsupportedVersion", f"version is {shown(version)}: this control function speaks {VERSION}")
        name = request.get("operation")
        if not isinstance(name, str) or name not in OPERATIONS:
            problem = Problem(path="operation", value=name, message=f"one of {', '.join(OPERATIONS)} is allowed")
            raise Refused("InvalidRequest", str(problem), (problem,))
        operation = OPERATIONS[name]
        check_known(name, request, operation.fields)
        return operation, Fields(request, self.clusters)

    def _desk(self) -> Desk:
        return Desk(
            store=self.store,
            kicks=self.kicks,
            registry=self.registry,
            native=self.native,
            surroundings=self.surroundings,
            clock=self.clock,
            new_id=self.new_id,
            clusters=self.clusters,
        )


def _failure(error_type: str, message: str, problems: tuple[Problem, ...] = ()) -> dict[str, Any]:
    """Whatever a request held, its refusal can be sent: what is quoted of it is short and can be encoded."""
    listed = [
        small_problem(_sendable(one.path), one.value, _sendable(one.message)).as_document()
        for one in problems[: MAXIMUM_PROBLEMS + 1]
    ]
    error = {"type": error_type, "message": _sendable(message), "problems": listed}
    return {"version": VERSION, "ok": False, "error": error}


def _sendable(text: str) -> str:
    cut = text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}..."
    return cut.encode("utf-8", "backslashreplace").decode()
