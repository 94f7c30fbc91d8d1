"""Health checks: requests and connections to real processes, at AWS's intervals, thresholds and reasons.

A new target is looked at more often until it passes its first check, as by the many nodes of a real load balancer; of
its failures only those that are an interval apart count.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from headcount_sandbox.world.elb.configuration import Configuration, HealthCheck, TargetGroup
from headcount_sandbox.world.elb.functions import FunctionTargets
from headcount_sandbox.world.elb.loop import show_defect
from headcount_sandbox.world.elb.matching import is_expected
from headcount_sandbox.world.elb.places import Place, Places
from headcount_sandbox.world.elb.targets import FAILED, TIMED_OUT, Registry, Target, Thresholds, mismatch

REGISTRATION_SECONDS = 0.05
_FIRST_LOOK, _LAST_LOOK = 0.1, 1.0
_AGENT = "ELB-HealthChecker/2.0"

Why = tuple[str, str]  # reason code and description of a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A target and its group's ARN."""

    group: str
    target: Target


class Prober:
    """Checks every target of every group that is in use; lives on the loop."""

    def __init__(
        self,
        registry: Registry,
        *,
        places: Places,
        functions: FunctionTargets,
        configuration: Callable[[], Configuration],
        scale: float,
        on_unhealthy: Callable[[TargetGroup, Target], None],
    ) -> None:
        self._registry = registry
        self._places = places
        self._functions = functions
        self._configuration = configuration
        self._scale = scale
        self._on_unhealthy = on_unhealthy
        self._watches: dict[Target, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def look_round(self) -> None:
        """Begins to watch who is new, and stops watching who left; a target that came back begins anew."""
        wanted = {
            target: group
            for group, target in self._registry.everyone()
            if not target.is_draining and group in self._configuration().users
        }
        for target in [known for known in self._watches if known not in wanted]:
            self._watches.pop(target).cancel()
        for target, group in wanted.items():
            watch = self._watches.get(target)
            if watch is None or watch.done():
                watch = asyncio.create_task(self._watch(Watched(group=group, target=target)))
                watch.add_done_callback(show_defect)
                self._watches[target] = watch

    async def begin_anew(self, targets: list[Target]) -> None:
        """Targets that came back have to pass a check first."""
        for target in targets:
            if target in self._watches:
                self._watches.pop(target).cancel()
        await self.look_round()

    async def close(self) -> None:
        for watch in self._watches.values():
            watch.cancel()
        if self._session is not None:
            await self._session.close()

    async def _watch(self, watched: Watched) -> None:
        target, clock = watched.target, asyncio.get_running_loop().time
        await asyncio.sleep(REGISTRATION_SECONDS)
        self._registry.change(target, target.begin_checking)
        look, counted = _FIRST_LOOK, float("-inf")
        while (group := self._configuration().groups.get(watched.group)) is not None:
            began = clock()
            interval = group.check.interval / self._scale
            if not group.check.enabled:
                self._registry.change(target, target.leave_unchecked)
                await asyncio.sleep(interval)
                continue
            why = await self.check(group, target)
            if why is None or target.state != "initial" or began - counted >= interval:
                counted = began
                self._note(target, group, why)
            pause = interval
            if target.state == "initial":
                pause, look = min(interval, look), min(_LAST_LOOK, 2 * look)
            await asyncio.sleep(max(0.0, began + pause - clock()))

    def _note(self, target: Target, group: TargetGroup, why: Why | None) -> None:
        check, before = group.check, target.state
        limits = Thresholds(healthy=check.healthy_threshold, unhealthy=check.unhealthy_threshold)

        def change() -> None:
            if target.is_draining:
                return
            if why is None:
                target.pass_check(limits)
            else:
                target.fail_check(limits, why)

        self._registry.change(target, change)
        if target.state == "unhealthy" and before != "unhealthy":
            self._on_unhealthy(group, target)

    async def check(self, group: TargetGroup, target: Target) -> Why | None:
        """One check; None where it passes."""
        timeout = group.check.timeout / self._scale
        try:
            async with asyncio.timeout(timeout):
                if group.target_type == "lambda":
                    return await self._ask_function(group, target)
                target_id, traffic_port = target.key
                return await self._ask(group, self._places.find(group, target_id, _port(group.check, traffic_port)))
        except TimeoutError:
            return TIMED_OUT
        except (OSError, aiohttp.ClientError):
            return FAILED

    async def _ask(self, group: TargetGroup, place: Place) -> Why | None:
        check = group.check
        is_http = check.protocol in ("HTTP", "HTTPS") and group.protocol_version != "GRPC"
        match place.conduct:
            case "real":
                return await (self._ask_http(check, place) if is_http else _connect(place))
            case "hang":
                await asyncio.sleep(3600)
            case "refuse":
                return FAILED
        return None if not is_http or is_expected(check.matcher, place.status) else mismatch(place.status)

    async def _ask_http(self, check: HealthCheck, place: Place) -> Why | None:
        url = f"{check.protocol.lower()}://{place.host}:{place.port}{check.path}"
        headers = {"User-Agent": _AGENT, "Connection": "close"}
        async with self._http().get(url, headers=headers, allow_redirects=False, ssl=False) as answer:
            return None if is_expected(check.matcher, answer.status) else mismatch(answer.status)

    async def _ask_function(self, group: TargetGroup, target: Target) -> Why | None:
        request: Mapping[str, object] = {
            "httpMethod": "GET",
            "path": group.check.path,
            "queryStringParameters": {},
            "headers": {"user-agent": _AGENT},
            "body": "",
            "isBase64Encoded": False,
        }
        answer = await self._functions.ask(group, target.key[0], request)
        return None if is_expected(group.check.matcher, answer.status) else mismatch(answer.status)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _port(check: HealthCheck, traffic_port: int | None) -> int:
    return check.port or traffic_port or 0


async def _connect(place: Place) -> Why | None:
    _, writer = await asyncio.open_connection(place.host, place.port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None
