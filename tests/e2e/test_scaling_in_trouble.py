"""What scaling asks does not answer, or AWS refuses: the count stays, everybody reads why, and it goes on by itself."""

from dataclasses import dataclass

import pytest

from e2e.install import Install
from e2e.scaled import SCALED, Meters, Scaled, own_alarms, tracking
from headcount_sandbox.platform.user_functions import zipped

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = SCALED
ANSWER = "import time\n\n\ndef lambda_handler(question, context):\n    {}\n"
GOOD = ANSWER.format("return {'desiredCount': question['counts']['desired'] + 2, 'reason': 'two more'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A function of the user's that gives no count, and what is said of it."""

    name: str
    does: str
    says: str

    @property
    def function(self) -> str:
        return f"headcount-scaling-{self.name}"


BAD = (
    Bad(name="late", does="time.sleep(2)", says="it did not answer within 0.5 s"),
    Bad(name="throws", does="raise ValueError('no idea')", says="it failed: ValueError: no idea"),
    Bad(name="nonsense", does="return {'desiredCount': 'lots'}", says="desiredCount must be a whole number from 0"),
    Bad(name="silent", does="return None", says="must be a mapping with desiredCount and reason, not null"),
)


@pytest.fixture(scope="module", autouse=True)
def bad_functions(installed: Install, meters: Meters) -> None:
    for bad in BAD:
        installed.sandbox.create_function(bad.function, ANSWER.format(bad.does))
        policy = {"functionName": bad.function, "timeoutSeconds": 0.5 if bad.name == "late" else 15}
        asked(installed, bad).declare(3, {"policyName": "mine", "functionPolicyConfiguration": policy}, bounds=(1, 5))


def asked(install: Install, bad: Bad) -> Scaled:
    return Scaled(install=install, name=f"asks-{bad.name}")


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_function_that_gives_no_count_changes_nothing_until_it_gives_one(install: Install, bad: Bad) -> None:
    service = asked(install, bad)
    service.says("mine", bad.says)
    assert (service.policy("mine")["outcome"], service.desired, service.changes()) == ("hold", 3, [])
    told = [reason for reason in service.reasons() if bad.says in reason]
    assert len(told) == 1, f"a reason is told when it is new: {service.reasons()}"
    assert told[0].startswith("policy mine holds: ")
    assert told == service.told["problems"]

    install.sandbox.client("lambda").update_function_code(FunctionName=bad.function, ZipFile=zipped(GOOD))
    service.becomes(5)
    assert service.changes()[0].reason.startswith("mine scales out from 3 to 5: two more")
    install.wait(lambda: service.told["problems"] == [], "nothing stands against it", service.name)


def test_a_function_that_the_stack_does_not_allow_is_not_asked(install: Install) -> None:
    forbidden = install.faults.fail(
        "lambda",
        "Invoke",
        error_code="AccessDeniedException",
        http_status=403,
        message="not authorized to perform: lambda:InvokeFunction",
        function=install.sandbox.platform.function("DecideScaling").name,
    )
    install.sandbox.create_function("somebody-elses", GOOD)
    service = Scaled(install=install, name="asks-forbidden")
    policy = {"policyName": "mine", "functionPolicyConfiguration": {"functionName": "somebody-elses"}}
    service.declare(1, policy, bounds=(1, 3))
    service.says("mine", "not authorized to perform", "ScalingFunctions")
    assert service.changes() == []
    install.faults.remove(forbidden)
    service.becomes(3)


def test_a_throttled_cloudwatch_changes_nothing_and_is_asked_again(install: Install, meters: Meters) -> None:
    service = Scaled(install=install, name="throttled")
    meters.say("throttled", 48.0, for_minutes=3)
    service.run(2, tracking("load", "throttled", 50.0), bounds=(1, 9))
    throttled = install.faults.throttle("cloudwatch", "GetMetricData")
    meters.say("throttled", 100.0)
    service.says("load", "its metrics cannot be read", "Throttling")
    service.stays(2, minutes=3)
    meters.follow("throttled", lambda: 200 / service.running)
    install.faults.remove(throttled)
    service.becomes(4)
    assert service.counts() == [4]


def test_alarms_that_aws_refuses_are_told_tried_again_and_hold_up_no_decision(install: Install, meters: Meters) -> None:
    service = Scaled(install=install, name="refused")
    refused = install.faults.fail("cloudwatch", "PutMetricAlarm", error_code="LimitExceeded", message="too many alarms")
    meters.follow("refused", lambda: 200 / max(1, service.running))
    meters.say("refused", 100.0, for_minutes=3)
    service.declare(2, tracking("load", "refused", 50.0), bounds=(1, 4))
    service.becomes(4)
    problems = service.told["problems"]
    assert len(problems) == 2, problems
    assert all("is not created: AWS refuses:" in one and "too many alarms" in one for one in problems)
    assert sum("too many alarms" in reason for reason in service.reasons()) == 2, "told once each"
    install.faults.remove(refused)
    install.wait(lambda: own_alarms(install, "refused").keys() == {"high", "low"}, "the alarms are there", "refused")
    install.wait(lambda: service.told["problems"] == [], "nothing stands against it", "refused")
