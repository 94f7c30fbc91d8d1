"""CloudWatch: the users' alarms as they are, and Headcount's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.cloudwatch_shapes import alarm_request, composite_alarm, metric_alarm
from headcount.aws.failures import error_code, reading, refusal, translated
from headcount.model.scaling_resources import FoundAlarm, ScalingAlarm

ALARMS_A_CALL = 100
_GONE = "ResourceNotFound"


class CloudWatchAlarms:
    """The ``Alarms`` on CloudWatch. ``client`` is boto3's."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def describe(self, names: Sequence[str]) -> Mapping[str, FoundAlarm]:
        """``DescribeAlarms``, a hundred names a call; it leaves composite alarms out unless it is asked for them."""
        found: dict[str, FoundAlarm] = {}
        for some in _pieces(names):
            with reading():
                kinds = ["MetricAlarm", "CompositeAlarm"]
                answer = self.client.describe_alarms(AlarmNames=some, AlarmTypes=kinds, MaxRecords=ALARMS_A_CALL)
            found |= {one["AlarmName"]: metric_alarm(one) for one in answer.get("MetricAlarms", ())}
            found |= {one["AlarmName"]: composite_alarm(one) for one in answer.get("CompositeAlarms", ())}
        return found

    def put(self, alarm: ScalingAlarm) -> str | None:
        """``PutMetricAlarm``: a changed alarm keeps its state until it is evaluated again."""
        try:
            with translated():
                self.client.put_metric_alarm(**alarm_request(alarm))
        except ClientError as error:
            return refusal(error)
        return None

    def delete(self, names: Sequence[str]) -> str | None:
        """``DeleteAlarms``, a hundred a call; one by one if one is gone: CloudWatch deletes none of them then."""
        refusals = [refused for some in _pieces(names) if (refused := self._delete(some)) is not None]
        return refusals[0] if refusals else None

    def _delete(self, names: Sequence[str]) -> str | None:
        try:
            with translated():
                self.client.delete_alarms(AlarmNames=names)
        except ClientError as error:
            if error_code(error) != _GONE:
                return refusal(error)
            refusals = [self._delete([name]) for name in names] if len(names) > 1 else []
            return next((refused for refused in refusals if refused is not None), None)
        return None


def _pieces(names: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), ALARMS_A_CALL):
        yield list(names[first : first + ALARMS_A_CALL])
