"""An application load balancer's listener: rules, targets, and AWS's answers when something is amiss.

A request goes to one target, once: nothing is retried. 502 when the target breaks the connection, refuses it or is cut
off at the end of its deregistration delay, 503 when there is nobody to ask, 504 when it does not answer in time.
"""

import asyncio
import base64
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from headcount_sandbox.world.elb import matching
from headcount_sandbox.world.elb.access import Access
from headcount_sandbox.world.elb.configuration import (
    Configuration,
    FixedResponse,
    Forward,
    Listener,
    Redirect,
    TargetGroup,
)
from headcount_sandbox.world.elb.functions import FunctionTargets
from headcount_sandbox.world.elb.places import Place, Places
from headcount_sandbox.world.elb.rotation import Rotation
from headcount_sandbox.world.elb.targets import Target

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_OURS = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})  # aiohttp would make them up
_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 60.0
_SERVER = {"Server": "awselb/2.0"}
_TEXTS = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What listeners work with."""

    configuration: Callable[[], Configuration]
    rotation: Rotation
    places: Places
    functions: FunctionTargets
    access: Access
    rng: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fare:
    """One request on its way to one target."""

    request: web.BaseRequest
    listener: Listener
    group: TargetGroup
    target: Target


class _Amiss(Exception):
    """The load balancer answers itself."""

    def __init__(self, status: int) -> None:
        super().__init__(_TEXTS[status])
        self.status = status


class HttpHandler:
    """Answers the requests of every application load balancer; keeps connections to targets alive."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def answer(self, listener_arn: str, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request."""
        listener = self._means.configuration().listeners.get(listener_arn)
        if listener is None:
            return self._own(503)
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        seen = _seen(request)
        rule = matching.rule_for(seen, listener.rules)
        match rule.action if rule else None:
            case Forward(weights=weights):
                return await self._forward(request, listener, weights)
            case Redirect() as redirect:
                where = matching.location(redirect, seen, protocol=listener.protocol, port=listener.port)
                self._means.access.count(listener.balancer, None)
                return web.Response(status=redirect.status, headers={"Location": where, **_SERVER})
            case FixedResponse(status=status, content_type=kind, body=body):
                self._means.access.count(listener.balancer, None)
                return web.Response(status=status, text=body, content_type=kind, headers=_SERVER)
        return self._refuse(listener, None, 503)

    # --- forwarding -------------------------------------------------------------------------------------------------

    async def _forward(
        self, request: web.BaseRequest, listener: Listener, weights: Mapping[str, int]
    ) -> web.StreamResponse:
        group = self._choose_group(weights)
        target = self._means.rotation.choose(group) if group is not None else None
        if group is None or target is None:
            return self._refuse(listener, group, 503)
        fare = _Fare(request=request, listener=listener, group=group, target=target)
        began = time.perf_counter()
        work = asyncio.ensure_future(self._carry(fare))
        try:
            with self._means.rotation.flight(target, work) as flight:
                try:
                    answer = await work
                except asyncio.CancelledError:
                    if not flight.is_cut:
                        raise
                    raise _Amiss(502) from None
        except _Amiss as amiss:
            return self._refuse(listener, group, amiss.status)
        seconds = time.perf_counter() - began
        self._means.access.count(listener.balancer, group.arn, target_code=answer.status, seconds=seconds)
        return answer

    def _choose_group(self, weights: Mapping[str, int]) -> TargetGroup | None:
        known = self._means.configuration().groups
        chosen = {arn: weight for arn, weight in weights.items() if weight > 0 and arn in known}
        if not chosen:
            return None
        (arn,) = self._means.rng.choices(list(chosen), list(chosen.values())) if len(chosen) > 1 else chosen
        return known[arn]

    async def _carry(self, fare: _Fare) -> web.StreamResponse:
        if fare.group.target_type == "lambda":
            return await self._ask_function(fare)
        target_id, port = fare.target.key
        place = self._means.places.find(fare.group, target_id, port or 0)
        match place.conduct:
            case "real":
                return await self._ask(fare, place)
            case "hang":
                await asyncio.sleep(self._idle_seconds(fare.listener))
                raise _Amiss(504)
            case "refuse":
                raise _Amiss(502)
        await fare.request.read()
        return web.Response(status=place.status, text=f"{place.task_id}\n")

    async def _ask(self, fare: _Fare, place: Place) -> web.StreamResponse:
        request, scheme = fare.request, (fare.group.protocol or "HTTP").lower()
        idle = self._idle_seconds(fare.listener)
        try:
            async with self._http().request(
                request.method,
                URL(f"{scheme}://{place.host}:{place.port}{request.raw_path}", encoded=True),
                headers=_forwarded(request, fare.listener),
                data=request.content if request.body_exists else None,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=idle),
            ) as answer:
                return await _pass_on(request, answer)
        except TimeoutError:
            raise _Amiss(504) from None
        except (aiohttp.ClientError, OSError):
            raise _Amiss(502) from None

    async def _ask_function(self, fare: _Fare) -> web.StreamResponse:
        body = await fare.request.read()
        try:
            text, is_binary = body.decode(), False
        except UnicodeDecodeError:
            text, is_binary = base64.b64encode(body).decode(), True
        event = {
            "httpMethod": fare.request.method,
            "path": fare.request.path,
            "queryStringParameters": dict(fare.request.query),
            "headers": {name.lower(): value for name, value in _forwarded(fare.request, fare.listener).items()},
            "body": text,
            "isBase64Encoded": is_binary,
        }
        said = await self._means.functions.ask(fare.group, fare.target.key[0], event)
        if said.status == 502:
            raise _Amiss(502)
        return web.Response(status=said.status, headers=CIMultiDict(said.headers), body=said.body)

    # --- the load balancer's own answers ----------------------------------------------------------------------------

    def _refuse(self, listener: Listener, group: TargetGroup | None, status: int) -> web.Response:
        self._means.access.count(listener.balancer, group.arn if group else None, balancer_code=status)
        return self._own(status)

    def _own(self, status: int) -> web.Response:
        text = _TEXTS[status]
        page = (
            f"<html>\r\n<head><title>{text}</title></head>\r\n<body><center><h1>{text}</h1></center></body>\r\n</html>"
        )
        return web.Response(status=status, text=page, content_type="text/html", headers=_SERVER)

    def _idle_seconds(self, listener: Listener) -> float:
        balancer = self._means.configuration().balancers.get(listener.balancer)
        return float(balancer.attributes.get("idle_timeout.timeout_seconds", _IDLE_SECONDS)) if balancer else 1.0

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=False, keepalive_timeout=_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_NOT_OURS,
            )
            self._session._retry_connection = False  # noqa: SLF001 - a load balancer retries nothing, aiohttp does
        return self._session


async def _pass_on(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """The target's answer, as it comes; one that breaks off breaks off for the client too."""
    headers = _without_hops(answer.headers)
    if answer.content_length is not None and answer.content_length < 65536:
        body = await answer.read()
        if request.method == "HEAD":
            headers["Content-Length"] = str(answer.content_length)
        return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=body or None)
    passed = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await passed.prepare(request)
    try:
        async for part in answer.content.iter_any():
            await passed.write(part)
    except (aiohttp.ClientError, OSError, asyncio.CancelledError):
        if request.transport is not None:
            request.transport.abort()
        raise
    await passed.write_eof()
    return passed


def _seen(request: web.BaseRequest) -> matching.Request:
    return matching.Request(
        method=request.method,
        host=request.headers.get("Host", ""),
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        source=request.remote or "127.0.0.1",
        headers=tuple((name.lower(), value) for name, value in request.headers.items()),
        pairs=tuple(request.query.items()),
    )


def _forwarded(request: web.BaseRequest, listener: Listener) -> CIMultiDict[str]:
    headers = _without_hops(request.headers)
    source = request.remote or "127.0.0.1"
    before = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{before}, {source}" if before else source
    headers["X-Forwarded-Proto"] = listener.protocol.lower()
    headers["X-Forwarded-Port"] = str(listener.port)
    headers.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}")
    return headers


def _without_hops(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)
