"""The world that Headcount lives in, in one object: AWS's APIs on a local port, tasks that really run, faults."""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import boto3
from botocore.config import Config

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.world.api import Answer, signing_name
from headcount_sandbox.world.balancing_doors import BalancingDoors
from headcount_sandbox.world.calls import Calls
from headcount_sandbox.world.clock import Clock, set_clock
from headcount_sandbox.world.cloudwatch.alarms import Alarms
from headcount_sandbox.world.cloudwatch.alarms_api import AlarmsApi
from headcount_sandbox.world.cloudwatch.api import CloudWatchApi
from headcount_sandbox.world.cloudwatch.clockwork import Clockwork
from headcount_sandbox.world.cloudwatch.ecs_metrics import EcsMetrics
from headcount_sandbox.world.cloudwatch.elb_metrics import ElbMetrics
from headcount_sandbox.world.cloudwatch.loads import Loads
from headcount_sandbox.world.cloudwatch.metrics import Metrics
from headcount_sandbox.world.cloudwatch.sqs_metrics import SqsMetrics
from headcount_sandbox.world.console import Console
from headcount_sandbox.world.dynamodb import TablesApi
from headcount_sandbox.world.ecs.announcing import Announcer
from headcount_sandbox.world.ecs.attributes_api import AttributesApi
from headcount_sandbox.world.ecs.capacity import CapacityProvidersApi
from headcount_sandbox.world.ecs.clusters import ClustersApi
from headcount_sandbox.world.ecs.fleet import Registration
from headcount_sandbox.world.ecs.instances import instance_api_shape
from headcount_sandbox.world.ecs.instances_api import ContainerInstancesApi
from headcount_sandbox.world.ecs.life_cycle import LifeCycle
from headcount_sandbox.world.ecs.losses import Losses, Scene
from headcount_sandbox.world.ecs.service import EcsSettings, EcsTasks
from headcount_sandbox.world.ecs.task import Task, api_shape
from headcount_sandbox.world.ecs.task_definitions import TaskDefinitionsApi
from headcount_sandbox.world.ecs.validation import check_cluster, refuse
from headcount_sandbox.world.elb.balancers_api import BalancersApi
from headcount_sandbox.world.elb.balancing import LoadBalancing
from headcount_sandbox.world.elb.groups_api import TargetGroupsApi
from headcount_sandbox.world.elb.mishaps import TargetMishaps
from headcount_sandbox.world.elb.places import Inhabitants
from headcount_sandbox.world.elb.targets_api import TargetsApi
from headcount_sandbox.world.eventbridge import EventsApi
from headcount_sandbox.world.faults import Faults
from headcount_sandbox.world.front import Caller, Front
from headcount_sandbox.world.functions import FunctionPolicies, FunctionsApi, Invoke, StackOutputs, no_functions
from headcount_sandbox.world.http_server import HttpServer
from headcount_sandbox.world.load_doors import LoadDoors
from headcount_sandbox.world.losing_doors import LosingDoors
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.network import create_network
from headcount_sandbox.world.outbox import Outbox
from headcount_sandbox.world.runtimes.processes import ProcessRuntime
from headcount_sandbox.world.runtimes.runtime import Runtime, TaskUsage
from headcount_sandbox.world.runtimes.simulated import SimulatedRuntime
from headcount_sandbox.world.scheduler import Firing, SchedulerApi
from headcount_sandbox.world.sqs import SqsApi
from headcount_sandbox.world.timers import Timers

TaskRuntimeName = Literal["process", "simulated"]
OnEvent = Callable[[dict[str, Any]], None]
OnMessage = Callable[[str], None]
OnListener = Callable[[dict[str, Any]], None]
OnSchedule = Callable[[Firing], None]
Subject = TypeVar("Subject")

_one_at_a_time = threading.Lock()
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


class World:
    """A local AWS. moto keeps its records once a process, so one world at a time: starting one forgets the last.

    Listeners run one after the other on one thread, in the order of what happened, and must not block.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        region: str = "eu-west-1",
        account: str = "123456789012",
        task_runtime: TaskRuntimeName = "process",
        life_cycle: LifeCycle | None = None,
        seed: int | None = None,
        stopped_task_retention: float = 3600.0,
        health_check_scale: float = 1.0,
        metrics_scale: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self._started = False
        self._clock = clock or Clock()
        self.region = region
        self.account = account
        self.invoke: Invoke = no_functions
        self.stack_outputs: StackOutputs = {}
        self.functions: set[str] = set()
        self.callers: dict[str, Caller] = {}
        self.faults = Faults(seed)
        self.loads = Loads()
        self.calls = Calls()
        self._clients: dict[tuple[str, str, int], Any] = {}
        self._answers: dict[tuple[str, str], Answer] = {}
        self._listeners: list[OnEvent] = []
        self._message_listeners: list[OnMessage] = []
        self._put_listeners: list[OnEvent] = []
        self._open_listeners: list[OnListener] = []
        self._schedule_listeners: list[OnSchedule] = []
        self._moto = MotoApis(region=region, account=account)
        self._timers = Timers()
        self._outbox = Outbox()
        self._server = self._listen(port)
        self.port = self._server.port
        self.endpoint_url = f"http://127.0.0.1:{self.port}"
        self._runtime = self._make_runtime(task_runtime)
        settings = EcsSettings(
            region=region,
            account=account,
            life_cycle=life_cycle or LifeCycle(),
            stopped_task_retention=stopped_task_retention,
            seed=seed,
        )
        announcer = Announcer(region=region, account=account, send=self._teller(self._listeners))
        self._ecs = EcsTasks(
            settings,
            moto=self._moto,
            runtime=self._runtime,
            timers=self._timers,
            faults=self.faults,
            announcer=announcer,
        )
        self.losses = Losses(
            Scene(
                region=region,
                store=self._ecs.store,
                fleet=self._ecs.fleet,
                lives=self._ecs.lives,
                timers=self._timers,
                announcer=announcer,
            )
        )
        self.balancing = LoadBalancing(
            take_picture=self._moto.load_balancing,
            inhabitants=Inhabitants(
                store=self._ecs.store,
                fleet=self._ecs.fleet,
                addresses=self._ecs.addresses,
                runtime=self._runtime,
                faults=self.faults,
            ),
            invoke=lambda: self.invoke,
            seed=seed,
            check_scale=health_check_scale,
            on_open=self._teller(self._open_listeners),
        )
        self.metrics = Metrics()
        self._alarms = Alarms(self.metrics, moto=self._moto, announcer=announcer, scale=metrics_scale)
        ecs_metrics = EcsMetrics(
            self.metrics, store=self._ecs.store, runtime=self._runtime, moto=self._moto, loads=self.loads
        )
        sources = (ElbMetrics(self.balancing, self.metrics), ecs_metrics, SqsMetrics(self.metrics, moto=self._moto))
        self._clockwork = Clockwork(self._alarms, timers=self._timers, sources=sources, scale=metrics_scale)
        self.targets = TargetMishaps(self.balancing, ecs=self._ecs, runtime=self._runtime, client=self.client)
        self._wire()

    def start(self) -> Self:
        """Forgets what moto knew of an earlier world and serves; returns itself. Raises HeadcountSandboxError."""
        if not _one_at_a_time.acquire(blocking=False):
            raise HeadcountSandboxError("Another sandbox runs in this process; stop it first.")
        self._started = True
        self._clock = self._clock.started()
        set_clock(self._clock)
        self._moto.reset()
        self._moto.warm()
        self._timers.start()
        self._outbox.start()
        self.balancing.start()
        self._clockwork.start()
        self._server.start()
        return self

    def stop(self) -> None:
        """Ends the server, every task process and every thread; the world cannot be started again."""
        self._server.stop()
        self.targets.stop()
        self.balancing.stop()
        if self._started:
            self._timers.stop()
        self._runtime.stop()
        if self._started:
            self._outbox.stop()
            self._started = False
            set_clock(Clock())
            _one_at_a_time.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- listening --------------------------------------------------------------------------------------------------

    def on_event(self, listener: OnEvent) -> None:
        """Every event that AWS services send (ECS, EC2, Health), as EventBridge's envelope, before event faults."""
        self._listeners.append(listener)

    def on_put_events(self, listener: OnEvent) -> None:
        """Every entry of PutEvents, as a full envelope."""
        self._put_listeners.append(listener)

    def on_message(self, listener: OnMessage) -> None:
        """The name of a queue in which a message was sent or may have become visible again."""
        self._message_listeners.append(listener)

    def on_listener(self, listener: OnListener) -> None:
        """Each listener of a load balancer that opens: its ARN, load balancer, protocol, port, and its URL here."""
        self._open_listeners.append(listener)

    def on_schedule(self, listener: OnSchedule) -> None:
        """Each schedule of EventBridge Scheduler that falls due, with what its target is to get."""
        self._schedule_listeners.append(listener)

    def answer(self, service: str, operation: str, answer: Answer) -> None:
        """Takes over an operation (such as `lambda`, `ListFunctions`) from moto."""
        self._answers[signing_name(service), operation] = answer

    @property
    def clock(self) -> Clock:
        """The world's own time."""
        return self._clock

    # --- tasks ------------------------------------------------------------------------------------------------------

    def describe_tasks(self) -> list[dict[str, Any]]:
        """Every task as the API shows it, with the pid of its process."""
        with self._ecs.store.lock:
            tasks = list(self._ecs.store.all())
            return [{**api_shape(task), "pid": self._runtime.pid(task.task_id)} for task in tasks]

    def count_tasks(self, counts: Callable[[Task], bool]) -> int:
        """How many tasks there are of which this is so; what it costs to describe them is saved."""
        with self._ecs.store.lock:
            return sum(map(counts, self._ecs.store.all()))

    def task_pid(self, task_id: str) -> int | None:
        """The process of a task; None where there is none."""
        return self._runtime.pid(task_id)

    def task_usage(self, task_id: str) -> TaskUsage | None:
        """CPU and memory of a running task's processes."""
        return self._runtime.usage(task_id)

    def task_log(self, task_id: str) -> Path | None:
        """The file with a task's output; None for simulated tasks."""
        return self._runtime.log_path(task_id) if isinstance(self._runtime, ProcessRuntime) else None

    def kill_task(self, task_id: str) -> None:
        """SIGKILL to a task; raises KeyError for one that never was."""
        self._runtime.kill(self._ecs.store.by_id(task_id).task_id)

    def fail_task(self, task_id: str, exit_code: int = 1) -> None:
        """Ends a simulated task with an exit code; a process is killed instead. Raises KeyError."""
        task = self._ecs.store.by_id(task_id)
        if isinstance(self._runtime, SimulatedRuntime):
            self._timers.after(0, partial(self._runtime.exit, task.task_id, exit_code))
        else:
            self._runtime.kill(task.task_id)

    def spot_notice(self, task_id: str, warning_seconds: float = 120.0) -> None:
        """Fargate takes the task back: SIGTERM and the event now, SIGKILL at its end. Raises KeyError."""
        self.losses.interrupt_task(task_id, warning_seconds)

    # --- container instances ----------------------------------------------------------------------------------------

    def register_container_instance(self, cluster: str, instance: Registration) -> dict[str, Any]:
        """What the agent of a new EC2 instance does; the instance as DescribeContainerInstances answers it.

        Raises ApiError for a cluster, a zone or a capacity provider that is not there.
        """
        found = check_cluster(self._moto, cluster)
        if not instance.availability_zone.startswith(self.region):
            raise refuse(f"{instance.availability_zone} is no zone of {self.region}.")
        if instance.capacity_provider not in (None, *self._moto.capacity_providers()):
            raise refuse(f"The specified capacity provider '{instance.capacity_provider}' was not found.")
        with self._ecs.store.lock:
            return instance_api_shape(self._ecs.fleet.register(found, instance))

    def describe_container_instances(self) -> list[dict[str, Any]]:
        """Every container instance of every cluster as the API shows it, with its address."""
        with self._ecs.store.lock:
            instances = list(self._ecs.fleet.all())
            return [{**instance_api_shape(each), "privateIpAddress": each.address} for each in instances]

    # --- load balancers ---------------------------------------------------------------------------------------------

    def listener_url(self, listener_arn: str) -> str:
        """Where traffic for a listener is to be sent: its own port of 127.0.0.1, or a free one. Raises KeyError."""
        url = self.balancing.url_of(self.balancing.configuration.listeners[listener_arn])
        if url is None:
            raise KeyError(listener_arn)
        return url

    def describe_listeners(self) -> list[dict[str, Any]]:
        """Every listener with its URL and what it answered so far."""
        return self.balancing.describe_listeners()

    def describe_target_groups(self) -> list[dict[str, Any]]:
        """Every target group with its targets and their health."""
        return self.balancing.describe_groups()

    # --- conveniences -----------------------------------------------------------------------------------------------

    def client(self, service: str, *, access_key: str = "sandbox", attempts: int = 1) -> Any:
        """A boto3 client of this world; `attempts` 1 means that errors are seen as they are."""
        known = self._clients.get((service, access_key, attempts))
        if known is None:
            known = self._clients[service, access_key, attempts] = self._make_client(service, access_key, attempts)
        return known

    def _make_client(self, service: str, access_key: str, attempts: int) -> Any:
        return boto3.client(  # type: ignore[call-overload] # the stubs want a literal
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=access_key,
            aws_secret_access_key="sandbox",  # noqa: S106 - nobody checks signatures here
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        )

    def vpc_of(self, subnet_id: str) -> str:
        """The VPC of a subnet, which target groups have to name; raises KeyError."""
        found = self._moto.subnet(subnet_id)
        if found is None:
            raise KeyError(subnet_id)
        return found.vpc_id

    def default_network(self) -> dict[str, str]:
        """A VPC with a subnet in each of three zones: zone to subnet id."""
        return create_network(self.client("ec2"), self.region)

    def create_cluster(self, name: str) -> str:
        """A cluster with both Fargate capacity providers; returns its ARN."""
        created = self.client("ecs").create_cluster(clusterName=name, capacityProviders=["FARGATE", "FARGATE_SPOT"])
        return str(created["cluster"]["clusterArn"])

    def _has_instance(self, instance_id: str) -> bool:
        with self._ecs.store.lock:
            ours = any(
                each.ec2_instance_id == instance_id and each.status != "INACTIVE" for each in self._ecs.fleet.all()
            )
        return ours or self._moto.has_running_instance(instance_id)

    def _wire(self) -> None:
        policies = FunctionPolicies()
        targets = TargetsApi(self.balancing, moto=self._moto, policies=policies, has_instance=self._has_instance)
        functions = FunctionsApi(
            names=self.functions,
            policies=policies,
            moto=self._moto,
            region=self.region,
            account=self.account,
            invoke=lambda: self.invoke,
            outputs=lambda: self.stack_outputs,
        )
        instances = ContainerInstancesApi(
            moto=self._moto, store=self._ecs.store, fleet=self._ecs.fleet, losses=self.losses
        )
        sqs = SqsApi(self._moto, self._timers, self._teller(self._message_listeners))
        scheduler = SchedulerApi(self._moto, self._timers, self._teller(self._schedule_listeners))
        events = EventsApi(region=self.region, account=self.account, publish=self._teller(self._put_listeners))
        for service, operations in (
            ("ecs", self._ecs.operations()),
            ("ecs", ClustersApi(self._moto, self._ecs.store, self._ecs.fleet).operations()),
            ("ecs", CapacityProvidersApi(self._moto).operations()),
            ("ecs", TaskDefinitionsApi(self._moto, f"arn:aws:iam::{self.account}:user/sandbox").operations()),
            ("ecs", instances.operations()),
            ("ecs", AttributesApi(moto=self._moto, store=self._ecs.store, fleet=self._ecs.fleet).operations()),
            ("sqs", sqs.operations()),
            ("dynamodb", TablesApi(self._moto).operations()),
            ("events", events.operations()),
            ("scheduler", scheduler.operations()),
            ("elasticloadbalancing", targets.operations()),
            ("elasticloadbalancing", TargetGroupsApi(self._moto, self.balancing.refresh).operations()),
            ("elasticloadbalancing", BalancersApi(self._moto, self.balancing.refresh).operations()),
            ("monitoring", CloudWatchApi(self.metrics).operations()),
            ("monitoring", AlarmsApi(self._alarms, self._moto).operations()),
            ("lambda", functions.lambda_operations()),
            ("cloudformation", functions.cloudformation_operations()),
        ):
            self._answers.update({(service, name): answer for name, answer in operations.items()})

    def _listen(self, port: int) -> HttpServer:
        more = (*LosingDoors(self).doors(), *BalancingDoors(self).doors(), *LoadDoors(self.loads).doors())
        console = Console(faults=self.faults, calls=self.calls, tasks=self, more=more)
        front = Front(
            answers=self._answers,
            otherwise=self._moto.answer,
            console=console.answer,
            faults=self.faults,
            calls=self.calls,
            callers=self.callers,
        )
        try:
            return HttpServer(front.respond, port)
        except OSError as error:
            raise HeadcountSandboxError(f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}") from error

    def _make_runtime(self, name: TaskRuntimeName) -> Runtime:
        if name == "simulated":
            return SimulatedRuntime(self._timers)
        kept = {variable: os.environ[variable] for variable in _KEPT_VARIABLES if variable in os.environ}
        own = {"AWS_ENDPOINT_URL": self.endpoint_url, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        return ProcessRuntime(self._timers, {**kept, **own})

    def _teller(self, listeners: list[Callable[[Subject], None]]) -> Callable[[Subject], None]:
        def tell(subject: Subject) -> None:
            for listener in listeners:
                self._outbox.post(partial(listener, subject))

        return tell
