"""The functions in this process: their ``app.py`` is loaded anew for every call, as at a cold start."""

import importlib.util
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headcount.aws import clients
from samlocal.place import Place
from samlocal.story import Invoke


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What Lambda tells a handler of its invocation, as far as handlers read it."""

    function_name: str
    invoked_function_arn: str
    aws_request_id: str
    memory_limit_in_mb: int
    timeout: int

    def get_remaining_time_in_millis(self) -> int:
        return self.timeout * 1000


@contextmanager
def functions_in_process(place: Place) -> Iterator[Invoke]:
    """Clients that others made, or that this makes, reach nobody else: neither does the environment."""
    environment = dict(os.environ)
    _forget_clients()
    try:
        yield lambda folder, payload: _call(place, folder, payload)
    finally:
        _forget_clients()
        os.environ.clear()
        os.environ.update(environment)


def _forget_clients() -> None:
    """And the session that made them: the audit's is a special one."""
    clients.client.cache_clear()
    clients.session.cache_clear()


def _call(place: Place, folder: str, payload: bytes) -> Any:
    function = place.function(folder)
    for name in [name for name in os.environ if name.startswith(("AWS_", "HEADCOUNT_", "POWERTOOLS_"))]:
        del os.environ[name]  # a function gets its own variables and nobody else's
    os.environ.update(place.environment(folder) | {"AWS_LAMBDA_FUNCTION_NAME": function.name})
    spec = importlib.util.spec_from_file_location(f"stories_{folder}", function.code / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    context = Context(
        function_name=function.name,
        invoked_function_arn=function.arn,
        aws_request_id=str(uuid.uuid4()),
        memory_limit_in_mb=function.memory,
        timeout=function.timeout,
    )
    try:
        spec.loader.exec_module(app)
        answer = app.lambda_handler(json.loads(payload), context)
    except Exception as error:  # noqa: BLE001 - as Lambda does: whatever a function raises becomes its error document
        return {"errorType": type(error).__name__, "errorMessage": str(error)}
    return json.loads(json.dumps(answer))
