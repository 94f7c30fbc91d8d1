"""`Sandbox`: a local AWS with a template deployed into it, as one context manager."""

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.folders import temporary_folder
from headcount_sandbox.platform.deployment import Place
from headcount_sandbox.platform.invocations import RETRY_DELAYS
from headcount_sandbox.platform.moto_queues import MotoQueues
from headcount_sandbox.platform.platform import Platform, PlatformSettings
from headcount_sandbox.platform.template import read_template
from headcount_sandbox.platform.user_functions import zipped
from headcount_sandbox.world import Caller, Faults, LifeCycle, World
from headcount_sandbox.world.clock import Clock
from headcount_sandbox.world.world import TaskRuntimeName

_POLL_SECONDS = 0.02


class Sandbox:
    """Runs a SAM template on this machine, with clusters and a network, until it is left.

        with Sandbox(template=Path("template.yaml"), parameters={"Clusters": "prod"}) as sandbox:
            sandbox.client("ecs").list_tasks(cluster="prod")

    `world` is the AWS side (tasks, faults, the ledger of calls), `platform` the functions and their triggers; both are
    there from `start` on. One sandbox at a time in a process. Raises `HeadcountSandboxError` for a template that cannot
    run and for a port that is taken.
    """

    world: World
    platform: Platform

    def __init__(
        self,
        *,
        template: Path,
        port: int = 0,
        task_runtime: TaskRuntimeName = "process",
        parameters: Mapping[str, str] | None = None,
        state_dir: Path | None = None,
        seed: int = 0,
        stack_name: str = "headcount",
        life_cycle: LifeCycle | None = None,
        schedule_scale: float = 1.0,
        retry_delays: tuple[float, ...] = RETRY_DELAYS,
        processes_per_function: int = 3,
        health_check_scale: float = 1.0,
        metrics_scale: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self._template = template
        self._port = port
        self._task_runtime: TaskRuntimeName = task_runtime
        self._parameters = dict(parameters or {})
        self._state_dir = state_dir
        self._seed = seed
        self._stack_name = stack_name
        self._life_cycle = life_cycle
        self._schedule_scale = schedule_scale
        self._retry_delays = retry_delays
        self._processes_per_function = processes_per_function
        self._health_check_scale = health_check_scale
        self._metrics_scale = metrics_scale
        self._clock = clock
        self._cleanup = ExitStack()
        self.subnets: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Starts the world, deploys the template, makes the clusters and a network; all or nothing."""
        with ExitStack() as cleanup:
            self._stop_on_sigterm(cleanup)
            self._start_world(cleanup)
            self._start_platform(cleanup)
            for cluster in self.clusters:
                self.world.create_cluster(cluster)
            self.subnets = self.world.default_network()
            self._cleanup = cleanup.pop_all()
        return self

    def stop(self) -> None:
        """Ends every process and thread that it started; harmless when there is none."""
        self._cleanup.close()

    # ------------------------------------------------------------------------------------------------- what it has

    @property
    def endpoint_url(self) -> str:
        return self.world.endpoint_url

    @property
    def faults(self) -> Faults:
        """Switches for everything that may go wrong."""
        return self.world.faults

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that the template's parameter `Clusters` names; without one, `default`."""
        names = self.platform.deployment.parameters.get("Clusters", "default").split(",")
        return tuple(name.strip() for name in names if name.strip())

    @property
    def vpc_id(self) -> str:
        """The VPC of the subnets: target groups have to name it."""
        return self.world.vpc_of(next(iter(self.subnets.values())))

    def environment(self) -> dict[str, str]:
        """Environment variables with which any AWS client talks to the sandbox, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",  # nobody checks signatures here
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of the sandbox."""
        return self.world.client(service)

    def listener_url(self, listener_arn: str) -> str:
        """Where traffic for a listener is to be sent, such as `http://127.0.0.1:8080`; raises KeyError."""
        return self.world.listener_url(listener_arn)

    def on_listener(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Each listener of a load balancer that opens from now on, with its `url`."""
        self.world.on_listener(listener)

    def logs(self, function: str) -> list[dict[str, Any]]:
        """What a function (logical id, name or ARN) logged, oldest first; platform lines have a `type`."""
        return self.platform.logs(function)

    # ------------------------------------------------------------------------------------------------ what it does

    def invoke_control(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Asks the control function, as the command line does; raises `HeadcountSandboxError` when it crashes."""
        name = self.platform.function("Control").name
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(request).encode())
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise HeadcountSandboxError(f"The function {name} failed: {payload.decode(errors='replace')}")
        result: dict[str, Any] = json.loads(payload)
        return result

    def register_task_definition(
        self,
        family: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        container_port: int | None = None,
        cpu: str = "256",
        memory: str = "512",
    ) -> str:
        """A Fargate task definition with one essential container `app` that runs `command`; its ARN."""
        ports = [] if container_port is None else [{"containerPort": container_port, "protocol": "tcp"}]
        registered = self.client("ecs").register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu=cpu,
            memory=memory,
            containerDefinitions=[
                {
                    "name": "app",
                    "image": "sandbox",
                    "essential": True,
                    "command": list(command),
                    "environment": [{"name": name, "value": value} for name, value in (environment or {}).items()],
                    "portMappings": ports,
                }
            ],
        )
        return str(registered["taskDefinition"]["taskDefinitionArn"])

    def create_function(self, name: str, source: str | Path, *, timeout: int = 3) -> str:
        """A Lambda function of the user's own, `lambda_handler` of a Python file (or of its text); its ARN."""
        created = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.lambda_handler",
            Role=f"arn:aws:iam::{self.world.account}:role/{name}",
            Code={"ZipFile": zipped(source.read_text() if isinstance(source, Path) else source)},
            Timeout=timeout,
        )
        return str(created["FunctionArn"])

    def kill_task(self, task_id: str) -> None:
        """SIGKILL to the process of a task; raises KeyError for one that never was."""
        self.world.kill_task(task_id)

    def kill_function(self, name: str) -> int:
        """SIGKILL to all processes of a function; how many there were."""
        return self.platform.kill_function(name)

    def spot_notice(self, task_id: str, warning_seconds: float = 120.0) -> None:
        """Fargate Spot takes a task back: the notice now, SIGKILL after the warning. Raises KeyError."""
        self.world.spot_notice(task_id, warning_seconds)

    def wait_until(self, condition: Callable[[], bool], deadline: float = 30.0, *, what: str = "it") -> float:
        """Waits until the condition holds; the seconds that took. Raises TimeoutError after `deadline` seconds."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > deadline:
                raise TimeoutError(f"Waited {deadline:g} s in vain until {what} was so")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - started

    # ---------------------------------------------------------------------------------------------------- starting

    def _start_world(self, cleanup: ExitStack) -> None:
        self.world = World(
            port=self._port,
            task_runtime=self._task_runtime,
            life_cycle=self._life_cycle,
            seed=self._seed,
            health_check_scale=self._health_check_scale,
            metrics_scale=self._metrics_scale,
            clock=self._clock,
        )
        self.world.start()
        cleanup.callback(self.world.stop)

    def _start_platform(self, cleanup: ExitStack) -> None:
        world = self.world
        place = Place(account=world.account, region=world.region, endpoint_url=world.endpoint_url)
        deployment = read_template(self._template, place, stack_name=self._stack_name, parameters=self._parameters)
        sqs_lock = world._moto.lock_of("sqs")  # noqa: SLF001  pollers share moto's queues, so they must take turns too
        self.platform = Platform(
            deployment,
            world=world,
            queues=MotoQueues(account=world.account, region=world.region, lock=sqs_lock),
            callers=_Callers(world),
            settings=PlatformSettings(
                state_dir=self._state_folder(cleanup),
                processes_per_function=self._processes_per_function,
                retry_delays=self._retry_delays,
                schedule_scale=self._schedule_scale,
            ),
        )
        cleanup.callback(self.platform.stop)
        self.platform.start()

    def _state_folder(self, cleanup: ExitStack) -> Path:
        if self._state_dir is None:
            return Path(cleanup.enter_context(temporary_folder("sandbox")))
        self._state_dir.mkdir(parents=True, exist_ok=True)
        return self._state_dir

    def _stop_on_sigterm(self, cleanup: ExitStack) -> None:
        """SIGTERM unwinds like Ctrl-C does; only the main thread can be told so."""
        if threading.current_thread() is threading.main_thread():
            cleanup.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _exit_on_signal))


class _Callers:
    """Tells the world whose access key is whose."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, access_key: str, function_name: str, kill: Callable[[], None]) -> None:
        self._world.callers[access_key] = Caller(function_name=function_name, kill=kill)

    def remove(self, access_key: str) -> None:
        self._world.callers.pop(access_key, None)


def _exit_on_signal(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  the signature of a signal handler
    raise SystemExit(128 + number)
