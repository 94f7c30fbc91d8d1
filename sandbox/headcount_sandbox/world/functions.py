"""Lambda's Invoke and CloudFormation's DescribeStacks, answered by what the platform deployed."""

import re
import uuid
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.moto_apis import MotoApis

Invoke = Callable[[str, bytes, str], tuple[int, Mapping[str, str], bytes]]
StackOutputs = dict[str, dict[str, str]]

_FUNCTION = re.compile(r"^(?:arn:aws:lambda:[^:]*:[^:]*:function:)?(?P<name>[\w-]+)(?::[\w$-]+)?$")
_STACK_CREATED = "2026-01-01T00:00:00Z"


def no_functions(name: str, payload: bytes, invocation_type: str) -> tuple[int, Mapping[str, str], bytes]:  # noqa: ARG001 - the signature of Invoke
    """What Lambda says of a function that it does not know."""
    raise ApiError("ResourceNotFoundException", f"Function not found: {name}", status=404)


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
    ) -> None:
        self._moto = moto
        self._arn = f"arn:aws:cloudformation:{region}:{account}:stack"
        self._invoke = invoke
        self._outputs = outputs

    def lambda_operations(self) -> Mapping[str, Answer]:
        """The operations of Lambda answered here, by name."""
        return {"Invoke": self._answer_invoke}

    def cloudformation_operations(self) -> Mapping[str, Answer]:
        """The operations of CloudFormation answered here, by name."""
        return {"DescribeStacks": self._describe_stacks}

    def _answer_invoke(self, request: ApiRequest) -> ApiResponse:
        named = _FUNCTION.match(request.path_parameters["FunctionName"])
        if named is None:
            raise ApiError("ValidationException", "1 validation error detected: Value at 'functionName' is invalid.")
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        status, headers, body = self._invoke()(named["name"], request.body, kind)
        own = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
        return ApiResponse(status=status, headers={**own, **headers}, body=body)

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
