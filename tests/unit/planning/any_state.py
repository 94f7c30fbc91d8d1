"""Any state at all, drawn from a seed: most make no sense, and every plan must be a good one all the same."""

from collections.abc import Sequence
from random import Random
from typing import Any

from builders import (
    DEPLOYMENT,
    NOW,
    TASK_DEFINITION,
    ZONES,
    a_backoff,
    a_declared_service,
    a_launch,
    a_manifest,
    a_service,
    a_status,
    a_task,
    a_throttle,
    a_zone_refusal,
    zones_named,
)
from headcount.model.fingerprints import scaling_fingerprint
from headcount.model.manifest import (
    SCALE_IN_RULES,
    CapacitySource,
    Deadlines,
    LoadBalancer,
    Manifest,
    MaximumAge,
    Restarts,
    UnhealthyTasks,
)
from headcount.model.scaling_record import LastDecision, ScalingRecord
from headcount.model.service import (
    ANY_ZONE,
    Backoff,
    Cordon,
    DeclaredService,
    Launch,
    OperatorWishes,
    Override,
    Pause,
    Protection,
    ServiceState,
    ServiceStatus,
    Standby,
    StopWish,
)
from headcount.model.target import Balancing, GroupTargets, KnownGroup, Registration, TargetHealth, TargetsSeen
from headcount.model.task import HostPort, Notice, StopIntent, Task
from headcount.model.values import replace
from unit.planning.balanced import ADMIN, WEB

EC2 = CapacitySource(launch_type="EC2")
SOURCES = (
    (CapacitySource(launch_type="FARGATE"),),
    (CapacitySource(capacity_provider="FARGATE_SPOT"),),
    (EC2,),
    (
        CapacitySource(capacity_provider="FARGATE", base=2, weight=1),
        CapacitySource(capacity_provider="FARGATE_SPOT", weight=4),
    ),
)
STATUSES = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
STOP_CODES = (None, "EssentialContainerExited", "TaskFailedToStart", "SpotInterruption", "UserInitiated")
REASONS = (None, "Essential container in task exited", "Capacity is unavailable at this time")
LAUNCHES = ("launchaaaaaaaaaaaaaa", "launchbbbbbbbbbbbbbb", "launchcccccccccccccc")
RETIRED = WEB.replace("/web/", "/old/")  # a group that no manifest names any more
BALANCED = (
    LoadBalancer(container_name="web", container_port=8080, target_group=WEB),
    LoadBalancer(container_name="admin", container_port=9090, target_group=ADMIN),
)
INSTANCES = {"instance-1": "i-1", "instance-2": "i-2"}
TARGET_STATES = (
    "initial",
    "healthy",
    "healthy",
    "unhealthy",
    "unhealthy.draining",
    "unused",
    "draining",
    "unavailable",
)
TARGET_REASONS = ("", "Target.NotRegistered", "Target.NotInUse", "Target.HealthCheckDisabled")
AGES = (7200.0, 1801.0, 901.0, 301.0, 60.0, 39.0, 5.0, 0.5, 0.0)


class AnyState:
    """Draws the parts of a state. One seed gives a hundred times as many states as a draw for every field."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.is_sickly = self.maybe(0.3)
        self.is_draining = self.maybe(0.3)

    def one_of(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def moment(self) -> float:
        return NOW - self.random.choice(AGES)

    def maybe(self, likely: float) -> bool:
        return self.random.random() < likely

    def manifest(self, desired: int, *, balanced: bool = False) -> Manifest:
        return a_manifest(
            load_balancers=BALANCED[: self.random.randint(0, 2)] if balanced else (),
            health_check_grace_seconds=self.one_of(0, 0, 60, 3600),
            unhealthy_tasks=self.terms(),
            desired_count=desired,
            minimum_healthy_percent=self.one_of(0, 33, 50, 66, 100),
            maximum_percent=self.one_of(100, 120, 150, 200, 400),
            restarts=self.one_of(Restarts(), Restarts(initial_seconds=0), Restarts(maximum_seconds=5)),
            deadlines=self.one_of(Deadlines(), Deadlines(provisioning_seconds=30, pending_seconds=30)),
            scale_in_prefer=tuple(self.random.sample(SCALE_IN_RULES, self.random.randint(1, 6))),
            sources=self.one_of(*SOURCES),
            fallback=self.one_of((), (), (CapacitySource(launch_type="FARGATE", zones=("zone-b",)), EC2)),
            maximum_age=self.one_of(None, None, MaximumAge(seconds=1800.0)),
            scaling=self.one_of(None, {"minCapacity": 1, "maxCapacity": 9}),
            zone_rebalancing=self.maybe(0.5),
            strict_zone_spread=self.maybe(0.2),
            security_groups=self.one_of((), ("sg-1",)),
            run_task=self.one_of({}, {"enableExecuteCommand": True, "platformVersion": "LATEST"}),
            tags=self.one_of((), (("team", "shop"),)),
        )

    def terms(self) -> UnhealthyTasks:
        return UnhealthyTasks(
            action=self.one_of("replace", "replace", "stopRouting", "ignore"),
            target_action=self.one_of(None, None, "replace", "stopRouting", "ignore"),
            after_seconds=self.one_of(0, 0, 30),
            at_once_percent=self.one_of(1, 25, 100),
            freeze_above_percent=self.one_of(0, 50, 100),
        )

    def declared(self, desired: int, *, balanced: bool = False) -> DeclaredService:
        anywhere = self.maybe(0.1)
        network = {
            "zones": ((ANY_ZONE, ()),) if anywhere else zones_named(*ZONES[: self.random.randint(1, 3)]),
            "network_mode": "bridge" if anywhere else "awsvpc",
        }
        before = a_declared_service(
            self.manifest(desired, balanced=balanced),
            deployment="dep-0",
            task_definition_arn=TASK_DEFINITION + "3",
            **network,
        )
        return a_declared_service(
            self.manifest(desired, balanced=balanced),
            container_health_check=self.maybe(0.5),
            deleting_at=NOW - 1.0 if self.maybe(0.2) else None,
            previous=before if self.maybe(0.5) else None,
            registered=self.one_of((), (TASK_DEFINITION + "0",)),
            **network,
        )

    def notice(self) -> Notice:
        kind = self.one_of("DRAINING", "DISCONNECTED", "GONE", "SPOT", "RETIREMENT")
        return Notice(
            kind=kind, at=self.moment(), reason=f"its instance: {kind}", deadline=self.one_of(None, NOW + 9.0)
        )

    def wishes(self, tasks: Sequence[Task]) -> OperatorWishes:
        ids = [task.task_id for task in tasks]
        pause = Pause(mode=self.one_of("stop", "freeze"), at=NOW - 9.0, until=self.one_of(None, NOW - 1.0, NOW + 60.0))
        override = Override(count=self.random.randint(0, 6), at=NOW - 9.0, until=self.one_of(NOW - 1.0, NOW + 60.0))
        return OperatorWishes(
            protections=tuple(
                Protection(task=one, until=NOW + self.one_of(-1.0, 60.0)) for one in ids if self.maybe(0.2)
            ),
            standbys=tuple(Standby(task=one, at=NOW - 9.0) for one in ids if self.maybe(0.1)),
            stops=tuple(StopWish(task=one, at=NOW - 9.0) for one in ids if self.maybe(0.1)),
            pause=pause if self.maybe(0.1) else None,
            override=override if self.maybe(0.1) else None,
        )

    def cordons(self) -> tuple[Cordon, ...]:
        return tuple(
            Cordon(zone=zone, at=NOW - 9.0, evacuate=self.maybe(0.5), until=self.one_of(None, NOW - 1.0, NOW + 60.0))
            for zone in ZONES
            if self.maybe(0.1)
        )

    def task(self, number: int) -> Task:
        status = "RUNNING" if self.maybe(0.5) else self.one_of(*STATUSES)
        observed: dict[str, Any] = {}
        if status == "STOPPED" or self.maybe(0.2):
            observed = {
                "desired_status": "STOPPED",
                "stop_code": self.one_of(*STOP_CODES),
                "stopped_reason": self.one_of(*REASONS),
                "stopping_at": self.one_of(None, self.moment()),
            }
        if self.maybe(0.5):
            observed["started_at"] = self.one_of(None, self.moment())
        stop = StopIntent(at=self.moment(), reason="scale in to 1", failed=self.maybe(0.3))
        task = a_task(
            f"task-{number}",
            status=status,
            launched_at=self.moment(),
            deployment=self.one_of(DEPLOYMENT, DEPLOYMENT, "dep-0", None),
            zone=self.one_of(*ZONES),
            health=self.one_of(None, "HEALTHY", "HEALTHY", *["UNHEALTHY"] * (5 if self.is_sickly else 1), "UNKNOWN"),
            stop=stop if self.maybe(0.15) else None,
            launch=self.one_of("launch-closed", *LAUNCHES),
            confirmed_at=self.one_of(None, None, NOW - 30.0),
            task_definition_arn=self.one_of(TASK_DEFINITION, TASK_DEFINITION + "3"),
            capacity_provider=self.one_of(None, "FARGATE", "FARGATE_SPOT"),
            address=self.one_of(None, *[f"10.0.0.{number}"] * 5, f"10.0.0.{number - 1}"),
            container_instance=self.one_of(None, "instance-1", "instance-2"),
            ports=self.one_of((), (HostPort(container="web", container_port=8080, host_port=32000 + number),)),
            **observed,
        )
        return replace(task, notice=self.notice()) if self.maybe(0.1) else task

    def launch(self, launch_id: str) -> Launch:
        return a_launch(
            launch_id,
            at=self.moment(),
            count=self.random.randint(1, 4),
            zone=self.one_of(*ZONES),
            deployment=self.one_of(DEPLOYMENT, "dep-0"),
        )

    def backoff(self) -> Backoff:
        began_at = self.moment()
        return a_backoff(
            deployment=self.one_of(DEPLOYMENT, DEPLOYMENT, "dep-0"),
            round=self.random.randint(1, 4),
            began_at=began_at,
            until=began_at + self.one_of(0.0, 5.0, 300.0),
            refused=self.maybe(0.3),
        )

    def status(self) -> ServiceStatus:
        return a_status(
            backoff=self.backoff() if self.maybe(0.5) else None,
            zones=tuple(
                a_zone_refusal(
                    zone,
                    capacity=self.one_of("FARGATE", "FARGATE_SPOT", "EC2"),
                    since=self.moment(),
                    until=NOW + self.one_of(-1.0, 9.0),
                )
                for zone in ZONES
                if self.maybe(0.3)
            ),
            throttle=a_throttle(until=NOW + self.one_of(-1.0, 1.0)) if self.maybe(0.2) else None,
            steady_since=self.one_of(None, self.moment()),
            announced_at=self.one_of(None, self.moment()),
            elb_throttle=a_throttle(until=NOW + self.one_of(-1.0, 1.0)) if self.maybe(0.2) else None,
            balancing_asked_at=self.one_of(None, self.moment()),
            scaling_asked_at=self.one_of(None, self.moment()),
            health_looked_at=self.moment(),
        )

    def registration(self, task: str, number: int, port: int) -> Registration:
        at = self.moment()
        if self.is_draining and self.maybe(0.6):
            left_at = NOW - self.one_of(400.0, 301.0, 29.0, 4.0, 0.5)
            at, leaving_at = left_at - self.one_of(1.0, 31.0), left_at - 0.5
            return Registration(
                task=task,
                target=f"10.0.0.{number}",
                port=port,
                at=at,
                registered_at=at,
                leaving_at=leaving_at,
                because="scale in to 1",
                left_at=left_at,
            )
        registered = self.maybe(0.9)
        leaving_at = max(at, self.moment()) if self.maybe(0.3) else None
        left_at = None if leaving_at is None or self.maybe(0.3) else max(leaving_at, self.moment())
        return Registration(
            task=task,
            target=self.one_of(*[f"10.0.0.{number}"] * 5, f"10.0.0.{number - 1}", "i-1"),
            port=port,
            at=at,
            registered_at=at if registered else None,
            leaving_at=leaving_at,
            because="" if leaving_at is None else "scale in to 1",
            left_at=left_at,
        )

    def ledger(self, group: str, tasks: Sequence[Task]) -> GroupTargets:
        """One endpoint belongs to one entry: the ledger is Headcount's own."""
        port = 9090 if group == ADMIN else 8080
        numbered = [*enumerate(task.task_id for task in tasks), (len(tasks), "forgotten-1"), (0, "forgotten-2")]
        drawn = [self.registration(task, number, port) for number, task in numbered if self.maybe(0.7)]
        entries = {one.endpoint: one for one in drawn}
        return GroupTargets(
            group=group,
            registrations=tuple(entries.values()),
            seen=self.seen(tuple(entries)) if self.maybe(0.8) else None,
            suspect_at=self.one_of(None, None, self.moment()),
        )

    def seen(self, endpoints: Sequence[tuple[str, int]]) -> TargetsSeen:
        if self.maybe(0.05):
            return TargetsSeen(seen_at=self.moment(), gone=True)
        seen_at = self.moment()
        usual = "draining" if self.is_draining else "unhealthy" if self.is_sickly else self.one_of(*TARGET_STATES)
        return TargetsSeen(
            seen_at=seen_at,
            targets=tuple(
                TargetHealth(
                    target=target,
                    port=port,
                    state=self.one_of(usual, usual, *TARGET_STATES),
                    reason=self.one_of(*TARGET_REASONS),
                    since=min(seen_at, self.moment()),
                )
                for target, port in (*endpoints, ("10.9.9.9", 80))
                if self.maybe(0.9)
            ),
        )

    def balancing(self) -> Balancing | None:
        groups = [
            KnownGroup(
                key=arn,
                arn=arn,
                target_type=self.one_of("ip", "ip", "ip", "instance", "lambda"),
                delay_seconds=self.one_of(0.0, 5.0, 300.0),
                load_balancers=self.one_of((), ("alb",), ("alb",)),
            )
            for arn in (WEB, ADMIN)
            if self.maybe(0.9)
        ]
        return self.one_of(
            None,
            *[
                Balancing(
                    fingerprint=self.one_of("", "another"),
                    checked_at=self.moment(),
                    groups=tuple(groups),
                    problems=self.one_of((), ("no such listener",)),
                    removed=self.maybe(0.1),
                )
            ]
            * 5,
        )

    def rotation(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """The parts of a service that has, or had, target groups."""
        return {
            "balancing": self.balancing(),
            "targets": tuple(self.ledger(group, tasks) for group in (WEB, ADMIN, RETIRED) if self.maybe(0.7)),
            "ec2_instances": self.one_of({}, INSTANCES),
        }

    def scaling(self, declared: DeclaredService) -> ScalingRecord | None:
        return self.one_of(
            None,
            ScalingRecord(
                declared=self.one_of("", scaling_fingerprint(declared)),
                looked_at=self.moment(),
                next_look_at=self.one_of(None, self.moment(), NOW + 60.0),
                held=self.one_of("", "", "paused by alice"),
                latest=self.one_of(None, LastDecision(at=NOW - 60.0, before=3, count=3, reason="calm")),
                problems=self.one_of((), ("there is no alarm high",)),
                removed=self.maybe(0.3),
            ),
        )

    def state(self, desired: int, tasks: int, launches: int) -> ServiceState:
        drawn = [self.task(number) for number in range(tasks)]
        balanced = self.maybe(0.5)
        declared = self.declared(desired, balanced=balanced)
        return a_service(
            *drawn,
            desired=desired,
            declared=declared,
            scaling=self.scaling(declared) if self.maybe(0.3) else None,
            launches=tuple(self.launch(launch_id) for launch_id in LAUNCHES[:launches]),
            operator=self.wishes(drawn),
            cordons=self.cordons(),
            status=self.status(),
            **(self.rotation(drawn) if balanced else {}),
        )
