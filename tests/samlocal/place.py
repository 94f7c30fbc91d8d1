"""The AWS account in which stories happen: the sandbox's world over HTTP, with the template's table and queues."""

import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.backends import get_backend

from headcount_sandbox.platform.deploy import create_resources
from headcount_sandbox.platform.deployment import Deployment, Function
from headcount_sandbox.platform.deployment import Place as Address
from headcount_sandbox.platform.platform import client_settings
from headcount_sandbox.platform.template import read_template
from headcount_sandbox.world import LifeCycle, World
from samlocal import changes
from samlocal.story import ROOT, Effects

CLUSTERS = ("prod", "staging")
SUBNETS = {"subnet-0a1b2c3d4e5f60718": "eu-west-1a", "subnet-0b2c3d4e5f6071829": "eu-west-1b"}  # those of the requests
STILL = 3600.0  # seconds: no task moves by itself during a story


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that a function may change."""

    records: changes.Records
    kicks: tuple[Mapping[str, Any], ...]
    timers: tuple[Mapping[str, Any], ...]
    looks: tuple[Mapping[str, Any], ...]
    scaling: tuple[Mapping[str, Any], ...]
    wanted: Mapping[str, str]  # the desired status of every task of ECS
    made: frozenset[str]  # load balancers, listeners, rules, target groups, alarms and schedules, by name
    published: int


class Place:
    """A world with what ``sam deploy`` would make in it, and what the requests of ``events/control`` name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._events: Any = world.client("events")
        self.published: list[str] = []
        self.asked: dict[str, list[Mapping[str, Any]]] = defaultdict(list)  # by folder: functions that functions invoke
        address = Address(account=world.account, region=world.region, endpoint_url=world.endpoint_url)
        self.deployment: Deployment = read_template(
            ROOT / "template.yaml", address, parameters={"Clusters": ",".join(CLUSTERS)}
        )
        settings = client_settings(address)
        self.dynamodb: Any = boto3.client("dynamodb", **settings)
        create_resources(
            self.deployment,
            dynamodb=self.dynamodb,
            sqs=boto3.client("sqs", **settings),
            scheduler=boto3.client("scheduler", **settings),
        )
        self._arrival = threading.Condition()
        world.on_put_events(self._arrived)
        world.invoke = self._invoked
        self._make_clusters_and_network()

    # --- for functions ----------------------------------------------------------------------------------------------

    def function(self, folder: str) -> Function:
        """A function of the template by the folder of its code."""
        return next(each for each in self.deployment.functions if each.code.name == folder)

    def environment(self, folder: str) -> dict[str, str]:
        """What the function reads of its environment when it runs here: the template's variables, and AWS's."""
        return {
            **self.function(folder).environment,
            "AWS_ENDPOINT_URL": self.world.endpoint_url,
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
            "AWS_ACCESS_KEY_ID": "stories",
            "AWS_SECRET_ACCESS_KEY": "stories",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }

    # --- for stories ------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forgets every record, message, task, container instance, load balancer, alarm, schedule, value and fault."""
        for key in self._records():
            self.dynamodb.delete_item(TableName=self._table, Key={"pk": {"S": key[0]}, "sk": {"S": key[1]}})
        with self.world._ecs.store.lock:
            self.world._ecs.store._tasks.clear()
            self.world._ecs.fleet._instances.clear()
        self.forget_messages()
        self.world.faults.clear()
        self._clear_what_was_made()

    def forget_messages(self) -> None:
        self.asked.clear()
        sqs = get_backend("sqs")[self.world.account][self.world.region]
        for name, queue in self._queues().items():
            queue.last_purged_at = None  # SQS allows one purge a minute
            sqs.purge_queue(name)

    def snapshot(self) -> Snapshot:
        self._wait_for_events()
        return Snapshot(
            records=self._records(),
            kicks=self._messages("ReconcileQueue.fifo"),
            timers=self._messages("TimerQueue"),
            looks=tuple(self.asked["keep_load_balancers"]),
            scaling=tuple(self.asked["decide_scaling"]),
            wanted={task["taskArn"].rpartition("/")[2]: task["desiredStatus"] for task in self.world.describe_tasks()},
            made=frozenset((*self._balancing(), *self._alarms_and_schedules())),
            published=len(self.published),
        )

    def effects_since(self, before: Snapshot) -> Effects:
        """What happened since, in words."""
        after = self.snapshot()
        started = after.wanted.keys() - before.wanted.keys()
        stopped = [
            changes.short(task)
            for task, wanted in after.wanted.items()
            if wanted == "STOPPED" != before.wanted.get(task, "STOPPED")
        ]
        return Effects(
            writes=changes.in_words(before.records, after.records, started),
            kicks={kick["service"]: kick["cause"] for kick in after.kicks[len(before.kicks) :]},
            timers=tuple(timer["service"] for timer in after.timers[len(before.timers) :]),
            looks=tuple(look["service"] for look in after.looks[len(before.looks) :]),
            scaling={ask["service"]: ask["cause"] for ask in after.scaling[len(before.scaling) :]},
            starts=len(started),
            stops=tuple(sorted(stopped)),
            creates=tuple(sorted(after.made - before.made)),
            deletes=tuple(sorted(before.made - after.made)),
            publishes=tuple(self.published[before.published :]),
        )

    # --- inside -----------------------------------------------------------------------------------------------------

    def _arrived(self, event: Mapping[str, Any]) -> None:
        with self._arrival:
            self.published.append(str(event["detail"]["eventName"]))
            self._arrival.notify_all()

    def _invoked(
        self, name: str, payload: bytes, invocation_type: str, _trace: str = ""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Takes an asynchronous invocation down; nothing runs in a story but the function that it is about."""
        (folder,) = (each.code.name for each in self.deployment.functions if each.name == name)
        assert invocation_type == "Event", f"{folder} is invoked and waited for"
        self.asked[folder].append(json.loads(payload))
        return 202, {}, b""

    def _wait_for_events(self) -> None:
        """Events arrive on a thread of the world's, in order: when one sent now is there, so are all before."""
        mark = f"mark {uuid.uuid4()}"
        detail = json.dumps({"eventName": mark})
        entry = {"Source": "stories", "DetailType": "mark", "Detail": detail}
        self._events.put_events(Entries=[entry])
        with self._arrival:
            assert self._arrival.wait_for(lambda: self.published[-1:] == [mark], 10), "events of the world are stuck"
            self.published.pop()

    @property
    def _table(self) -> str:
        return self.deployment.tables[0].name

    def _records(self) -> dict[tuple[str, str], Any]:
        items = self.dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}

    def _queues(self) -> Mapping[str, Any]:
        queues: Mapping[str, Any] = get_backend("sqs")[self.world.account][self.world.region].queues
        return queues

    def _messages(self, queue: str) -> tuple[Mapping[str, Any], ...]:
        """What lies in a queue, delayed or not: asking SQS for it would take it, and not show what is delayed."""
        messages = self._queues()[f"{self.deployment.stack_name}-{queue}"]._messages
        return tuple(json.loads(message.body) for message in messages)

    def _balancing(self) -> Iterator[str]:
        """Read where they are kept: a fault of the story must not meet this."""
        backend = get_backend("elbv2")[self.world.account][self.world.region]
        for balancer in backend.load_balancers.values():
            yield f"load balancer {balancer.name}"
            for listener in balancer.listeners.values():
                yield f"listener {balancer.name}:{listener.port}"
                yield from (f"rule {rule.priority}" for rule in listener._non_default_rules.values())
        yield from (f"target group {group.name}" for group in backend.target_groups.values())

    def _alarms_and_schedules(self) -> Iterator[str]:
        """Of Headcount's own alarms what they are for; their names end in a hash."""
        for name in list(get_backend("cloudwatch")[self.world.account][self.world.region].alarms):
            kind, _, rest = name.removeprefix("headcount/main/").partition("/")
            if kind == "unhealthy":
                yield f"alarm of target group {rest.partition('/')[0]}"
            elif kind == "scaling":
                yield f"alarm of scaling {rest.rpartition('/')[0]}"
        groups = get_backend("scheduler")[self.world.account][self.world.region].schedule_groups.values()
        for schedule in (one for group in groups for one in group.schedules.values()):
            yield f"schedule of {schedule.description}"

    def _clear_what_was_made(self) -> None:
        elb, cloudwatch = self.world.client("elbv2"), self.world.client("cloudwatch")
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
        for group in elb.describe_target_groups()["TargetGroups"]:
            elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
        names = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]
        if names:
            cloudwatch.delete_alarms(AlarmNames=names)
        for group in get_backend("scheduler")[self.world.account][self.world.region].schedule_groups.values():
            group.schedules.clear()
        self.world.metrics._samples.clear()

    def _make_clusters_and_network(self) -> None:
        for cluster in CLUSTERS:
            self.world.create_cluster(cluster)
        made = self.world.default_network()
        backend = get_backend("ec2")[self.world.account][self.world.region]
        for wanted, zone in SUBNETS.items():  # EC2 chooses the names of subnets; the requests name theirs
            subnet = backend.subnets[zone].pop(made[zone])
            subnet.id = wanted
            backend.subnets[zone][wanted] = subnet
        ports = [{"containerPort": 8080}]
        container = {"name": "web", "image": "web", "essential": True, "memory": 512, "portMappings": ports}
        for _ in range(12):  # so that there is web:12
            self.world.client("ecs").register_task_definition(
                family="web",
                networkMode="awsvpc",
                requiresCompatibilities=["FARGATE", "EC2"],
                cpu="256",
                memory="512",
                containerDefinitions=[container],
            )


@contextmanager
def a_place() -> Iterator[Place]:
    """One at a time in a process."""
    with World(task_runtime="simulated", life_cycle=LifeCycle(provisioning=STILL), seed=7) as world:
        yield Place(world)
