"""Records that the version before wrote are read as what they meant."""

from typing import Any

import msgspec
import pytest

from builders import a_declared_service
from headcount.aws import records, service_records
from headcount.model.manifest import CapacitySource

SINCE = (
    *("sources", "fallback", "capacity_return", "maximum_age", "zone_rebalancing", "strict_zone_spread"),
    "inline_task_definition",
)


def written_before(**manifest: Any) -> dict[str, Any]:
    document = msgspec.json.decode(msgspec.json.encode(a_declared_service()))
    kept = {name: value for name, value in document["manifest"].items() if name not in SINCE}
    document["manifest"] = {**kept, **manifest}
    for name in ("network_mode", "registered", "previous"):
        del document[name]
    return {"doc": {"S": msgspec.json.encode(document).decode()}}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"launch_type": "FARGATE", "capacity_provider": None}, CapacitySource(launch_type="FARGATE")),
        ({"launch_type": None, "capacity_provider": "FARGATE_SPOT"}, CapacitySource(capacity_provider="FARGATE_SPOT")),
    ],
)
def test_a_service_stays_on_the_capacity_that_it_was_declared_with(said: Any, meant: CapacitySource) -> None:
    declared = service_records.read_declared(written_before(**said))
    assert declared is not None
    assert declared.manifest.sources == (meant,)
    assert (declared.network_mode, declared.registered, declared.previous) == ("awsvpc", (), None)


def test_what_is_written_today_is_read_back_as_it_is() -> None:
    declared = a_declared_service()
    assert service_records.read_declared({"doc": records.document(declared)}) == declared
