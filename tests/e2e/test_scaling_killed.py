"""`decide_scaling` killed before and after each call that it makes, and alarms that come twice, late or never."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from e2e.install import Install
from e2e.scaled import SCALED, Meters, Scaled, own_alarms, tracking

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {**SCALED, "seed": 4}  # its own: what is looked at while a death is awaited may die instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """At its nth call of an operation, before the call has an effect or before it is answered."""

    service: str
    operation: str
    when: Literal["before", "after"]
    nth: int = 1


# A look at a new declaration, in the order of its calls: Query (the records), TransactWriteItems (the names of what it
# is about to make), DescribeAlarms, PutMetricAlarm (two), DeleteAlarms (the policy before), GetMetricData,
# TransactWriteItems (the count), SendMessage (the timer), SendMessage (the kick).
DEATHS = tuple(
    Death(service=service, operation=operation, when=when, nth=nth)
    for service, operation, nth in (
        ("dynamodb", "Query", 1),
        ("dynamodb", "TransactWriteItems", 1),
        ("cloudwatch", "DescribeAlarms", 1),
        ("cloudwatch", "PutMetricAlarm", 1),
        ("cloudwatch", "PutMetricAlarm", 2),
        ("cloudwatch", "DeleteAlarms", 1),
        ("cloudwatch", "GetMetricData", 1),
        ("dynamodb", "TransactWriteItems", 2),
        ("sqs", "SendMessage", 1),
        ("sqs", "SendMessage", 2),
    )
    for when in ("before", "after")
)


@pytest.fixture(scope="module", autouse=True)
def unheard(installed: Install, meters: Meters) -> Scaled:
    """A service whose high alarm went off, and nobody heard of it."""
    unheard = Scaled(install=installed, name="unheard")
    meters.say("unheard", 48.0, for_minutes=4)
    unheard.run(2, tracking("load", "unheard", 50.0), bounds=(1, 20))
    installed.wait(lambda: states(installed, "unheard") == {"OK"}, "its alarms have told that they are OK", "unheard")
    lost = installed.faults.lose_events()
    meters.say("unheard", 100.0)
    installed.wait(lambda: "ALARM" in states(installed, "unheard"), "an alarm goes off", "unheard")
    installed.faults.remove(lost)
    return unheard


def states(install: Install, service: str) -> set[str]:
    return {str(alarm["StateValue"]) for alarm in own_alarms(install, service).values()}


def test_looks_that_die_are_finished_by_the_next_and_each_count_is_set_once(install: Install, meters: Meters) -> None:
    """Each death befalls a look at a new declaration, that wants one task more and another policy's alarms."""
    mortal = Scaled(install=install, name="mortal")
    meters.say("mortal", 48.0, for_minutes=4)
    mortal.run(1, *policies(1), bounds=(1, 50))
    for count, death in enumerate(DEATHS, start=2):
        dies(install, death, mortal, count)
        mortal.goes(count - 1, count)
        mortal.looks()

    last = 1 + len(DEATHS)
    assert mortal.counts() == list(range(2, last + 1)), mortal.reasons()
    install.exactly("mortal", last)
    told = install.sandbox.client("cloudwatch").describe_alarms(AlarmNamePrefix="headcount/main/scaling/mortal/")
    assert {alarm["AlarmName"].split("/")[4] for alarm in told["MetricAlarms"]} == {f"load-{last}"}
    assert len(told["MetricAlarms"]) == 2
    assert mortal.told["problems"] == []


def policies(count: int) -> tuple[dict[str, Any], ...]:
    """One that says the count, and one that has alarms and wants nothing."""
    formula = {"policyName": "count", "expressionPolicyConfiguration": {"expression": str(count)}}
    return formula, tracking(f"load-{count}", "mortal", 50.0)


def dies(install: Install, death: Death, service: Scaled, count: int) -> None:
    function = install.sandbox.platform.function("DecideScaling").name
    fault = install.faults.kill_caller(function, death.service, death.operation, when=death.when, nth=death.nth)
    service.declare(1, *policies(count), bounds=(1, 50))

    def died() -> bool:
        return any(one["id"] == fault and one["hits"] == 1 for one in install.faults.describe())

    install.wait(died, f"decide_scaling died at its {death}", service.name)
    install.faults.remove(fault)


def test_alarms_that_come_twice_late_and_out_of_order_come_to_the_same(install: Install, meters: Meters) -> None:
    confused = Scaled(install=install, name="confused")
    meters.say("confused", 48.0, for_minutes=4)
    confused.run(2, tracking("load", "confused", 50.0), bounds=(1, 20))
    install.faults.duplicate_events(copies=2)
    install.faults.shuffle_events(window=1.5)
    install.faults.duplicate_invocations(install.sandbox.platform.function("DecideScaling").name)
    meters.follow("confused", lambda: 400.0 / max(1, confused.running))
    confused.becomes(8)
    confused.stays(8, minutes=5)
    meters.say("confused", 5.0)
    confused.becomes(1)
    assert confused.counts() == [8, 1], confused.reasons()


def test_an_alarm_whose_event_was_lost_is_made_up_for(install: Install, unheard: Scaled) -> None:
    """Everything is looked at every quarter of an hour, whatever is told."""
    unheard.goes(2, 4)
