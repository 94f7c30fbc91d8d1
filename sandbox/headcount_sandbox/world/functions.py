"""Lambda's Invoke and policies, and CloudFormation's DescribeStacks, answered by what the platform deployed."""

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.moto_apis import MotoApis

StackOutputs = dict[str, dict[str, str]]

_FUNCTION = re.compile(r"^(?:arn:aws:lambda:[^:]*:[^:]*:function:)?(?P<name>[\w-]+)(?::[\w$-]+)?$")
_STACK_CREATED = "2026-01-01T00:00:00Z"


class Invoke(Protocol):
    """Runs a function by name; status, headers and body as the Invoke API answers them. `trace` is its trace header."""

    def __call__(
        self, name: str, payload: bytes, invocation_type: str, trace: str = "", /
    ) -> tuple[int, Mapping[str, str], bytes]: ...


def no_functions(
    name: str,
    payload: bytes,  # noqa: ARG001 - the signature of Invoke
    invocation_type: str,  # noqa: ARG001 - the signature of Invoke
    trace: str = "",  # noqa: ARG001 - the signature of Invoke
    /,
) -> tuple[int, Mapping[str, str], bytes]:
    """What Lambda says of a function that it does not know."""
    raise ApiError("ResourceNotFoundException", f"Function not found: {name}", status=404)


class FunctionPolicies:
    """Who may invoke a function (`name`, or `name:alias`): the statements of its policy, by their ids."""

    def __init__(self) -> None:
        self._statements: dict[str, dict[str, dict[str, Any]]] = {}

    def add(self, function: str, asked: Mapping[str, Any], arn: str) -> dict[str, Any]:
        """Adds a statement; refuses an id that is taken."""
        sid, known = asked["StatementId"], self._statements.setdefault(function, {})
        if sid in known:
            raise ApiError(
                "ResourceConflictException",
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
                "existing statement.",
                status=409,
            )
        conditions = {"ArnLike": {"AWS:SourceArn": asked["SourceArn"]}} if "SourceArn" in asked else {}
        known[sid] = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": asked["Principal"]},
            "Action": asked["Action"],
            "Resource": arn,
            **({"Condition": conditions} if conditions else {}),
        }
        return known[sid]

    def remove(self, function: str, sid: str) -> None:
        """Removes a statement; refuses an id that is not there."""
        if self._statements.get(function, {}).pop(sid, None) is None:
            raise ApiError("ResourceNotFoundException", f"Statement {sid} is not found in resource policy.", status=404)

    def of(self, function: str) -> list[dict[str, Any]]:
        return list(self._statements.get(function, {}).values())

    def allows(self, function: str, principal: str, source_arn: str) -> bool:
        """Whether a service may invoke a function on behalf of a resource."""
        for statement in self.of(function):
            pattern = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
            is_meant = statement["Principal"]["Service"] == principal and fnmatchcase(source_arn, pattern)
            if is_meant and statement["Action"] in ("lambda:InvokeFunction", "lambda:*"):
                return True
        return False


def _named(request: ApiRequest) -> str:
    named = _FUNCTION.match(request.path_parameters["FunctionName"])
    if named is None:
        raise ApiError("ValidationException", "1 validation error detected: Value at 'functionName' is invalid.")
    return named["name"]


class FunctionsApi:
    """`invoke` and `outputs` are looked up at each call, so that the platform may set them at any time."""

    def __init__(
        self,
        *,
        moto: MotoApis,
        region: str,
        account: str,
        invoke: Callable[[], Invoke],
        outputs: Callable[[], StackOutputs],
        names: Collection[str],
        policies: FunctionPolicies,
    ) -> None:
        self._moto = moto
        self._names = names
        self._policies = policies
        self._function_arn = f"arn:aws:lambda:{region}:{account}:function"
        self._arn = f"arn:aws:cloudformation:{region}:{account}:stack"
        self._invoke = invoke
        self._outputs = outputs

    def lambda_operations(self) -> Mapping[str, Answer]:
        """The operations of Lambda answered here, by name."""
        return {
            "Invoke": self._answer_invoke,
            "AddPermission": self._add_permission,
            "RemovePermission": self._remove_permission,
            "GetPolicy": self._get_policy,
            "GetFunctionConfiguration": self._get_configuration,
        }

    def cloudformation_operations(self) -> Mapping[str, Answer]:
        """The operations of CloudFormation answered here, by name."""
        return {"DescribeStacks": self._describe_stacks}

    def _answer_invoke(self, request: ApiRequest) -> ApiResponse:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        trace = request.headers.get("x-amzn-trace-id", "")
        status, headers, body = self._invoke()(_named(request), request.body, kind, trace)
        own = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
        return ApiResponse(status=status, headers={**own, **headers}, body=body)

    def _add_permission(self, request: ApiRequest) -> ApiResponse:
        name, asked = self._qualified(request), request.parameters
        statement = self._policies.add(name, asked, f"{self._function_arn}:{name}")
        return json_answer({"Statement": json.dumps(statement)}, status=201, content_type="application/json")

    def _remove_permission(self, request: ApiRequest) -> ApiResponse:
        self._policies.remove(self._qualified(request), request.path_parameters["StatementId"])
        return ApiResponse(status=204)

    def _get_policy(self, request: ApiRequest) -> ApiResponse:
        statements = self._policies.of(self._qualified(request))
        if not statements:
            raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", status=404)
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        document = {"Policy": json.dumps(policy), "RevisionId": str(uuid.uuid4())}
        return json_answer(document, content_type="application/json")

    def _get_configuration(self, request: ApiRequest) -> ApiResponse:
        name = self._known(request)
        document = {"FunctionName": name, "FunctionArn": f"{self._function_arn}:{name}", "State": "Active"}
        return json_answer(document, content_type="application/json")

    def _qualified(self, request: ApiRequest) -> str:
        """A function, or one of its aliases or versions: each has a policy of its own."""
        qualifier = dict(parse_qsl(request.query)).get("Qualifier")
        return f"{self._known(request)}:{qualifier}" if qualifier else self._known(request)

    def _known(self, request: ApiRequest) -> str:
        name = _named(request)
        if name not in self._names:
            raise ApiError("ResourceNotFoundException", f"Function not found: {self._function_arn}:{name}", status=404)
        return name

    def _describe_stacks(self, request: ApiRequest) -> ApiResponse:
        stacks = self._outputs()
        asked = request.parameters.get("StackName")
        name = asked.split("/")[1] if asked and asked.startswith("arn:") else asked
        if name is not None and name not in stacks:
            raise ApiError("ValidationError", f"Stack with id {name} does not exist")
        members = "".join(self._stack(stack) for stack in stacks if name in (None, stack))
        text = (
            '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>'
            f"<Stacks>{members}</Stacks></DescribeStacksResult><ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId>"
            "</ResponseMetadata></DescribeStacksResponse>"
        )
        return ApiResponse(headers={"Content-Type": "text/xml"}, body=text.encode())

    def _stack(self, name: str) -> str:
        outputs = "".join(
            f"<member><OutputKey>{escape(key)}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
            for key, value in self._outputs()[name].items()
        )
        identity = uuid.uuid5(uuid.NAMESPACE_URL, name)
        return (
            f"<member><StackName>{escape(name)}</StackName><StackId>{self._arn}/{escape(name)}/{identity}</StackId>"
            f"<CreationTime>{_STACK_CREATED}</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>"
            f"<Outputs>{outputs}</Outputs></member>"
        )
