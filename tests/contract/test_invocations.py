"""The users' functions and Headcount's own, over the API of Lambda: what comes of every way to answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from headcount.aws.awslambda import LARGEST_ANSWER, LambdaUserFunctions
from headcount.aws.invoking import InvokedLoadBalancerRequests, InvokedScalingRequests
from headcount.errors import Throttled, TransientError

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:headcount-scaling-web"
QUESTION = {"service": "prod/web", "metrics": {"busy": [1.5]}}


class Lambda:
    """Lambda's API on a local port: it answers what it is told to, and keeps what it was sent."""

    def __init__(self):
        self.status, self.headers, self.body = 200, {}, b"7"
        self.asked = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.asked.append((self.path, self.headers.get("X-Amz-Invocation-Type"), json.loads(body)))
                api.may_answer.wait(10)
                self.send_response(api.status)
                for name, value in api.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(api.body)))
                self.end_headers()
                self.wfile.write(api.body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def client(self, seconds=5.0):
        return boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{self.server.server_port}",
            region_name="eu-west-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(connect_timeout=1, read_timeout=seconds, retries={"total_max_attempts": 1}),
        )

    def refuses(self, status, code, message):
        self.status, self.headers = status, {"x-amzn-errortype": code}
        self.body = json.dumps({"Message": message}).encode()


@pytest.fixture
def api():
    api = Lambda()
    serving = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield api
    api.may_answer.set()
    api.server.shutdown()
    api.server.server_close()
    serving.join()


def ask(api, seconds=5.0):
    return LambdaUserFunctions(api.client).ask(ARN, QUESTION, seconds)


@pytest.mark.parametrize("answer", [7, {"desiredCount": 7}, None, "seven", [1, 2]])
def test_whatever_json_a_function_answers_is_its_answer(api, answer):
    api.body = json.dumps(answer).encode()
    assert ask(api).answer == answer
    assert ask(api).failed == ""


def test_the_function_is_asked_the_question_and_waited_for(api):
    ask(api)
    path, kind, question = api.asked[0]
    assert "headcount-scaling-web/invocations" in path
    assert (kind, question) == ("RequestResponse", QUESTION)


def test_a_function_that_is_late_is_not_waited_for_and_not_asked_again(api):
    api.may_answer.clear()
    assert ask(api, 0.2).failed == "it did not answer within 0.2 s"
    assert len(api.asked) == 1


def test_a_function_that_fails_is_told_of_by_its_error(api):
    api.headers = {"X-Amz-Function-Error": "Unhandled"}
    api.body = json.dumps({"errorType": "KeyError", "errorMessage": "'busy'", "stackTrace": []}).encode()
    assert ask(api).failed == "it failed: KeyError: 'busy'"
    api.body = json.dumps({"errorMessage": "Task timed out after 3.00 seconds"}).encode()
    assert ask(api).failed == "it failed: Task timed out after 3.00 seconds"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff", b"[" * 5000])
def test_an_error_of_any_shape_is_an_error(api, body):
    api.headers, api.body = {"X-Amz-Function-Error": "Unhandled"}, body
    assert ask(api).failed.startswith("it failed: ")
    assert len(ask(api).failed) <= 400


@pytest.mark.parametrize("body", [b"", b"seven", b"\xff\xfe", b"[" * 50_000])
def test_what_is_no_json_is_no_answer(api, body):
    api.body = body
    assert ask(api).failed.startswith("its answer is no JSON: ")


def test_an_answer_that_is_too_large_is_none(api):
    api.body = json.dumps("x" * LARGEST_ANSWER).encode()
    assert ask(api).failed == f"its answer has more than {LARGEST_ANSWER} bytes"


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "ResourceNotFoundException", "ResourceNotFoundException: said"),
        (403, "AccessDeniedException", "ScalingFunctions"),
        (429, "TooManyRequestsException", "TooManyRequestsException: said"),
        (502, "EC2ThrottledException", "EC2ThrottledException: said"),
        (500, "ServiceException", "ServiceException: said"),
    ],
)
def test_a_function_that_lambda_does_not_invoke_has_no_answer(api, status, code, said):
    api.refuses(status, code, "said")
    assert said in ask(api).failed
    assert len(api.asked) == 1


def test_lambda_out_of_reach_is_no_answer(api):
    api.server.server_close()
    assert ask(api).failed.startswith("it cannot be reached: ")


# -- Headcount's own --------------------------------------------------------------------------------------------------


def test_decide_scaling_is_asked_and_not_waited_for(api):
    api.status, api.body = 202, b""
    InvokedScalingRequests(api.client(), "headcount-DecideScaling").ask("prod/web", "the declaration changed")
    assert [(kind, message) for _, kind, message in api.asked] == [
        ("Event", {"schema": 1, "service": "prod/web", "cause": "the declaration changed"})
    ]


def test_keep_load_balancers_is_asked_and_not_waited_for(api):
    api.status, api.body = 202, b""
    InvokedLoadBalancerRequests(api.client(), "headcount-KeepLoadBalancers").ask("prod/web")
    assert [(kind, message) for _, kind, message in api.asked] == [("Event", {"schema": 1, "service": "prod/web"})]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(429, "TooManyRequestsException", Throttled), (500, "ServiceException", TransientError)],
)
def test_an_invocation_that_lambda_does_not_take_is_asked_for_later(api, status, code, error):
    api.refuses(status, code, "said")
    with pytest.raises(error):
        InvokedScalingRequests(api.client(), "headcount-DecideScaling").ask("prod/web", "timer")
