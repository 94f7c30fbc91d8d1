"""Docker Swarm: one node, manager and worker, that keeps a service of containers."""

import os
import shutil
import signal
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]  # the SDK has no types
import psutil
from docker.errors import APIError  # type: ignore[import-untyped]  # as above
from docker.types import RestartPolicy, ServiceMode  # type: ignore[import-untyped]  # as above

from bench.measurement import NotMeasured
from bench.peers.engine import ADDRESS, an_engine_apart
from bench.peers.points import Replaced, ScaledUp
from bench.peers.swarm_words import ContainerEvent, SwarmTask, growth, read_event, read_task, replacement
from bench.service import RUNS_FOR_EVER
from samlocal.engine import Engine
from samlocal.image import libraries
from samlocal.tools import Missing

_IMAGE = "task:1"
_SERVICE = "web"
_DEADLINE = 120.0
_POLL_SECONDS = 0.1  # times are read from events, and every look costs the engine CPU
_QUIET_SECONDS = 0.5
_STOP_NANOSECONDS = 10_000_000  # as good as at once: a shell that is a container's first process ignores SIGTERM


@contextmanager
def a_swarm() -> Iterator["Swarm"]:
    """One on an engine of its own. Raises ``samlocal.tools.Missing`` where none can start."""
    with ExitStack() as ending:
        engine, pid = ending.enter_context(an_engine_apart())
        client = docker.DockerClient(base_url=engine.host)
        ending.callback(client.close)
        _make_image(engine, client)
        try:
            client.swarm.init(advertise_addr=ADDRESS, listen_addr=f"{ADDRESS}:2377")
        except APIError as refused:
            raise Missing(f"the engine cannot make a swarm here: {refused.explanation}") from refused
        watch = Watch(client)
        ending.callback(watch.stop)
        yield Swarm(client, pid, watch)


class Watch:
    """What the engine tells about containers, as it happens."""

    def __init__(self, client: Any) -> None:
        self._lock = threading.Lock()
        self._events: list[ContainerEvent] = []
        self._stream = client.events(decode=True, filters={"type": "container"})
        threading.Thread(target=self._listen, daemon=True).start()

    def events(self) -> tuple[ContainerEvent, ...]:
        with self._lock:
            return tuple(self._events)

    def forget(self) -> None:
        with self._lock:
            self._events.clear()

    def stop(self) -> None:
        self._stream.close()

    def _listen(self) -> None:
        for document in self._stream:
            event = read_event(document)
            if event is not None:
                with self._lock:
                    self._events.append(event)


class Swarm:
    """See ``peer.Peer``."""

    name = "Swarm"

    def __init__(self, client: Any, pid: int, watch: Watch) -> None:
        self._client, self._watch = client, watch
        self._processes = psutil.Process(pid)
        self._service: Any = None

    @property
    def version(self) -> str:
        return str(self._client.version()["Version"])

    def start(self, tasks: int, *, at_once: bool) -> None:
        if self._service is not None:
            self._service.remove()
            self._wait(lambda: not self._containers(ended=True), "no container is left")
        program, *arguments = RUNS_FOR_EVER
        self._service = self._client.services.create(
            _IMAGE,
            command=[program],
            args=arguments,
            name=_SERVICE,
            mode=ServiceMode("replicated", replicas=tasks),
            restart_policy=RestartPolicy(condition="any", delay=0) if at_once else None,
            stop_grace_period=_STOP_NANOSECONDS,
        )
        self._wait_until_whole(tasks)

    def lose_one(self) -> Replaced:
        self._watch.forget()
        tasks = len(self._running())
        victim = self._first_process_of_a_container()
        killed_at = time.time()
        os.kill(victim, signal.SIGKILL)
        self._wait(lambda: "start" in self._actions(), "another task starts")
        self._wait_until_whole(tasks)
        return replacement(killed_at, self._watch.events(), self._tasks())

    def scale_up(self, tasks: int) -> ScaledUp:
        self._watch.forget()
        further = tasks - len(self._running())
        asked_at = self._scale(tasks)
        self._wait(lambda: self._actions()["start"] >= further, f"{further} further tasks start")
        self._wait_until_whole(tasks)
        return growth(asked_at, further, self._watch.events(), self._tasks())

    def scale_down(self, tasks: int) -> None:
        self._scale(tasks)
        self._wait_until_whole(tasks)

    def cpu(self) -> Mapping[str, float]:
        """Of all that was ever started: who ends is counted with who buried it."""
        seconds: Counter[str] = Counter()
        for process in (self._processes, *self._processes.children(recursive=True)):
            try:
                name, times = process.name(), process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            own = name if name in ("dockerd", "containerd") else "shims, runc"
            seconds[own] += times.user + times.system  # type: ignore[assignment]  # seconds
            seconds["shims, runc"] += times.children_user + times.children_system  # type: ignore[assignment]  # seconds
        return seconds

    def _scale(self, tasks: int) -> float:
        """Change the count and nothing else, as the command does; when. The SDK's own ``scale`` writes defaults into
        the tasks' declaration as well, and Swarm replaces every task then.
        """
        self._service.reload()
        spec = self._service.attrs["Spec"]
        asked_at = time.time()
        self._client.api.update_service(
            self._service.id,
            self._service.version,
            task_template=spec["TaskTemplate"],
            name=spec["Name"],
            labels=spec["Labels"],
            mode=ServiceMode("replicated", replicas=tasks),
        )
        return asked_at

    # -- waiting ------------------------------------------------------------------------------------------------------

    def _wait_until_whole(self, tasks: int) -> None:
        """Wait until ``tasks`` run, no other one is on its way in or out, and containers come and go no more."""
        self._wait(lambda: len(self._running()) == tasks == self._containers(), f"{tasks} tasks run")
        self._wait(self._is_quiet, "everything is quiet")

    def _is_quiet(self) -> bool:
        return all(event.at < time.time() - _QUIET_SECONDS for event in self._watch.events())

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                raise NotMeasured(f"waited {_DEADLINE:g} s in vain for Swarm until {what}; {len(self._running())} run")
            time.sleep(_POLL_SECONDS)

    # -- looking ------------------------------------------------------------------------------------------------------

    def _tasks(self) -> list[SwarmTask]:
        return [read_task(document) for document in self._service.tasks()]

    def _running(self) -> list[SwarmTask]:
        return [task for task in self._tasks() if task.runs]

    def _containers(self, *, ended: bool = False) -> int:
        return len(self._client.api.containers(quiet=True, all=ended))

    def _actions(self) -> Counter[str]:
        return Counter(event.action for event in self._watch.events())

    def _first_process_of_a_container(self) -> int:
        """Processes of containers are one namespace further in than those of the engine, and there the first is 1."""
        for process in self._processes.children(recursive=True):
            status = Path(f"/proc/{process.pid}/status").read_text()
            inside = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if len(inside) == 3 and inside[-1] == "1":
                return process.pid
        raise NotMeasured("no container has a process")


def _make_image(engine: Engine, client: Any) -> None:
    """The machine's own shell, ``sleep`` and what they are linked to: no registry is asked."""
    root, archive = engine.folder / "image", engine.folder / "image.tar"
    programs = [Path(found) for name in ("sh", "sleep") if (found := shutil.which(name, path="/usr/bin:/bin"))]
    for source in (*programs, *libraries(programs)):
        place = root / source.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.resolve(), place)
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname="/")
    client.api.import_image_from_file(str(archive), repository=_IMAGE.partition(":")[0], tag="1")
