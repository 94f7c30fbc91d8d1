"""Runs the command line as a shell would, against a control function in memory and a clock that nobody waits for."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from headcount_cli.connection import Connection
from headcount_cli.control_client import ControlClient
from headcount_cli.local_sandbox import SandboxOptions
from headcount_cli.running import run
from headcount_cli.session import World
from unit.cli.fake_control import NOW, FakeControl


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as exactly one JSON document."""
        return json.loads(self.out)


@dataclass
class FakeSandbox:
    endpoint_url: str = "http://127.0.0.1:5000"
    clusters: tuple[str, ...] = ("default",)
    subnets: dict[str, str] = field(default_factory=lambda: {"eu-central-1a": "subnet-1"})

    def on_listener(self, listener: Callable[[dict[str, Any]], None]) -> None:
        listener({"url": "http://127.0.0.1:8000"})

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint_url, "AWS_REGION": "eu central 1"}


@dataclass
class Terminal:
    """``run`` types a command; ``sleeping`` runs whenever the command waits."""

    capture: pytest.CaptureFixture[str]
    control: FakeControl
    now: datetime = NOW
    sleeping: Callable[[], None] = lambda: None
    interactive: bool = False
    answers: list[bool] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    sandboxes: list[tuple[SandboxOptions, str]] = field(default_factory=list)

    def run(self, *arguments: str) -> Finished:
        self.capture.readouterr()
        code = run(arguments, self._world())
        captured = self.capture.readouterr()
        return Finished(code=code, out=captured.out, err=captured.err)

    def _world(self) -> World:
        return World(
            connect=self._connect,
            now=lambda: self.now,
            sleep=self._sleep,
            is_interactive=lambda: self.interactive,
            confirm=self._confirm,
            ask=self._ask,
            start_sandbox=self._sandbox,
            wait_for_interrupt=self._interrupted,
        )

    def _connect(self, connection: Connection) -> ControlClient:
        self.connections.append(connection)
        return ControlClient(self._invoke, by=lambda: "alice", sleep=self._sleep)

    def _invoke(self, request: dict[str, Any]) -> Any:
        return self.control.invoke(request)  # looked up by every call: tests exchange it in the middle

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.sleeping()

    def _confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self.answers.pop(0)

    def _ask(self, question: str, default: str | None) -> str:
        self.questions.append(question)
        return self.texts.pop(0) or default or ""

    @contextmanager
    def _sandbox(self, options: SandboxOptions) -> Iterator[FakeSandbox]:
        self.sandboxes.append((options, "started"))
        try:
            yield FakeSandbox()
        finally:
            self.sandboxes.append((options, "stopped"))

    def _interrupted(self) -> None:
        raise KeyboardInterrupt
