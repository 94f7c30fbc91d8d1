"""Recursive loops: how often a chain of events has passed each function already, in the trace header that carries it.

AWS: "Lambda recursive loop detection". The Lambda runtime puts the header of an invocation into `_X_AMZN_TRACE_ID`, the
SDK sends it along with every call, SQS keeps it as `AWSTraceHeader`, and Lambda counts on: a function that has been
invoked sixteen times by one chain is not invoked again, unless its RecursiveLoop is `Allow`.
"""

import re
import time
import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

MOST_INVOCATIONS = 16
_LINEAGE = re.compile(r"(?:^|;)\s*Lineage=([^;]*)")
_PASSED = re.compile(r"1:([0-9a-f]{8}):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Lineage:
    """How often a chain of events has invoked each function, by a short hash of its ARN."""

    passed: Mapping[str, int] = field(default_factory=dict)

    def is_loop(self, function_arn: str) -> bool:
        """Whether the chain has invoked the function so often that it is not invoked again."""
        return self.passed.get(_hash(function_arn), 0) >= MOST_INVOCATIONS

    def through(self, function_arn: str) -> "Lineage":
        """The chain after one more invocation of the function."""
        name = _hash(function_arn)
        return Lineage({**self.passed, name: self.passed.get(name, 0) + 1})

    def trace_header(self) -> str:
        """A new trace that carries the chain."""
        trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
        passed = "|".join(f"1:{name}:{times}" for name, times in self.passed.items())
        return f"{trace};Lineage={passed}" if passed else trace


def lineage_of(trace_headers: Iterable[str | None]) -> Lineage:
    """The chain that trace headers tell of; several (a batch of messages) count as the longest among them."""
    passed: dict[str, int] = {}
    for header in trace_headers:
        found = _LINEAGE.search(header or "")
        for name, times in _PASSED.findall(unquote(found[1])) if found else ():  # SDKs write `|` as %7C
            passed[name] = max(passed.get(name, 0), int(times))
    return Lineage(passed)


def _hash(function_arn: str) -> str:
    return f"{zlib.crc32(function_arn.encode()):08x}"
