"""Looks of decide_scaling, whatever happens to them: killed, throttled, twice, late, overtaken by people."""

import math
from contextlib import suppress
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import SERVICE
from fakes.crashing import Killed, Tripwire
from headcount.errors import TransientError
from headcount.messages import AlarmChanged, ScalingRequest
from headcount.model.scaling import Cooldowns, Scaling, ScheduledAction
from headcount.model.service import Override, Pause
from headcount.model.values import replace
from headcount.scaling.decide import bounds_in_force
from headcount.scaling.own_alarms import wanted_alarms
from headcount.scaling.queries import Measured
from unit.loop.scaled import ScaledWorld
from unit.scaling.policies import a_backlog, a_scaling, a_step_policy, a_tracking, an_expression

MANY: Final = settings(max_examples=120)
HOURLY: Final = ScheduledAction(name="hourly", schedule="rate(1 hour)", minimum=6, maximum=9)
POLICIES: Final = (
    a_tracking("cpu", cooldowns=Cooldowns(scale_out=60, scale_in=60)),
    a_tracking("memory", disable_scale_in=True),
    a_step_policy(cooldown=60),
    a_backlog(10),
    an_expression("running + 1"),
)


@st.composite
def scalings(draw: st.DrawFn) -> Scaling:
    minimum = draw(st.integers(0, 6))
    policies = draw(st.lists(st.sampled_from(POLICIES), unique_by=lambda one: one.name, max_size=3))
    scaling = a_scaling(*policies, minimum=minimum, maximum=minimum + draw(st.integers(0, 20)))
    return replace(scaling, scheduled_actions=draw(st.sampled_from([(), (HOURLY,)])))


DECLARE = st.tuples(st.just("declare"), scalings())
WAKES = st.sampled_from(["timer", "alarm", "schedule"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("after"), st.sampled_from([0, 1, 60, 60, 300, 900, 3600])),
        st.tuples(st.just("metric"), st.none() | st.sampled_from([0.0, 20.0, 44.0, 50.0, 51.0, 80.0, 400.0, math.nan])),
        st.tuples(st.just("queue"), st.none() | st.integers(0, 300)),
        st.tuples(st.just("alarm"), st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"])),
        st.tuples(st.just("look"), WAKES),
        st.tuples(st.just("look"), WAKES),
        st.tuples(st.just("look"), WAKES),
        st.tuples(st.just("killed"), st.tuples(st.integers(0, 14), st.sampled_from(["before", "after"]))),
        st.tuples(st.just("twice at once"), st.integers(0, 14)),
        st.tuples(
            st.just("throttled"),
            st.sampled_from(
                [
                    "GetMetricData",
                    "DescribeAlarms",
                    "PutMetricAlarm",
                    "DeleteAlarms",
                    "CreateSchedule",
                    "DeleteSchedule",
                ]
            ),
        ),
        st.tuples(st.just("scale"), st.integers(0, 40)),
        st.tuples(st.just("hold"), st.sampled_from(["pause", "override", "none", "none"])),
        st.tuples(st.just("tasks"), st.sampled_from([0.0, 0.5, 1.0])),
        DECLARE,
    ),
    max_size=25,
)


class Life:
    """A service, and everything that changed its count: by whom, from what, to what."""

    def __init__(self, scaling: Scaling) -> None:
        self.world = ScaledWorld()
        self.world.alarms.add("high")
        self.world.queues.backlogs["jobs"] = (0, 0)
        self.world.declare(scaling, 4)
        self.scaling = scaling

    def step(self, kind: str, value: Any) -> None:
        world, before = self.world, self.world.desired
        match kind:
            case "after":
                world.after(value)
            case "metric":
                world.measure(value)
                world.measure(value, name="high")
            case "queue":
                world.queues.backlogs = {} if value is None else {"jobs": (value, value // 3)}
            case "alarm":
                world.alarms.set_state("high", value)
            case "look":
                self.look(self.woken(value))
            case "killed":
                self.look(self.woken("timer"), Tripwire(value[0], value[1]))
            case "twice at once":
                self.look(self.woken("timer"), Tripwire(value, "before", lambda: self.look(self.woken("alarm"))))
            case "throttled":
                port = world.metrics if value == "GetMetricData" else world.alarms
                (world.schedules if value.endswith("Schedule") else port).throttle(value)
            case "scale":
                world.scale(value)
            case "hold":
                self.hold(value)
            case "tasks":
                world.passed(math.ceil(world.desired * value))
            case "declare":
                self.scaling = value
                world.declare(value)
        if kind not in ("look", "killed", "twice at once", "scale"):
            assert world.desired == before

    def woken(self, by: str) -> ScalingRequest | AlarmChanged:
        if by == "alarm":
            return AlarmChanged(alarm="any", state="ALARM", service=SERVICE)
        return ScalingRequest(service=SERVICE, cause=by, action="hourly" if by == "schedule" else None)

    def hold(self, kind: str) -> None:
        now = self.world.clock()
        wishes: dict[str, Any] = {"pause": Pause(mode="stop", at=now, until=now + 600)} if kind == "pause" else {}
        self.world.wish(**({"override": Override(count=2, at=now, until=now + 300)} if kind == "override" else wishes))

    def look(self, woken: ScalingRequest | AlarmChanged, wire: Tripwire | None = None) -> None:
        world, before = self.world, self.world.desired
        held = self.is_held()
        with suppress(Killed, TransientError):
            world.wake(woken, wire)
        self.check_look(before, held=held)

    def is_held(self) -> bool:
        found = self.world.table.partition(SERVICE).operator
        wishes = (found[0].pause, found[0].override) if found else ()
        return any(one is not None and (one.until or math.inf) > self.world.clock() for one in wishes)

    def check_look(self, before: int, *, held: bool) -> None:
        world = self.world
        partition = world.table.partition(SERVICE)
        ours = {name for name in world.alarms.alarms if name.startswith("headcount/")} | set(world.schedules.schedules)
        assert ours <= (partition.scaling.names if partition.scaling else set()), "something is forgotten"
        if world.desired == before:
            return
        assert not held, "the count moved though people hold it"
        target = bounds_in_force(self.scaling.target, world.record.state)
        assert target.minimum <= world.desired <= target.maximum, "the count left its bounds"
        assert world.capacity.reason == world.told()[-1] or world.capacity.reason in "; ".join(world.told())


def lived(scaling: Scaling, steps: list[tuple[str, Any]]) -> Life:
    life = Life(scaling)
    for kind, value in steps:
        life.step(kind, value)
    return life


@MANY
@given(scalings(), STEPS)
def test_whatever_happens_a_look_keeps_bounds_holds_and_what_it_made(
    scaling: Scaling, steps: list[tuple[str, Any]]
) -> None:
    lived(scaling, steps)


@MANY
@given(scalings(), STEPS)
def test_once_faults_cease_alarms_and_schedules_are_as_they_are_declared(
    scaling: Scaling, steps: list[tuple[str, Any]]
) -> None:
    life = lived(scaling, steps)
    world = life.world
    for _ in range(12):
        world.after(600)
        life.look(life.woken("timer"))
    wanted = wanted_alarms(life.scaling, SERVICE, "main", Measured(cluster="prod", family="web"))
    assert set(world.record.alarms) == {one.name for one in wanted} == set(world.alarms.alarms) - {"high"}
    assert set(world.record.schedules) == set(world.schedules.schedules)
    assert len(world.schedules.schedules) == len(life.scaling.scheduled_actions)
    follows = any(policy.name == "steps" for policy in life.scaling.policies)
    assert world.store.watchers("high") == ((SERVICE,) if follows else ())
    assert world.record.next_look_at is not None
    assert world.record.next_look_at > world.clock()


@MANY
@given(scalings(), STEPS)
def test_looking_again_and_again_at_the_same_moment_changes_nothing_more(
    scaling: Scaling, steps: list[tuple[str, Any]]
) -> None:
    """But for formulas that ask for more because there is more."""
    steady = replace(scaling, policies=tuple(one for one in scaling.policies if one.name != "formula"))
    life = lived(steady, [step for step in steps if step[0] != "declare"])
    life.hold("none")
    life.world.after(60)
    life.look(life.woken("alarm"))
    life.look(life.woken("alarm"))
    desired, told = life.world.desired, life.world.told()
    for by in ("timer", "alarm", "schedule", "alarm"):
        life.look(life.woken(by))
    assert (life.world.desired, life.world.told()) == (desired, told)


@MANY
@given(scalings(), STEPS, st.sampled_from(["nothing", "throttled", "refused"]))
def test_no_data_never_takes_tasks_away(scaling: Scaling, steps: list[tuple[str, Any]], kind: str) -> None:
    plain = replace(scaling, policies=tuple(one for one in scaling.policies if one.name != "formula"))
    plain = replace(plain, scheduled_actions=())
    life = lived(plain, [step for step in steps if step[0] != "declare"])
    world = life.world
    life.hold("none")
    life.look(life.woken("timer"))
    world.after(60)
    world.queues.backlogs.clear()
    world.measure(None)
    world.measure(None, name="high")
    if kind == "throttled":
        world.metrics.throttle("GetMetricData")
    if kind == "refused":
        world.metrics.broken = dict.fromkeys(("cpu", "memory", "steps|high"), "ValidationError")
    before = world.desired
    life.look(life.woken("timer"))
    assert world.desired >= before


@MANY
@given(scalings(), STEPS, st.booleans())
def test_in_the_end_nothing_is_left(scaling: Scaling, steps: list[tuple[str, Any]], deleted: bool) -> None:
    life = lived(scaling, steps)
    world = life.world
    life.look(life.woken("timer"))
    if deleted:
        world.delete()
    else:
        world.declare(None)
    for _ in range(4):
        world.clock.advance(300)
        life.look(life.woken("timer"))
    assert set(world.alarms.alarms) == {"high"}
    assert (world.schedules.schedules, world.store.watchers("high")) == ({}, ())
    partition = world.table.partition(SERVICE)
    assert partition.scaling is None or partition.scaling.removed
