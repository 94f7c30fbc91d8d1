"""What is counted and priced, by hand."""

from pathlib import Path

import pytest
import yaml

from headcount_simulation.accounting import MEMORY_MB, MEMORY_OF_A_CPU_MB, Ledger
from headcount_simulation.losses import a_calm_day
from headcount_simulation.prices import ALARM_METRICS, monthly_bill, total
from headcount_simulation.quiet import METERED, stay_quiet
from headcount_simulation.simulating import schedule
from headcount_simulation.world import World

MONTH = 730 * 3600.0
ROOT = Path(__file__).parents[3]


def lost(tasks: int = 1) -> World:
    """A service of ten tasks, metered since the moment in which some of them were lost, until all run again."""
    world = World(a_calm_day({"prod/web": 10}, 1, 7200.0), METERED)
    schedule(world)
    world.run(3600.0)
    world.calls.ledger.clear()
    for task in world.ecs.of("prod/web")[:tasks]:
        world.ecs.end(task, "EssentialContainerExited", "it was lost", exit_code=137)
    world.run(3660.0)
    world.close()
    return world


def test_a_lost_task_is_replaced_with_one_call_of_run_task() -> None:
    ledger = lost().calls.ledger
    assert ledger.calls["reconcile", "RunTask"] == 1
    assert ledger.calls["reconcile", "TransactWriteItems launch"] == 1
    assert ledger.calls["reconcile", "StopTask"] == 0


def test_every_invocation_and_every_message_of_a_lost_task_is_counted() -> None:
    world = lost()
    ledger = world.calls.ledger
    events = 4 + 4  # DEACTIVATING to STOPPED; PROVISIONING to RUNNING
    assert ledger.invocations["observe"] == events
    begun = ledger.calls["reconcile", "UpdateItem status: begin pass"]
    assert ledger.invocations["reconcile"] == begun
    sent = sum(count for (_, name), count in ledger.calls.items() if name == "SendMessage kick")
    assert ledger.messages("SendMessage kick", "reconcile") == sent + 2 * begun


def test_a_write_costs_a_unit_for_each_kilobyte_and_twice_that_in_a_transaction() -> None:
    ledger = Ledger()
    ledger.wrote(1, 1024, 1025)
    assert ledger.write_units == 1 + 1 + 2
    ledger.wrote(1, 1024, 1025, transaction=True)
    assert ledger.write_units == 4 + 8


def test_a_read_costs_a_unit_for_four_kilobytes_together_and_half_of_that_from_an_index() -> None:
    ledger = Ledger()
    ledger.read(4097, consistent=True)
    assert ledger.read_units == 2
    ledger.read(4096, consistent=False)
    assert ledger.read_units == 2.5


def test_the_first_request_of_a_second_is_traced_and_one_in_twenty_of_the_others() -> None:
    ledger = Ledger()
    for began in (10.0, 10.5, 10.9, 11.0):
        ledger.invoked("observe", began, began + 0.1)
    assert ledger.traces == pytest.approx(1 + 0.05 + 0.05 + 1)


def test_a_million_invocations_of_a_second_cost_what_lambda_says() -> None:
    ledger = Ledger()
    ledger.invocations["audit"] = 1_000_000
    ledger.waited["audit"] = 1_000_000
    items = {item.what: item.dollars for item in monthly_bill(ledger, MONTH, 0)}
    assert items["Lambda: invocations"] == pytest.approx(0.20)
    computed = 0.002 * MEMORY_OF_A_CPU_MB / 512
    assert items["Lambda: time of audit"] == pytest.approx(1_000_000 * (1 + computed) * 0.5 * 0.0000133334)


def test_a_bill_by_hand() -> None:
    ledger = Ledger()
    ledger.write_units, ledger.read_units, ledger.events = 1_000_000, 1_000_000, 1_000_000
    ledger.calls["observe", "SendMessage kick"] = 1_000_000
    items = {item.what: item.dollars for item in monthly_bill(ledger, MONTH, 1024**3)}
    assert items["DynamoDB: writes"] == pytest.approx(0.625)
    assert items["DynamoDB: reads"] == pytest.approx(0.125)
    assert items["DynamoDB: storage and recovery"] == pytest.approx(0.25 + 0.20)
    assert items["SQS: messages"] == pytest.approx(0.50)
    assert items["SQS: polling of the queues"] == pytest.approx(5 * 3 * 60 * 730 * 0.9 / 1_000_000)
    assert items["EventBridge: own events"] == pytest.approx(1.00)
    assert items["CloudWatch: alarms"] == pytest.approx(0.70)


def test_the_alarm_of_a_target_group_costs_ten_cents_and_calls_of_elb_nothing() -> None:
    ledger = Ledger()
    ledger.calls["audit", "DescribeTargetHealth"] = 1_000_000
    items = {item.what: item.dollars for item in monthly_bill(ledger, MONTH, 0, groups=30)}
    assert items["CloudWatch: alarms of target groups"] == pytest.approx(3.00)
    without = monthly_bill(Ledger(), MONTH, 0)
    computed = 1_000_000 * 0.0015 * MEMORY_OF_A_CPU_MB / 1024 * 0.0000133334
    assert total(monthly_bill(ledger, MONTH, 0, groups=30)) - total(without) <= 3.00 + computed


def test_half_an_hour_costs_as_much_a_month_as_an_hour_of_the_same() -> None:
    ledger = Ledger()
    ledger.write_units = 1000
    half = {item.what: item.dollars for item in monthly_bill(ledger, 1800.0, 0)}
    whole = {item.what: item.dollars for item in monthly_bill(ledger, 3600.0, 0)}
    assert half["DynamoDB: writes"] == pytest.approx(2 * whole["DynamoDB: writes"])


def test_quiet_services_cost_a_look_a_minute_and_an_announcement_in_six_hours() -> None:
    quiet = stay_quiet(12, 20, 3600.0)
    calls = quiet.ledger.calls
    assert calls["audit", "Query index"] == 60
    assert calls["audit", "DescribeTasks"] == 60 * 3, "a hundred tasks a call"
    assert calls["reconcile", "UpdateItem status: begin pass"] == 2
    assert not any(name in ("RunTask", "StopTask") for _, name in calls)
    assert total(monthly_bill(quiet.ledger, quiet.seconds, quiet.table_bytes)) < 10.0


def test_memory_and_alarms_are_the_template_s() -> None:
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    resources = template["Resources"]
    names = {
        "observe": "ObserveTasks",
        "reconcile": "ReconcileService",
        "audit": "AuditClusters",
        "wake": "WakeServices",
        "control": "Control",
        "balance": "KeepLoadBalancers",
        "scale": "DecideScaling",
    }
    assert {name: resources[one]["Properties"]["MemorySize"] for name, one in names.items()} == MEMORY_MB
    alarms = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = [metric for alarm in alarms for metric in alarm.get("Metrics", ({"MetricStat": {}},))]
    assert sum("MetricStat" in metric for metric in metrics) == ALARM_METRICS


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which say nothing here."""


_Loader.add_multi_constructor("!", lambda *_: None)


def test_twenty_thousand_tasks_are_compared_every_minute_and_the_sweep_comes_to_its_end() -> None:
    calls = stay_quiet(1_000, 20, 3600.0).ledger.calls
    assert calls["audit", "DescribeTasks"] == 60 * 200
    assert 2 * 200 <= calls["audit", "ListTasks"] <= 3 * 200, "a quarter of an hour, and ten minutes of twenty pages"
