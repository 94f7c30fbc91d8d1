"""Functions that are not the stack's: created over Lambda's API, as its users do, and run like all others."""

import base64
import binascii
import io
import re
import shutil
import uuid
import zipfile
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headcount_sandbox.platform.deployment import AsynchronousInvocation, Function
from headcount_sandbox.platform.function_pool import FunctionPool, Host
from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer

_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_MOST_SECONDS = 900
_OWN = "The sandbox keeps functions of the template as the template says."


class UserFunctionsApi:
    """CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, DeleteFunction and what goes with them.

    `pools` is shared with whoever invokes functions; `known` (names) with Lambda's other operations.
    """

    def __init__(self, pools: MutableMapping[str, FunctionPool], *, host: Host, folder: Path, known: set[str]) -> None:
        self._pools = pools
        self._host = host
        self._folder = folder
        self._known = known
        self._created: set[str] = set()

    def operations(self) -> Mapping[str, Answer]:
        """The operations of Lambda answered here, by name."""
        return {
            "CreateFunction": self._create,
            "UpdateFunctionCode": self._on_a_users(self._update_code),
            "UpdateFunctionConfiguration": self._on_a_users(self._update_configuration),
            "DeleteFunction": self._on_a_users(self._delete),
            "PutFunctionEventInvokeConfig": self._on_a_users(self._put_event_invoke_config),
            "PutFunctionRecursionConfig": self._on_a_users(self._put_recursion_config),
        }

    def _create(self, request: ApiRequest) -> ApiResponse:
        asked = request.parameters
        name = str(asked.get("FunctionName", ""))
        if not _NAME.fullmatch(name):
            raise _invalid(f"Value '{name}' at 'functionName' failed to satisfy constraint: {_NAME.pattern}")
        if name in self._pools:
            raise ApiError("ResourceConflictException", f"Function already exist: {name}", status=409)
        if not str(asked.get("Runtime", "")).startswith("python"):
            raise _invalid(f"The sandbox runs Python functions, not {asked.get('Runtime', 'images')}.")
        function = Function(
            logical_id=name,
            name=name,
            arn=self._host.place.arn("lambda", f"function:{name}"),
            code=self._unpacked(name, asked.get("Code", {})),
            handler=str(asked.get("Handler", "")),
        )
        function = _configured(function, asked)
        _check_handler(function)
        self._run(function)
        self._known.add(name)
        self._created.add(name)
        return _answer(_configuration(function), 201)

    def _update_code(self, function: Function, asked: Mapping[str, Any]) -> ApiResponse:
        changed = replace(function, code=self._unpacked(function.name, asked))
        _check_handler(changed)
        return self._changed(changed)

    def _update_configuration(self, function: Function, asked: Mapping[str, Any]) -> ApiResponse:
        changed = _configured(function, asked)
        _check_handler(changed)
        return self._changed(changed)

    def _delete(self, function: Function, asked: Mapping[str, Any]) -> ApiResponse:  # noqa: ARG002 - as its siblings
        self._pools.pop(function.name).close()
        self._known.discard(function.name)
        self._created.discard(function.name)
        return ApiResponse(status=204)

    def _put_event_invoke_config(self, function: Function, asked: Mapping[str, Any]) -> ApiResponse:
        on_failure = asked.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if on_failure is not None and ":sqs:" not in on_failure:
            raise _invalid(f"The sandbox delivers failures to queues, not to {on_failure}.")
        default = AsynchronousInvocation()
        how = AsynchronousInvocation(
            maximum_retry_attempts=int(asked.get("MaximumRetryAttempts", default.maximum_retry_attempts)),
            maximum_event_age=int(asked.get("MaximumEventAgeInSeconds", default.maximum_event_age)),
            on_failure=on_failure,
        )
        self._changed(replace(function, asynchronous=how))
        return _answer({**asked, "FunctionArn": f"{function.arn}:$LATEST"}, 200)

    def _put_recursion_config(self, function: Function, asked: Mapping[str, Any]) -> ApiResponse:
        self._changed(replace(function, allows_loops=asked["RecursiveLoop"] == "Allow"))
        return _answer({"RecursiveLoop": asked["RecursiveLoop"]}, 200)

    # ------------------------------------------------------------------------------------------------- inside

    def _on_a_users(self, operation: Callable[[Function, Mapping[str, Any]], ApiResponse]) -> Answer:
        """An operation on an existing function that was created here."""

        def answer(request: ApiRequest) -> ApiResponse:
            name = request.path_parameters["FunctionName"].rpartition(":")[2]
            pool = self._pools.get(name)
            if pool is None:
                raise ApiError("ResourceNotFoundException", f"Function not found: {name}", status=404)
            if name not in self._created:
                raise ApiError("AccessDeniedException", _OWN, status=403)
            return operation(pool.function, request.parameters)

        return answer

    def _changed(self, function: Function) -> ApiResponse:
        """New processes run what is new; those of before end."""
        before = self._pools[function.name]
        self._run(function)
        before.close()
        return _answer(_configuration(function), 200)

    def _run(self, function: Function) -> None:
        self._pools[function.name] = FunctionPool(function, self._host)

    def _unpacked(self, name: str, code: Mapping[str, Any]) -> Path:
        """A new folder with the code, so that processes of before keep theirs."""
        folder = self._folder / f"{name}-{uuid.uuid4().hex[:8]}"
        try:
            archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(code["ZipFile"])))
            archive.extractall(folder)
        except KeyError:
            raise _invalid("The sandbox wants the code of a function as ZipFile.") from None
        except (zipfile.BadZipFile, binascii.Error):
            shutil.rmtree(folder, ignore_errors=True)
            raise _invalid("Could not unzip uploaded file. Please check your file, then try to upload again.") from None
        return folder


def zipped(source: str) -> bytes:
    """The code of a function as CreateFunction wants it: `app.py` in an archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    return packed.getvalue()


def _configured(function: Function, asked: Mapping[str, Any]) -> Function:
    timeout, memory = int(asked.get("Timeout", function.timeout)), int(asked.get("MemorySize", function.memory))
    if not 1 <= timeout <= _MOST_SECONDS:
        raise _invalid(f"Value '{timeout}' at 'timeout' failed to satisfy constraint: 1 to {_MOST_SECONDS}")
    variables = asked.get("Environment", {}).get("Variables")
    return replace(
        function,
        handler=str(asked.get("Handler", function.handler)),
        timeout=timeout,
        memory=memory,
        environment=function.environment if variables is None else dict(variables),
    )


def _check_handler(function: Function) -> None:
    module = function.handler.rpartition(".")[0].replace(".", "/") + ".py"
    if not (function.code / module).is_file():
        raise _invalid(f"The handler {function.handler} is not in the code: there is no {module}.")


def _configuration(function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": "python3.13",
        "Handler": function.handler,
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Version": "$LATEST",
        "Environment": {"Variables": dict(function.environment)},
    }


def _answer(document: Mapping[str, Any], status: int) -> ApiResponse:
    return json_answer(document, status=status, content_type="application/json")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
