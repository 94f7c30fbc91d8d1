"""A network load balancer's listener: connections are passed on to targets, byte for byte.

A connection outlives its target's deregistration delay unless the group's attribute
`deregistration_delay.connection_termination.enabled` is true; when a target becomes unhealthy its connections end,
unless `target_health_state.unhealthy.connection_termination.enabled` is false.
"""

import asyncio
import contextlib

from headcount_sandbox.world.elb.configuration import Forward, Listener, TargetGroup
from headcount_sandbox.world.elb.http_listener import Means

_CONNECT_SECONDS = 10.0
_CHUNK = 65536


class TcpHandler:
    """Passes on the connections of every network load balancer."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def answer(self, listener_arn: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both sides are done with it."""
        try:
            listener = self._means.configuration().listeners.get(listener_arn)
            if listener is not None:
                await self._carry(listener, reader, writer)
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _carry(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        group = self._group(listener)
        target = None if group is None else self._means.rotation.choose(group)
        if group is None or target is None:
            writer.transport.abort()
            return
        target_id, port = target.key
        place = self._means.places.find(group, target_id, port or 0)
        self._means.access.count(listener.balancer, group.arn)
        if place.conduct == "hang":
            await reader.read()
        if place.conduct != "real":
            writer.transport.abort()
            return
        async with asyncio.timeout(_CONNECT_SECONDS):
            there, back = await asyncio.open_connection(place.host, place.port)
        work = asyncio.ensure_future(_both_ways((reader, back), (there, writer)))
        with self._means.rotation.flight(target, work) as flight:
            try:
                await work
            except asyncio.CancelledError:
                writer.transport.abort()
                if not flight.is_cut:
                    raise
            finally:
                back.close()

    def _group(self, listener: Listener) -> TargetGroup | None:
        action = listener.rules[-1].action
        if not isinstance(action, Forward):
            return None
        return next((self._means.configuration().groups.get(arn) for arn in action.weights), None)


Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(forth: Way, back: Way) -> None:
    async with asyncio.TaskGroup() as both:
        both.create_task(_one_way(*forth))
        both.create_task(_one_way(*back))


async def _one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side has nothing more to say; a broken connection is broken for the other side too."""
    try:
        while part := await reader.read(_CHUNK):
            writer.write(part)
            await writer.drain()
        with contextlib.suppress(OSError):  # it has hung up already
            writer.write_eof()
    except OSError:
        writer.transport.abort()
