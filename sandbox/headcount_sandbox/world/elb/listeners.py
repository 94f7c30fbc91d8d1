"""The listeners of load balancers as sockets on 127.0.0.1: their own port where it can be had, else any."""

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from headcount_sandbox.world.elb.configuration import Configuration, Listener
from headcount_sandbox.world.elb.http_listener import HttpHandler, Means
from headcount_sandbox.world.elb.tcp_listener import TcpHandler
from headcount_sandbox.world.elb.tls import server_context

HOST = "127.0.0.1"
_PRIVILEGED = 1024
_BACKLOG = 1024
_KEEP_ALIVE_SECONDS = 60.0
_TLS = frozenset({"HTTPS", "TLS"})
_UNSEEN = frozenset({"UDP", "TCP_UDP", "QUIC", "TCP_QUIC", "GENEVE"})  # have no connections that could be passed on


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """One listener that is open; `key` changes when it has to be opened anew."""

    key: tuple[int, str]
    port: int
    server: web.ServerRunner | asyncio.Server


class Listeners:
    """Opens and closes what the configuration says; lives on the loop, except for `port_of`."""

    def __init__(self, means: Means) -> None:
        self._http = HttpHandler(means)
        self._tcp = TcpHandler(means)
        self._open: dict[str, _Open] = {}
        self._tls: ssl.SSLContext | None = None

    def port_of(self, listener_arn: str) -> int | None:
        """The port on which a listener really listens."""
        found = self._open.get(listener_arn)
        return found.port if found else None

    async def follow(self, configuration: Configuration) -> None:
        """Makes what is open the same as what is configured."""
        wanted = {arn: one for arn, one in configuration.listeners.items() if one.protocol not in _UNSEEN}
        for arn, opened in tuple(self._open.items()):
            if arn not in wanted or _key(wanted[arn]) != opened.key:
                del self._open[arn]
                await _close(opened)
        for arn, listener in wanted.items():
            if arn not in self._open:
                self._open[arn] = await self._listen(listener)

    async def close(self) -> None:
        for opened in self._open.values():
            await _close(opened)
        self._open.clear()
        await self._http.close()

    async def _listen(self, listener: Listener) -> _Open:
        bound = _bind(listener.port)
        port = int(bound.getsockname()[1])
        tls = self._certificate() if listener.protocol in _TLS else None
        server: web.ServerRunner | asyncio.Server
        if listener.is_application:
            answering = web.Server(
                partial(self._http.answer, listener.arn),
                access_log=None,
                handler_cancellation=True,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
            )
            server = web.ServerRunner(answering, shutdown_timeout=0.1)
            await server.setup()
            await web.SockSite(server, bound, ssl_context=tls, backlog=_BACKLOG).start()
        else:
            server = await asyncio.start_server(
                partial(self._tcp.answer, listener.arn), sock=bound, ssl=tls, backlog=_BACKLOG
            )
        return _Open(key=_key(listener), port=port, server=server)

    def _certificate(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = server_context()
        return self._tls


def _key(listener: Listener) -> tuple[int, str]:
    return listener.port, listener.protocol


def _bind(port: int) -> socket.socket:
    """A listening port of this machine: the listener's own, if it is free and nobody needs to be root for it."""
    for candidate in (port, 0) if port > _PRIVILEGED else (0,):
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, candidate))
        except OSError as error:
            bound.close()
            if candidate == 0 or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return bound
    raise AssertionError("port 0 is always free")


async def _close(opened: _Open) -> None:
    if isinstance(opened.server, web.ServerRunner):
        await opened.server.cleanup()
    else:
        opened.server.close()
