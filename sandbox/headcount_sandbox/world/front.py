"""The front door: each call is recognised, struck by faults, answered here or by moto, and recorded."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, error_answer
from headcount_sandbox.world.calls import Call, Calls
from headcount_sandbox.world.faults import CallEffect, Faults, When

CONSOLE_PATH = "/_sandbox/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A function process that calls with an access key of its own, and how to kill it (at once, with SIGKILL)."""

    function_name: str
    kill: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """How a call ended: no answer means that the connection is dropped."""

    answer: ApiResponse | None
    outcome: str


class Front:
    """Answers every request; `answers` are the operations that the sandbox does itself, by service and name."""

    def __init__(
        self,
        *,
        answers: Mapping[tuple[str, str], Answer],
        otherwise: Answer,
        console: Answer,
        faults: Faults,
        calls: Calls,
        callers: Mapping[str, Caller],
    ) -> None:
        self._answers = answers
        self._otherwise = otherwise
        self._console = console
        self._faults = faults
        self._calls = calls
        self._callers = callers

    def respond(self, request: ApiRequest) -> ApiResponse | None:
        """The answer to a request, or None where the connection is to be dropped."""
        if request.path.startswith(CONSOLE_PATH):
            return self._safely(self._console, request).answer
        at, started = time.time(), time.perf_counter()
        caller = self._callers.get(request.access_key or "")
        effect = self._faults.call_effect(
            {
                "service": request.service,
                "operation": request.operation,
                "access_key": request.access_key,
                "function": caller.function_name if caller else None,
            }
        )
        ending = self._answer(request) if effect is None else self._struck(request, effect, caller)
        self._calls.record(
            Call(
                at=at,
                access_key=request.access_key,
                function=caller.function_name if caller else None,
                service=request.service,
                operation=request.operation,
                outcome=ending.outcome,
                status=ending.answer.status if ending.answer else None,
                duration=time.perf_counter() - started,
                fault=effect.fault if effect else None,
            )
        )
        return ending.answer

    def _answer(self, request: ApiRequest) -> _Ending:
        return self._safely(self._answers.get((request.service, request.operation), self._otherwise), request)

    def _struck(self, request: ApiRequest, effect: CallEffect, caller: Caller | None) -> _Ending:
        if effect.error is not None:
            return _Ending(answer=error_answer(request, effect.error), outcome=effect.error.code)
        if effect.kill == "before":
            return _killed(caller, "before")
        ending = self._answer(request)
        if effect.kill == "after":
            return _killed(caller, "after")
        return _Ending(answer=None, outcome=f"dropped after {ending.outcome}")

    def _safely(self, answer: Answer, request: ApiRequest) -> _Ending:
        try:
            answered = answer(request)
        except ApiError as error:
            return _Ending(answer=error_answer(request, error), outcome=error.code)
        except Exception:  # noqa: BLE001 - a defect of the sandbox is an InternalFailure to the client, as AWS's are
            failure = ApiError("InternalFailure", traceback.format_exc(), status=500)
            return _Ending(answer=error_answer(request, failure), outcome=failure.code)
        return _Ending(answer=answered, outcome="ok" if answered.status < 400 else _error_code(answered))


def _killed(caller: Caller | None, when: When) -> _Ending:
    if caller is not None:
        caller.kill()
    return _Ending(answer=None, outcome=f"killed {when}")


def _error_code(answer: ApiResponse) -> str:
    code = answer.headers.get("x-amzn-ErrorType") or answer.headers.get("x-amzn-errortype")
    if code:
        return code.partition(":")[0]
    in_xml = answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0]
    found = in_xml or answer.body.partition(b'"__type"')[2].partition(b'"')[2].partition(b'"')[0]
    return found.decode(errors="replace").rpartition("#")[2] or f"HTTP {answer.status}"
