"""Taking in what AWS said: of one task (newest version wins), of the targets of a service, and of places.

A kick follows what may matter.
"""

from collections.abc import Callable
from typing import assert_never

from headcount.model.values import dataclass
from headcount.noticing import Announcements, InstanceChange, Retirement, SpotInterruption
from headcount.planning.news import matters
from headcount.ports import Kicks
from headcount.ports.tasks import ObserveStore, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAlarm:
    """A CloudWatch alarm changed its state. ``at``: epoch seconds.

    Headcount's own alarms watch the unhealthy targets of one ``group`` (ARN); ``service`` is None for others' alarms.
    """

    alarm: str
    state: str
    at: float
    service: str | None = None
    group: str | None = None


Told = Sighting | InstanceChange | SpotInterruption | Retirement | TargetAlarm
"""What ``observe_tasks`` is told, one of these an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """What ``observe_tasks`` does with an event."""

    store: ObserveStore
    kicks: Kicks

    def observe(self, sighting: Sighting) -> str:
        """Record a sighting and kick its service. Says in one word what became of it.

        The kick follows the record, and its id carries the pass number read after the record: a pass that began before
        did not drop it, and one that began after has seen the record. A repeated event kicks again, because the first
        delivery may have died between record and kick: what it replaced is not known then.
        """
        if sighting.service is None:
            return "foreign"
        recorded = self.store.record_sighting(sighting.service, sighting)
        if recorded is None:
            return "stale"
        if not matters(sighting.observed, recorded.before):
            return "recorded"
        number = self.store.pass_number(sighting.service)
        self.kicks.kick(sighting.service, number, f"task {sighting.observed.last_status}", sighting.at)
        return "kicked"

    def suspect(self, alarm: TargetAlarm) -> str:
        """Record that targets of a group are unhealthy, which ones a pass will ask ELB, and kick their service.

        The kick follows the record as it does in ``observe``. An alarm that is over needs nothing: a pass that looks
        after unhealthy targets sees them become healthy.
        """
        if alarm.service is None or alarm.group is None:
            return "foreign"
        if alarm.state != "ALARM":
            return "ignored"
        if not self.store.record_suspects(alarm.service, alarm.group, alarm.at):
            return "unknown target group"
        self.kicks.kick(alarm.service, self.store.pass_number(alarm.service), "unhealthy targets", alarm.at)
        return "kicked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Everything that ``observe_tasks`` is told, each kind to whom it concerns.

    ``announcements`` is called when one comes: they are rare, and what they need would slow down every cold start.
    """

    observer: Observer
    announcements: Callable[[], Announcements]

    def take_in(self, told: Told) -> str:
        """Says in a word or two what became of it."""
        match told:
            case Sighting():
                return self.observer.observe(told)
            case TargetAlarm():
                return self.observer.suspect(told)
            case InstanceChange():
                return self.announcements().instance_changed(told)
            case SpotInterruption():
                return self.announcements().spot_interrupted(told)
            case Retirement():
                return self.announcements().tasks_retire(told)
            case _:
                assert_never(told)
