"""Which rule of a listener a request meets, and what a redirect makes of it. Pure functions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network

from headcount_sandbox.world.elb.configuration import Condition, Redirect, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What rules look at; names of headers in lower case."""

    method: str
    host: str
    path: str
    query: str
    source: str
    headers: tuple[tuple[str, str], ...]
    pairs: tuple[tuple[str, str], ...]

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


def rule_for(request: Request, rules: Iterable[Rule]) -> Rule | None:
    """The first rule all of whose conditions hold; rules come in the order of their priority."""
    return next((rule for rule in rules if all(_holds(one, request) for one in rule.conditions)), None)


def _holds(condition: Condition, request: Request) -> bool:
    match condition.field:
        case "host-header":
            return _any(condition.values, [request.host.partition(":")[0]], ignore_case=True)
        case "path-pattern":
            return _any(condition.values, [request.path])
        case "http-request-method":
            return request.method in condition.values
        case "http-header":
            return _any(condition.values, request.header(condition.name), ignore_case=True)
        case "source-ip":
            return any(ip_address(request.source) in ip_network(cidr, strict=False) for cidr in condition.values)
        case "query-string":
            return any(_has_pair(key, value, request) for key, value in condition.pairs)
    return False


def _has_pair(key: str | None, value: str, request: Request) -> bool:
    return any(
        (key is None or like(key, name, ignore_case=True)) and like(value, found, ignore_case=True)
        for name, found in request.pairs
    )


def _any(patterns: Iterable[str], texts: Iterable[str], *, ignore_case: bool = False) -> bool:
    found = list(texts)
    return any(like(pattern, text, ignore_case=ignore_case) for pattern in patterns for text in found)


def like(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """AWS's wildcards: `*` is any characters, `?` exactly one."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


@cache
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    wild = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(wild, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)


def location(redirect: Redirect, request: Request, *, protocol: str, port: int) -> str:
    """Where a redirect sends a request."""
    known = {
        "protocol": protocol.lower(),
        "host": request.host.partition(":")[0],
        "port": str(port),
        "path": request.path.removeprefix("/"),
        "query": request.query,
    }

    def fill(text: str) -> str:
        return re.sub(r"#\{(\w+)\}", lambda found: known.get(found[1], found[0]), text)

    scheme, at = fill(redirect.protocol).lower(), fill(redirect.port)
    usual = {"http": "80", "https": "443"}.get(scheme) == at
    query = fill(redirect.query)
    where = f"{scheme}://{fill(redirect.host)}{'' if usual else f':{at}'}{fill(redirect.path)}"
    return f"{where}?{query}" if query else where


def is_expected(matcher: str, code: int) -> bool:
    """Whether a matcher (`200`, `200,202`, `200-399`) names a code."""
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= code <= int(high or low):
            return True
    return False
