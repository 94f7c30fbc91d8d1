"""The clients of AWS's APIs, made by botocore, each once a process."""

from functools import cache, lru_cache
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config

LAMBDA_CLIENTS = 32  # one for each patience; where time is short it is any number of seconds


def leave_times_as_numbers() -> None:
    """Times that AWS sends as numbers stay numbers: making datetimes of them is half of reading a ``DescribeTasks``.

    An audit of 20,000 tasks reads a hundred thousand of them, each minute (``make bench``: bill).
    """
    from botocore.utils import parse_timestamp  # noqa: PLC0415  only the audit needs it: cold starts

    session().get_component("response_parser_factory").set_parser_defaults(
        timestamp_parser=lambda value: float(value) if isinstance(value, int | float) else parse_timestamp(value)
    )


@cache
def session() -> botocore.session.Session:
    """botocore's, which makes the clients that boto3 hands out: a tenth less of a cold start than boto3."""
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """A client that gives up early: a pass has seconds, and a later pass tries again.

    ECS is asked once: Headcount's own tokens and recorded stops make a later pass the better retry.
    """
    patience = (
        Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})
        if service == "ecs"
        else Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    )
    return session().create_client(service, config=patience)


_one_at_a_time = Lock()  # a session makes one client at a time, and several threads may ask for one


@lru_cache(maxsize=LAMBDA_CLIENTS)
def lambda_for(seconds: float) -> Any:
    """Lambda, for invocations that are waited for so long and tried once: a user's function may take a while."""
    once = Config(connect_timeout=1, read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 1})
    with _one_at_a_time:
        return session().create_client("lambda", config=once)


class Later:
    """A client that is made when something is first asked of it: most passes have nothing to ask."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        with _one_at_a_time:
            return getattr(client(self._service), name)
