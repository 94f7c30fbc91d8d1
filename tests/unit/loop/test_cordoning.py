"""Zones that are closed to a cluster: recorded once, told to every service, and found in every answer."""

import pytest

from headcount.errors import Poisoned
from headcount.model.service import ClusterWishes

from .asking import Asking

ZONES = {"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b", "subnet-c": "eu-west-1c"}
DAY = 86_400


@pytest.fixture
def asking():
    """Two services in two zones, in one of two clusters."""
    asking = Asking(clusters=("prod", "staging"))
    asking.controller.registry.zone_of_subnet = ZONES
    asking.apply()
    asking.apply(serviceName="api", desiredCount=1)
    return asking


def _cordon(asking, zone="eu-west-1a", **fields):
    return asking.result("cordon", cluster="prod", zone=zone, **fields)


def _wishes(asking):
    return asking.loop.store.cluster_wishes("prod")[0]


def test_a_cordon_says_who_when_and_why(asking):
    result = _cordon(asking, evacuate=True, untilSeconds=DAY, reason="power")
    (one,) = result["cordons"]
    assert (one["zone"], one["evacuate"], one["by"], one["reason"]) == ("eu-west-1a", True, "alice", "power")
    (cordon,) = _wishes(asking).cordons
    assert cordon.until == cordon.at + DAY
    (event,) = asking.result("events", cluster="prod")["events"]
    assert event["reason"].startswith("cordon eu-west-1a and evacuate it until ")
    assert (event["reason"].endswith(": power"), event["kind"], event["by"]) == (True, "control", "alice")


def test_every_service_of_the_cluster_is_kicked_before_the_answer(asking):
    asking.apply(cluster="staging")
    sent = len(asking.loop.kicks.sent)
    assert _cordon(asking)["services"] == 2
    kicked = [(message.service, message.cause) for message in asking.loop.kicks.sent[sent:]]
    assert kicked == [("prod/api", "cordon"), ("prod/web", "cordon")]
    asking.loop.kicks.refuse_next = 1
    error = asking.error("cordon", cluster="prod", zone="eu-west-1b")
    assert error["type"] == "Unavailable"
    sent = len(asking.loop.kicks.sent)
    assert len(_cordon(asking, "eu-west-1b")["cordons"]) == 2, "it was recorded; asking again kicks again"
    assert len(asking.loop.kicks.sent) == sent + 2


def test_a_cordon_twice_is_one_cordon_since_the_first_time(asking):
    first = _cordon(asking)["cordons"]
    history = asking.result("events", cluster="prod")["events"]
    assert _cordon(asking)["cordons"] == first
    assert asking.result("events", cluster="prod")["events"] == history
    (changed,) = _cordon(asking, evacuate=True)["cordons"]
    assert (changed["evacuate"], changed["since"]) == (True, first[0]["since"])


def test_uncordon_opens_the_zone_again(asking):
    _cordon(asking)
    _cordon(asking, "eu-west-1b")
    result = asking.result("uncordon", cluster="prod", zone="eu-west-1a", reason="power is back")
    assert ([one["zone"] for one in result["cordons"]], result["wasCordoned"]) == (["eu-west-1b"], True)
    assert asking.result("events", cluster="prod")["events"][0]["reason"] == "uncordon eu-west-1a: power is back"
    history = asking.result("events", cluster="prod")["events"]
    assert asking.result("uncordon", cluster="prod", zone="eu-west-1a")["wasCordoned"] is False
    assert asking.result("events", cluster="prod")["events"] == history


def test_a_cordon_ends_by_itself(asking):
    _cordon(asking, untilSeconds=60)
    asking.loop.clock.advance(60)
    assert asking.result("cordons", cluster="prod")["clusters"] == [{"cluster": "prod", "cordons": []}]
    assert asking.result("describe", service="prod/web")["cordons"] == []
    _cordon(asking, "eu-west-1b")
    assert [one.zone for one in _wishes(asking).cordons] == ["eu-west-1b"], "it leaves the record at the next write"


def test_cordons_are_told_by_cluster_and_by_service(asking):
    cordons = _cordon(asking)["cordons"]
    assert asking.result("cordons")["clusters"] == [
        {"cluster": "prod", "cordons": cordons},
        {"cluster": "staging", "cordons": []},
    ]
    assert asking.result("describe", service="prod/web")["cordons"] == cordons
    assert any("eu-west-1a is cordoned since" in said for said in asking.result("why", target="prod/web")["now"])


def test_services_that_have_no_zone_left_are_named(asking):
    assert _cordon(asking)["warnings"] == []
    said = _cordon(asking, "eu-west-1b")["warnings"]
    assert said == ["no task starts any more for prod/api, prod/web: all their zones are cordoned"]
    said = asking.result("scale", service="prod/web", desiredCount=4)["warnings"]
    assert said == [
        "every zone of the service is cordoned (eu-west-1a, eu-west-1b): no task starts until one is uncordoned"
    ]


def test_a_zone_that_no_service_uses_may_be_misspelt(asking):
    assert _cordon(asking, "eu-west-1c")["warnings"] == [
        "no service of the cluster uses eu-west-1c; they use eu-west-1a, eu-west-1b"
    ]


def test_a_broken_record_of_one_service_does_not_keep_a_zone_open(asking):
    def unreadable(_):
        raise Poisoned("a record of service prod/api cannot be read")

    asking.loop.store.overview = unreadable
    result = _cordon(asking)
    assert (result["services"], len(result["cordons"])) == (2, 1)
    assert "cannot be read" in result["warnings"][0]


@pytest.mark.parametrize("zone", ["us-gov-west-1b", "us-west-2-lax-1a", "us-east-1-wl1-bos-wlz-1", "ap-southeast-3c"])
def test_every_kind_of_zone_has_a_name(asking, zone):
    assert [one["zone"] for one in _cordon(asking, zone)["cordons"]] == [zone]


@pytest.mark.parametrize("operation", ["cordon", "uncordon"])
@pytest.mark.parametrize(
    "zone", [None, "", "eu-west-1", "euw1-az1", "a", "EU-WEST-1A", ["eu-west-1a"], "eu-west-1a\n", "aa-b-1" + "-c" * 50]
)
def test_what_is_no_zone_is_refused_with_everything_else(asking, operation, zone):
    error = asking.error(operation, cluster="other", zone=zone, reason=7)
    assert error["type"] == "InvalidRequest"
    assert [problem["path"] for problem in error["problems"]] == ["reason", "cluster", "zone"]
    assert "prod, staging" in error["problems"][1]["message"]
    assert _wishes(asking) == ClusterWishes()


def test_of_two_who_cordon_the_second_is_told_to_try_again(asking):
    asking.race(lambda: _cordon(asking, "eu-west-1b"))
    assert asking.error("cordon", cluster="prod", zone="eu-west-1a")["type"] == "Conflict"
    assert [one.zone for one in _wishes(asking).cordons] == ["eu-west-1b"]


def test_events_are_of_a_service_or_of_a_cluster(asking):
    error = asking.error("events", service="prod/web", cluster="prod")
    assert error["problems"][0]["path"] == "cluster"
    assert asking.error("events")["problems"][0]["path"] == "service"
    assert asking.error("events", cluster="other")["problems"][0]["path"] == "cluster"
    assert asking.result("events", cluster="staging") == {"events": [], "next": None}
