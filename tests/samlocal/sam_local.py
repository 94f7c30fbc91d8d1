"""`sam local` as people run it: `invoke` for one event, `start-lambda` for a client of Lambda's own API.

Its exit codes say nothing: it ends with 0 after an exception, a time-out and a runtime that died. Payloads count.
"""

import contextlib
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from samlocal.engine import Engine
from samlocal.place import CLUSTERS, Place
from samlocal.story import FUNCTIONS, Invoke, Story
from samlocal.tools import SAM, Tools, ends_with_us, last_words, sam_environment

_START_SECONDS = 60.0
_CALL_SECONDS = 90.0
_END_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SamLocal:
    """How this repository's functions are run by `sam local` against a place."""

    place: Place
    folder: Path
    environment: Mapping[str, str]
    options: tuple[str | Path, ...]

    def invoke(self, story: Story) -> Any:
        """What the function answered, or its error document: the last line of what the command prints."""
        function = self.place.function(story.function)
        log = self.folder / f"invoke-{function.logical_id}.log"
        with log.open("wb") as words:
            ended = subprocess.run(
                [SAM / "sam", "local", "invoke", function.logical_id, "--event", story.event, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=words,
                env=self.environment,
                check=False,
                timeout=_CALL_SECONDS,
                preexec_fn=ends_with_us(signal.SIGTERM),
            )
        said = ended.stdout.decode().strip().splitlines()
        try:
            return json.loads(said[-1])
        except (IndexError, ValueError):
            raise AssertionError(
                f"{story} answered {said[-1:]}, exit code {ended.returncode}: {last_words(log)}"
            ) from None

    @contextmanager
    def start_lambda(self) -> Iterator[Invoke]:
        """Lambda's Invoke API on a port of 127.0.0.1; a function's container stays warm after its first call."""
        port, log = _free_port(), self.folder / "start-lambda.log"
        command = [
            SAM / "sam",
            "local",
            "start-lambda",
            "--port",
            str(port),
            "--warm-containers",
            "LAZY",
            *self.options,
        ]
        with log.open("wb") as words:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                env=self.environment,
                start_new_session=True,
                preexec_fn=ends_with_us(signal.SIGTERM),  # noqa: PLW1509 - no more than a call into libc
            )
        try:
            _wait_until_it_listens(port, process, log)
            client: Any = boto3.client(
                "lambda",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name=self.place.world.region,
                aws_access_key_id="stories",
                aws_secret_access_key="stories",
                config=Config(read_timeout=_CALL_SECONDS, retries={"total_max_attempts": 1}),
            )

            def invoke(folder: str, payload: bytes) -> Any:
                name = self.place.function(folder).logical_id
                return json.loads(client.invoke(FunctionName=name, Payload=payload)["Payload"].read())

            yield invoke
        finally:
            _end(process)


def sam_local(tools: Tools, engine: Engine, place: Place, address: str) -> SamLocal:
    """``address`` is the place's, as containers reach it."""
    template = tools.build / "local.yaml"
    template.write_text(with_endpoint((tools.build / "template.yaml").read_text(encoding="utf-8")), encoding="utf-8")
    variables = engine.folder / "variables.json"
    variables.write_text(json.dumps(_variables(place, address)), encoding="utf-8")
    return SamLocal(
        place=place,
        folder=engine.folder,
        environment={
            **sam_environment(tools.python),
            **{name: engine.environment[name] for name in ("HOME", "DOCKER_HOST")},
            "AWS_ENDPOINT_URL_STS": place.world.endpoint_url,  # else each call waits 10 s for the real one
        },
        options=(
            "--template", template,
            "--env-vars", variables,
            "--parameter-overrides", f"Clusters={','.join(CLUSTERS)} Architecture={tools.architecture}",
            "--layer-cache-basedir", engine.folder / "layers",
            "--skip-pull-image",
        ),
    )  # fmt: skip


def with_endpoint(built: str) -> str:
    """A built template whose functions have AWS_ENDPOINT_URL: `--env-vars` sets only variables that are declared."""
    declared, count = re.subn(r"^( +)HEADCOUNT_TABLE:", r'\1AWS_ENDPOINT_URL: ""\n\g<0>', built, flags=re.MULTILINE)
    assert count == 1, "the template's Globals declare HEADCOUNT_TABLE once"
    return declared


def _variables(place: Place, address: str) -> dict[str, dict[str, str]]:
    """The file for `--env-vars`: what each function is given, with the address at which containers reach the place."""
    return {
        place.function(folder).logical_id: {
            name: value.replace(place.world.endpoint_url, address)
            for name, value in {**place.function(folder).environment, "AWS_ENDPOINT_URL": address}.items()
        }
        for folder in FUNCTIONS
    }


def _wait_until_it_listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, f"sam local start-lambda ended: {last_words(log)}"
        assert time.monotonic() < deadline, f"sam local start-lambda does not listen: {last_words(log)}"
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C does, so that it removes its containers."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_END_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
