"""A container engine of our own: Debian's packages, unpacked and not installed, on a bridge that nobody else uses."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samlocal.tools import HERE, Failed, Missing, ends_with_us, last_words, run

UNPACKED = HERE / "engine"
_SYSTEM_PATHS = ":/usr/sbin:/sbin"  # not on every root's PATH
_PACKAGES = ("docker.io", "iproute2")
_BRIDGE = "hcsam"  # and the pid of who made it; an interface's name has 15 characters at most
_FOLDER = "headcount-sam-"  # likewise
_START_SECONDS = 30.0
_END_SECONDS = 30.0
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """``address`` is this machine as containers see it, if they can; ``environment`` is what its command needs."""

    folder: Path
    address: str
    environment: dict[str, str]

    @property
    def host(self) -> str:
        """What DOCKER_HOST is to say."""
        return self.environment["DOCKER_HOST"]

    def docker(self, *arguments: str, stdin: Path | None = None) -> str:
        """What the command answers; raises ``Failed`` with its words."""
        with contextlib.ExitStack() as files:
            given = files.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
            ended = subprocess.run(
                ["docker", *arguments],
                stdin=given,
                capture_output=True,
                text=True,
                check=False,
                env=self.environment,
                timeout=120,
            )
        if ended.returncode:
            raise Failed(f"docker {arguments[0]} ended with {ended.returncode}: {ended.stderr[-1000:]}")
        return ended.stdout


@contextmanager
def an_engine() -> Iterator[Engine]:
    """Starts one and ends it with everything that it made. Raises ``Missing`` with the reason where none can start."""
    with ExitStack() as ending:
        engine = ending.enter_context(a_place(_FOLDER))
        bridge, address = _make_bridge(engine.environment, ending)
        daemon = start(engine, ("dockerd", *options(engine, bridge)), ends_with=signal.SIGTERM)
        ending.callback(_end, daemon)
        wait_until_it_answers(engine, daemon)
        ending.callback(_remove_containers, engine)
        yield replace(engine, address=address)


@contextmanager
def a_place(prefix: str) -> Iterator[Engine]:
    """A folder for an engine that is to be started, its name from ``prefix`` and our pid, and the environment of its
    programs. Places that runs left behind because they were killed are removed. Raises ``Missing``.
    """
    if os.geteuid() != 0:
        raise Missing("only root can start a container engine")
    path = _path_of_programs()
    _remove_places_of_the_dead(prefix)
    with ExitStack() as ending:
        folder = Path(
            ending.enter_context(
                tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", ignore_cleanup_errors=True)
            )
        )
        ending.callback(_unmount_below, folder)
        environment = {
            "PATH": path,
            "HOME": str(folder),
            "LD_LIBRARY_PATH": ":".join(str(found) for found in UNPACKED.glob("usr/lib/*-linux-gnu")),
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
        }
        yield Engine(folder=folder, address="", environment=environment)


@contextmanager
def reachable(engine: Engine, port: int) -> Iterator[str]:
    """The address at which containers reach a port of 127.0.0.1: connections to the bridge are passed on to it."""

    class PassingOn(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as other:
                back = threading.Thread(target=_pump, args=(other, self.request), daemon=True)
                back.start()
                _pump(self.request, other)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A container that is removed drops its connections."""

    with Server((engine.address, 0), PassingOn) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://{engine.address}:{server.server_address[1]}"
        server.shutdown()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# --- programs ---------------------------------------------------------------------------------------------------------


def _path_of_programs() -> str:
    """PATH with an engine and `ip`: those of the machine, or else Debian's packages, unpacked into a folder of ours."""
    system = os.environ.get("PATH", "") + _SYSTEM_PATHS
    if all(shutil.which(name, path=system) for name in ("dockerd", "containerd", "runc", "docker", "ip")):
        return system
    ours = ":".join(str(UNPACKED / folder) for folder in ("usr/sbin", "usr/bin", "sbin", "bin"))
    if not (UNPACKED / "usr/sbin/dockerd").exists():
        _unpack()
    return f"{ours}:{system}"


def _unpack() -> None:
    """Nothing of the system changes: apt gets lists and a cache of ours, and dpkg only unpacks."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Missing("there is no container engine, and no apt-get that could bring one")
    with tempfile.TemporaryDirectory(prefix="headcount-apt-") as name:
        cache = Path(name)
        for folder in ("lists/partial", "archives/partial"):
            (cache / folder).mkdir(parents=True)
        cache.chmod(0o755)  # apt downloads as a user of its own
        ours = ("-o", f"Dir::State::lists={cache}/lists", "-o", f"Dir::Cache={cache}")
        fetch = ("install", "--yes", "--no-install-recommends", "--download-only", *_PACKAGES)
        try:
            run("apt-get", "-qq", *ours, "update", log=cache / "update.log", seconds=60)
            run("apt-get", "-qq", *ours, *fetch, log=cache / "install.log", seconds=120)
        except Failed as reason:
            raise Missing(f"there is no container engine, and apt cannot bring one: {reason}") from reason
        unfinished = HERE / "unpacking"
        HERE.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        for package in cache.glob("archives/*.deb"):
            run("dpkg-deb", "--extract", package, unfinished, log=cache / "unpack.log")
    shutil.rmtree(UNPACKED, ignore_errors=True)
    unfinished.rename(UNPACKED)


# --- bridge -----------------------------------------------------------------------------------------------------------


def _make_bridge(environment: dict[str, str], ending: ExitStack) -> tuple[str, str]:
    """A bridge in a network that no route of the machine knows; its name and its address."""
    _remove_bridges_of_the_dead(environment)
    bridge, address = f"{_BRIDGE}{os.getpid()}", _free_address(_ip(environment, "-4", "route"))
    try:
        _ip(environment, "link", "add", bridge, "type", "bridge")
        ending.callback(_ip, environment, "link", "del", bridge)
        _ip(environment, "address", "add", f"{address}/24", "dev", bridge)
        _ip(environment, "link", "set", bridge, "up")
    except Failed as reason:
        raise Missing(f"no bridge can be made here: {reason}") from reason
    return bridge, address


def _free_address(routes: str) -> str:
    for third in range(79, 255):
        if f"172.29.{third}." not in routes:
            return f"172.29.{third}.1"
    raise Missing("every network from 172.29.79.0 on has a route already")


def _remove_bridges_of_the_dead(environment: dict[str, str]) -> None:
    """Of runs that were killed without a chance to clean up: their engines have ended with them."""
    for name, pid in set(re.findall(rf"\b({_BRIDGE}(\d+))\b", _ip(environment, "link"))):
        if not Path(f"/proc/{pid}").exists():
            _ip(environment, "link", "del", name)


def _remove_places_of_the_dead(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if not Path(f"/proc/{folder.name.removeprefix(prefix).partition('-')[0]}").exists():
            _unmount_below(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _ip(environment: dict[str, str], *arguments: str) -> str:
    ended = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False, env=environment, timeout=20)
    if ended.returncode:
        raise Failed(f"ip {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout


# --- daemon -----------------------------------------------------------------------------------------------------------


def options(engine: Engine, bridge: str) -> tuple[str, ...]:
    """What ``dockerd`` is told, so that nothing of it is anybody else's."""
    folder = engine.folder
    return (
        "--host", engine.host, "--bridge", bridge,
        "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/docker.pid",
        "--iptables=false", "--ip6tables=false", "--ip-masq=false",
    )  # fmt: skip


def start(engine: Engine, command: Sequence[str], *, ends_with: signal.Signals) -> "subprocess.Popen[bytes]":
    """The command of a daemon, which gets the signal when this program is gone, be it by SIGKILL."""
    with (engine.folder / "dockerd.log").open("wb") as words:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            env=engine.environment,
            start_new_session=True,  # Ctrl-C is for this program, which ends it in order
            preexec_fn=ends_with_us(ends_with),  # noqa: PLW1509 - no more than a call into libc
        )


def wait_until_it_answers(engine: Engine, daemon: "subprocess.Popen[bytes]") -> None:
    """Raises ``Missing`` with the daemon's words if it ends or does not answer."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            engine.docker("version")
        except Failed:
            if daemon.poll() is not None or time.monotonic() > deadline:
                words = last_words(engine.folder / "dockerd.log", 500)
                raise Missing(f"no container engine can start here: {words}") from None
            time.sleep(0.1)
        else:
            return


def _remove_containers(engine: Engine) -> None:
    if containers := engine.docker("ps", "--all", "--quiet").split():
        engine.docker("rm", "--force", *containers)


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait(_END_SECONDS)


def _unmount_below(folder: Path) -> None:
    """What the engine left mounted, deepest first."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in sorted((place for place in mounted if place.startswith(f"{folder}/")), reverse=True):
        _libc.umount2(place.encode(), 2)  # MNT_DETACH
