"""Elastic Load Balancing at work: what is configured, who is registered, who is well, and who gets the traffic.

API threads change registrations and take a new picture of the configuration after each call that changed it; checks and
traffic run on a loop of their own and look at both.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from headcount_sandbox.world.elb.access import Access
from headcount_sandbox.world.elb.configuration import Configuration, Listener, TargetGroup
from headcount_sandbox.world.elb.functions import FunctionTargets
from headcount_sandbox.world.elb.http_listener import Means
from headcount_sandbox.world.elb.listeners import HOST, Listeners
from headcount_sandbox.world.elb.loop import Loop
from headcount_sandbox.world.elb.places import Inhabitants, Places
from headcount_sandbox.world.elb.probing import Prober
from headcount_sandbox.world.elb.rotation import Rotation
from headcount_sandbox.world.elb.targets import NOT_IN_USE, Key, Registry, Target
from headcount_sandbox.world.functions import Invoke

_DELAY = "deregistration_delay.timeout_seconds"
_CUT_AFTER_DELAY = "deregistration_delay.connection_termination.enabled"
_MARGIN = 0.01  # seconds after the delay, so that it is over for certain
_CUT_WHEN_UNHEALTHY = "target_health_state.unhealthy.connection_termination.enabled"


class LoadBalancing:
    """The load balancers of a world; `take_picture` says what is configured."""

    def __init__(
        self,
        *,
        take_picture: Callable[[], Configuration],
        inhabitants: Inhabitants,
        invoke: Callable[[], Invoke],
        seed: int | None,
        check_scale: float,
        on_open: Callable[[dict[str, Any]], None],
    ) -> None:
        self._take_picture = take_picture
        self._on_open = on_open
        self._refreshing = threading.RLock()
        self._loop = Loop()
        self._functions = FunctionTargets(invoke)
        self.configuration = Configuration()
        self.registry = Registry()
        self.access = Access()
        self._rotation = Rotation(self.registry)
        places = Places(inhabitants, self.port_of_balancer)
        self._prober = Prober(
            self.registry,
            places=places,
            functions=self._functions,
            configuration=lambda: self.configuration,
            scale=check_scale,
            on_unhealthy=self._became_unhealthy,
        )
        self._listeners = Listeners(
            Means(
                configuration=lambda: self.configuration,
                rotation=self._rotation,
                places=places,
                functions=self._functions,
                access=self.access,
                rng=random.Random(seed),
            )
        )

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        """Closes every listener and ends every check."""
        if self._loop.is_running:
            self._loop.run(self._listeners.close())
            self._loop.run(self._prober.close())
        self._loop.stop()
        self._functions.close()

    # --- configuration ----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Something was configured: opens and closes listeners, and begins or ends checks, before it returns."""
        with self._refreshing:
            before, now = self.configuration, self._take_picture()
            self.configuration = now
            for arn in before.groups.keys() - now.groups.keys():
                self.registry.forget(arn)
            for arn in now.users.keys() - before.users.keys():
                self.registry.restart(arn)
            if now.listeners != before.listeners:
                self._loop.run(self._listeners.follow(now))
                for arn in now.listeners.keys() - before.listeners.keys():
                    self._on_open(self._describe_listener(now.listeners[arn]))
            if now.users.keys() != before.users.keys() or now.groups.keys() != before.groups.keys():
                self._loop.run(self._prober.look_round())

    def port_of(self, listener_arn: str) -> int | None:
        """The port of 127.0.0.1 at which a listener is reached."""
        return self._listeners.port_of(listener_arn)

    def port_of_balancer(self, balancer_arn: str, port: int) -> int | None:
        """The same for the listener that a load balancer has at a port."""
        for listener in self.configuration.listeners.values():
            if (listener.balancer, listener.port) == (balancer_arn, port):
                return self.port_of(listener.arn)
        return None

    def url_of(self, listener: Listener) -> str | None:
        """Where to send traffic."""
        port = self.port_of(listener.arn)
        scheme = {"HTTP": "http", "HTTPS": "https"}.get(listener.protocol, "tcp")
        return None if port is None else f"{scheme}://{HOST}:{port}"

    # --- registrations ----------------------------------------------------------------------------------------------

    def register(self, group: TargetGroup, wanted: Sequence[tuple[Key, str | None]]) -> None:
        """Puts targets into rotation, once they have passed a check."""
        keys = {key for key, _ in wanted}
        back = [target for target in self.registry.of(group.arn) if target.is_draining and target.key in keys]
        self.registry.register(group.arn, wanted)
        self._loop.begin(self._prober.begin_anew(back))

    def deregister(self, group: TargetGroup, keys: Sequence[Key]) -> None:
        """Takes targets out of rotation; what they are doing they may do until the delay is over."""
        is_in_use = group.arn in self.configuration.users and group.target_type != "lambda"
        delay = group.seconds(_DELAY, 300) if is_in_use else 0.0
        leaving = self.registry.deregister(group.arn, keys, delay)
        if group.is_application or group.is_on(_CUT_AFTER_DELAY, otherwise=False):
            for target in leaving:
                until = target.draining_until or 0.0
                self._loop.later(until - time.monotonic() + _MARGIN, partial(self._cut_if_gone, group, target))
        self._loop.begin(self._prober.look_round())

    def health(self, group: TargetGroup, target: Target) -> tuple[str, str | None, str | None]:
        """State, reason code and description of a target, as DescribeTargetHealth says them."""
        if group.arn not in self.configuration.users and not target.is_draining:
            return "unused", *NOT_IN_USE
        return target.state, target.reason, target.description

    def _cut_if_gone(self, group: TargetGroup, target: Target) -> None:
        if self.registry.get(group.arn, target.key) is not target:
            self._rotation.cut(target)

    def _became_unhealthy(self, group: TargetGroup, target: Target) -> None:
        if not group.is_application and group.is_on(_CUT_WHEN_UNHEALTHY, otherwise=True):
            self._rotation.cut(target)

    # --- looking ----------------------------------------------------------------------------------------------------

    def describe_listeners(self) -> list[dict[str, Any]]:
        """Every listener with its address on this machine and what it answered so far."""
        listeners = self.configuration.listeners.values()
        return [{**self._describe_listener(one), **self._counts(one.balancer)} for one in listeners]

    def describe_groups(self) -> list[dict[str, Any]]:
        """Every target group with its targets and their health."""
        return [
            {
                "targetGroupArn": group.arn,
                "name": group.name,
                "loadBalancers": list(self.configuration.users.get(group.arn, ())),
                "targets": [self._describe(group, target) for target in self.registry.of(group.arn)],
            }
            for group in self.configuration.groups.values()
        ]

    def _describe_listener(self, listener: Listener) -> dict[str, Any]:
        balancer = self.configuration.balancers.get(listener.balancer)
        return {
            "listenerArn": listener.arn,
            "loadBalancer": balancer.name if balancer else None,
            "protocol": listener.protocol,
            "port": listener.port,
            "url": self.url_of(listener),
        }

    def _describe(self, group: TargetGroup, target: Target) -> Mapping[str, Any]:
        state, reason, description = self.health(group, target)
        target_id, port = target.key
        return {"id": target_id, "port": port, "state": state, "reason": reason, "description": description}

    def _counts(self, balancer: str) -> Mapping[str, Any]:
        tally = self.access.total(balancer)
        return {
            "requests": tally.requests,
            "targetAnswers": {str(code): count for code, count in sorted(tally.target_codes.items())},
            "ownAnswers": {str(code): count for code, count in sorted(tally.balancer_codes.items())},
        }
