"""CloudWatch's alarms: moto keeps them, checked here as CloudWatch checks them, and shown whole."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.cloudwatch.alarms import CREATED, Alarms, Watch
from headcount_sandbox.world.cloudwatch.composite import Rule, parse_rule
from headcount_sandbox.world.cloudwatch.metrics import Metrics
from headcount_sandbox.world.cloudwatch.queries import Window
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.wire import read, spoken

MINUTE, HOUR, DAY = 60, 3600, 86_400
_SHORT_PERIODS = (10, 20, 30)
_MISSING = ("missing", "notBreaching", "breaching", "ignore")
_SHORT_FORM = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
_PAGE = 50
_MOST_METRICS = 10


class AlarmsApi:
    """Operations on metric alarms and composite alarms."""

    def __init__(self, alarms: Alarms, moto: MotoApis) -> None:
        self._alarms = alarms
        self._moto = moto

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "PutMetricAlarm": self._put_alarm,
            "PutCompositeAlarm": spoken("cloudwatch", self.put_composite),
            "DescribeAlarms": spoken("cloudwatch", self.describe),
            "SetAlarmState": spoken("cloudwatch", self.set_state),
            "DeleteAlarms": self._delete_alarms,
        }

    def _put_alarm(self, request: ApiRequest) -> ApiResponse:
        """A new alarm has insufficient data, a changed one keeps its state."""
        asked = read("cloudwatch", request)
        watch = Watch(asked)
        _check(asked, watch)
        with self._moto.lock_of("monitoring"):
            before = self._moto.alarm_records().get(asked["AlarmName"])
            answer = self._moto.answer(request)
            if answer.status == 200:
                self._settle(asked, before, watch=watch, rule=None)
        return answer

    def put_composite(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Creates or changes a composite alarm, which has its state at once."""
        rule = parse_rule(asked["AlarmRule"])
        name = asked["AlarmName"]
        with self._moto.lock_of("monitoring"):
            records = self._moto.alarm_records()
            self._check_rule(name, rule)
            before = records.get(name)
            self._moto.put_composite_alarm(asked)
            self._settle(asked, before, watch=None, rule=rule)
            self._alarms.begin(records[name])
        return {}

    def _check_rule(self, name: str, rule: Rule) -> None:
        records, seen, ahead = self._moto.alarm_records(), set[str](), list(rule.alarms)
        while ahead:
            other = ahead.pop()
            if other not in records and other != name:
                raise ApiError("ValidationError", f"Could not save the composite alarm: there is no alarm {other}")
            if other == name:
                raise ApiError("ValidationError", f"The AlarmRule of {name} leads to itself")
            if other not in seen and records[other].parsed_rule is not None:
                ahead += records[other].parsed_rule.alarms
            seen.add(other)

    def _settle(self, asked: Mapping[str, Any], before: Any, *, watch: Watch | None, rule: Rule | None) -> None:
        record, now = self._moto.alarm_records()[asked["AlarmName"]], _datetime(world_time())
        record.asked, record.watch, record.parsed_rule = dict(asked), watch, rule
        record.query_id = str(uuid5(NAMESPACE_URL, record.alarm_arn))
        record.configuration_updated_timestamp = now
        if before is None:
            record.state_value, record.state_reason, record.state_reason_data = "INSUFFICIENT_DATA", CREATED, ""
            record.state_updated_timestamp = record.transitioned_timestamp = now
        else:
            for name in _KEPT:
                setattr(record, name, getattr(before, name))

    def describe(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Metric alarms by name, prefix, state or action; composite ones if they are asked for."""
        kinds = asked.get("AlarmTypes") or ["MetricAlarm"]
        with self._moto.lock_of("monitoring"):
            meant = [
                record
                for name, record in sorted(self._moto.alarm_records().items())
                if ("MetricAlarm" if record.watch is not None else "CompositeAlarm") in kinds
                and name in (asked.get("AlarmNames") or (name,))
                and name.startswith(asked.get("AlarmNamePrefix", ""))
                and asked.get("StateValue") in (None, record.state_value)
                and _acts(record.asked, asked.get("ActionPrefix"))
            ]
            first = int(asked.get("NextToken") or 0)
            page = meant[first : first + int(asked.get("MaxRecords", max(_PAGE, len(asked.get("AlarmNames") or ()))))]
            more = {"NextToken": str(first + len(page))} if first + len(page) < len(meant) else {}
            return {
                "MetricAlarms": [_shown(record) for record in page if record.watch is not None],
                "CompositeAlarms": [_shown(record) for record in page if record.watch is None],
                **more,
            }

    def set_state(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Puts an alarm into a state until it is evaluated again."""
        with self._moto.lock_of("monitoring"):
            record = self._moto.alarm_records().get(parameters["AlarmName"])
            if record is None:
                raise ApiError("ResourceNotFound", "", status=404)
            reason, data = parameters["StateReason"], parameters.get("StateReasonData")
            self._alarms.change(record, parameters["StateValue"], reason, data)
        return {}

    def _delete_alarms(self, request: ApiRequest) -> ApiResponse:
        """All of those that are named, or none if one is not there."""
        names = read("cloudwatch", request)["AlarmNames"]
        with self._moto.lock_of("monitoring"):
            missing = [name for name in names if name not in self._moto.alarm_records()]
            if missing:
                raise ApiError("ResourceNotFound", f"Alarms {', '.join(missing)} do not exist", status=404)
            return self._moto.answer(request)


_KEPT = (
    "state_value",
    "state_reason",
    "state_reason_data",
    "state_updated_timestamp",
    "transitioned_timestamp",
    "history",
)


def _check(asked: Mapping[str, Any], watch: Watch) -> None:
    """Raises what CloudWatch refuses and the model does not tell."""
    if asked.get("DatapointsToAlarm", 1) > asked["EvaluationPeriods"]:
        raise _refused("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    if asked.get("TreatMissingData", "missing") not in _MISSING:
        raise _refused(f"Option {asked['TreatMissingData']} is not supported for TreatMissingData")
    if "Metrics" in asked and (twice := [name for name in _SHORT_FORM if name in asked]):
        raise _refused(f"Metrics list should not be specified with {', '.join(twice)}.")
    if "Metrics" not in asked:
        for name in ("MetricName", "Namespace", "Period"):
            if name not in asked:
                raise _refused(f"The parameter {name} is required for creating a standard alarm.")
        if ("Statistic" in asked) == ("ExtendedStatistic" in asked):
            raise _refused("Exactly one of Statistic and ExtendedStatistic is required.")
    compared = watch.compared
    if watch.terms is None:
        return
    if sum(1 for query in watch.queries.all if query.metric) > _MOST_METRICS:
        raise _refused(f"An alarm can look at no more than {_MOST_METRICS} metrics.")
    for query in watch.queries.all:
        if query.metric and query.period not in _SHORT_PERIODS and query.period % MINUTE:
            raise _refused("Metric period must be 10, 20, 30, or a multiple of 60")
    longest = DAY * 7 if watch.period >= HOUR else DAY
    if watch.period * int(asked["EvaluationPeriods"]) > longest:
        raise _refused("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)")
    nothing = Window(starts=(0.0,), length=MINUTE)
    if isinstance(watch.queries.answers(Metrics(), lambda _: nothing)[compared.query_id], list):
        raise _refused("The metric math of an alarm returns a single time series.")


def _shown(record: Any) -> dict[str, Any]:
    """As DescribeAlarms shows it: what was asked for, with its state."""
    asked = {name: value for name, value in record.asked.items() if name != "Tags"}
    for actions in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        asked.setdefault(actions, [])
    if record.watch is not None and "Metrics" not in asked:
        asked.setdefault("Dimensions", [])
    data = {"StateReasonData": record.state_reason_data} if record.state_reason_data else {}
    return {
        **asked,
        "ActionsEnabled": record.actions_enabled,
        "AlarmArn": record.alarm_arn,
        "AlarmConfigurationUpdatedTimestamp": record.configuration_updated_timestamp,
        "StateValue": record.state_value,
        "StateReason": record.state_reason,
        **data,
        "StateUpdatedTimestamp": record.state_updated_timestamp,
        "StateTransitionedTimestamp": record.transitioned_timestamp,
    }


def _acts(asked: Mapping[str, Any], prefix: str | None) -> bool:
    every = [*asked.get("AlarmActions", ()), *asked.get("OKActions", ()), *asked.get("InsufficientDataActions", ())]
    return prefix is None or any(action.startswith(prefix) for action in every)


def _datetime(at: float) -> datetime:
    """Moto writes times as UTC without saying so."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def _refused(message: str) -> ApiError:
    return ApiError("ValidationError", message)
