"""Scaling with people in between: counts set by hand, pauses, overrides, deployments; queues, and what people read."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from e2e.install import Install
from e2e.scaled import MINUTE, SCALED, Meters, Scaled, an_alarm, stepping, tracking
from headcount_cli.running import real_world, run

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = SCALED
STUCK = {"provisioningSeconds": 120}
ONE_MORE = {"metricIntervalLowerBound": 0, "scalingAdjustment": 1}
OVERRIDE_MINUTES = 14  # of the world, enough on a busy machine; what is longer than 15 would be for an audit to end


class Stories:
    """The services of this file."""

    def __init__(self, install: Install) -> None:
        self.by_hand = Scaled(install=install, name="by-hand")
        self.paused = Scaled(install=install, name="paused")
        self.frozen = Scaled(install=install, name="frozen")
        self.sale = Scaled(install=install, name="sale")
        self.rolled = Scaled(install=install, name="rolled")
        self.shown = Scaled(install=install, name="shown")


@pytest.fixture(scope="module")
def stories(installed: Install, meters: Meters) -> Iterator[Stories]:
    """All of them begin together, for each takes some minutes of the world."""
    stories = Stories(installed)
    an_alarm(installed, "by-hand", "by-hand", 50)
    stories.by_hand.declare(2, stepping("grows", ["by-hand"], [ONE_MORE], cooldown=120), bounds=(1, 9))
    for one, deadlines in ((stories.paused, {}), (stories.frozen, {}), (stories.sale, {}), (stories.rolled, STUCK)):
        meters.say(one.name, 48.0, for_minutes=4)
        one.declare(2, tracking("load", one.name, 50.0), bounds=(1, 4), deadlines=deadlines)
    for one in (stories.by_hand, stories.paused, stories.frozen, stories.sale, stories.rolled):
        installed.steady(one.name, 2)
    installed.ask("pause", service="demo/paused", reason="night")
    installed.ask("pause", service="demo/frozen", mode="freeze", reason="night")
    seconds = OVERRIDE_MINUTES * MINUTE
    installed.ask("override", service="demo/sale", count=5, forSeconds=int(seconds), reason="sale")
    installed.faults.stick("PROVISIONING", family="rolled")
    installed.ask("redeploy", service="demo/rolled")
    for one in (stories.paused, stories.frozen, stories.sale):
        meters.say(one.name, 100.0)
    meters.say("rolled", 5.0)
    meters.say("shown", 100.0, for_minutes=2)
    stories.shown.declare(2, tracking("load", "shown", 50.0), bounds=(1, 4))
    yield stories
    installed.faults.clear()


def test_while_an_override_holds_its_count_runs(installed: Install, stories: Stories) -> None:
    installed.says("sale", "the count is overridden by 5 until")
    installed.exactly("sale", 5)


@pytest.mark.parametrize(("name", "running"), [("paused", 0), ("frozen", 2)])
def test_a_paused_service_is_not_scaled_and_catches_up_when_it_is_resumed(
    installed: Install, stories: Stories, meters: Meters, name: str, running: int
) -> None:
    paused: Scaled = getattr(stories, name)
    installed.says(name, f"held, {name} by e2e")
    installed.exactly(name, running)
    paused.stays(2, minutes=3)
    installed.ask("resume", service=f"demo/{name}")
    paused.goes(2, 4)
    meters.say(name, 48.0)


def test_no_scale_in_while_a_deployment_is_in_progress_and_one_as_soon_as_it_is_over(
    installed: Install, stories: Stories
) -> None:
    rolled = stories.rolled
    installed.wait(lambda: rolled.policy("load")["outcome"] == "in", "the policy wants fewer", "rolled")
    rolled.stays(2, minutes=2)
    assert rolled.told["lastDecision"]["limited"] == ["no scale-in: a deployment is in progress"]
    installed.faults.clear()
    rolled.becomes(1)
    assert rolled.counts() == [1]
    installed.exactly("rolled", 1)


def test_a_count_that_is_set_by_hand_is_where_the_next_step_starts_from(
    installed: Install, stories: Stories, meters: Meters
) -> None:
    by_hand = stories.by_hand
    meters.say("by-hand", 80.0)
    by_hand.goes(2, 3)
    installed.ask("scale", service="demo/by-hand", desiredCount=7)
    by_hand.goes(7, 8)
    installed.ask("scale", service="demo/by-hand", desiredCount=1)
    by_hand.goes(1, 2)
    meters.say("by-hand", 10.0)
    assert all(one.after == one.before + 1 for one in by_hand.changes()), by_hand.reasons()


class Work:
    """A queue of the user's, and its workers' hands."""

    def __init__(self, install: Install, name: str) -> None:
        self._sqs = install.sandbox.client("sqs")
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.in_hand: list[str] = []

    def comes(self, messages: int) -> None:
        for number in range(messages):
            self._sqs.send_message(QueueUrl=self.url, MessageBody=f"job {number}")

    def is_taken(self, messages: int) -> None:
        told = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=messages, VisibilityTimeout=600)
        self.in_hand += [one["ReceiptHandle"] for one in told["Messages"]]

    def is_done(self, messages: int) -> None:
        """All at once: who looks in between would see another number."""
        done = [{"Id": str(number), "ReceiptHandle": self.in_hand.pop()} for number in range(messages)]
        self._sqs.delete_message_batch(QueueUrl=self.url, Entries=done)


def test_a_queue_has_tasks_while_it_has_work_and_none_of_them_goes_with_work_in_hand(installed: Install) -> None:
    queue, work = Work(installed, "jobs"), Scaled(install=installed, name="jobs")
    backlog = {"queueName": "jobs", "perTask": 10, "atOnce": 1, "scaleInCooldown": 60}
    work.declare(None, {"policyName": "work", "backlogPolicyConfiguration": backlog}, bounds=(0, 5))
    work.says("work", "0 waiting")
    installed.exactly("jobs", 0)

    queue.comes(3)
    work.becomes(1)
    queue.is_taken(3)
    installed.ask("scale", service="demo/jobs", desiredCount=3)
    work.says("work", "3 have work in hand")
    work.stays(3, minutes=2)
    queue.is_done(1)
    work.becomes(2)
    queue.is_done(2)
    work.becomes(0)
    installed.exactly("jobs", 0)
    assert [(one.before, one.after) for one in work.changes()] == [(0, 1), (3, 2), (2, 0)]


# ------------------------------------------------------------------------------------------------------- what is shown


@pytest.fixture
def headcount(installed: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line; what it printed."""
    for name, value in installed.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADCOUNT_CONTROL_FUNCTION", installed.sandbox.platform.function("Control").name)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> str:
        capsys.readouterr()
        code = run(arguments, real_world())
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out

    return command


def test_people_and_programs_read_why_a_service_has_the_count_that_it_has(stories: Stories, headcount: Any) -> None:
    stories.shown.goes(2, 4)

    text = headcount("scaling", "demo/shown")
    for words in ("scaled from 1 to 4", "load", "load scales out from 2 to 4: 100 with 2 tasks, target 50: needs 4"):
        assert words in text
    told = json.loads(headcount("scaling", "demo/shown", "-o", "json"))
    assert (told["lastChange"]["policyName"], told["lastChange"]["after"]) == ("load", 4)
    assert json.loads(headcount("describe", "demo/shown", "-o", "json"))["scaling"]["maxCapacity"] == 4
    assert "headcount scaling demo/shown" in headcount("describe", "demo/shown")
    assert "100 with 2 tasks, target 50: needs 4" in headcount("why", "demo/shown")
    assert "1-4" in headcount("list")


# -------------------------------------------------------------------------------------------- what began with the file


def test_an_override_holds_for_its_time_and_scaling_goes_on_by_itself_afterwards(
    installed: Install, stories: Stories
) -> None:
    sale = stories.sale
    [said] = [entry["reason"] for entry in installed.history("sale", "control") if "override" in entry["reason"]]
    until = datetime.fromisoformat(re.findall(r"until (\S+Z)", said)[0]).timestamp()
    installed.wait(lambda: sale.changes() != [], "scaling goes on", "sale")
    first = sale.changes()[0]
    assert first.at >= until
    assert first.before == 2, "the count underneath stayed"
