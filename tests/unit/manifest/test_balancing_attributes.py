"""Attributes of target groups and load balancers: those that AWS has, for what it has them, within their bounds."""

import re
from typing import Any

import botocore.session
import pytest

from headcount.model.manifest_balancing_attributes import OF_LOAD_BALANCERS, OF_TARGET_GROUPS, Attribute
from unit.manifest.balancing_of import (
    a_balancer,
    a_network_balancer,
    attributes,
    with_balancers,
    with_function,
    with_group,
)
from unit.manifest.documents_of import manifest_of, the_problem_of

MODEL = botocore.session.get_session().get_service_model("elbv2")
KEY = re.compile(r"<code>([a-z0-9_]+(?:\.[a-z0-9_]+)+)</code>")
ALL = frozenset({"application", "network"})
# The sentences of AWS's text that say for what the attributes below them are, in their order.
OF_GROUPS = [
    ("supported by all load balancers", ALL),
    ("supported by Application Load Balancers and Network Load Balancers", ALL),
    ("and the target is an instance or an IP address", frozenset({"application"})),
    ("and the target is a Lambda function", frozenset({"lambda"})),
    ("supported only by Network Load Balancers", frozenset({"network"})),
    ("supported only by Gateway Load Balancers", frozenset()),
]
OF_BALANCERS = [
    ("supported by all load balancers", ALL),
    ("supported by both Application Load Balancers and Network Load Balancers", ALL),
    ("supported by only Application Load Balancers", frozenset({"application"})),
    ("supported by only Network Load Balancers", frozenset({"network"})),
]


def in_the_model(shape: str, sections: list[tuple[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """Every attribute that AWS's text names first in a list item, and for what it is."""
    text = re.sub(r"\s+", " ", MODEL.shape_for(shape).members["Key"].documentation)
    places = [text.index(words) for words, _ in sections]
    assert places == sorted(places)
    found = {}
    for (_, owners), begin, end in zip(sections, places, [*places[1:], len(text)], strict=True):
        for item in text[begin:end].split("<li>")[1:]:
            if key := KEY.match(item.lstrip().removeprefix("<p>").lstrip()):
                found[key[1]] = owners
    return {key: owners for key, owners in found.items() if owners}


@pytest.mark.parametrize(
    ("shape", "sections", "table"),
    [
        ("TargetGroupAttribute", OF_GROUPS, OF_TARGET_GROUPS),
        ("LoadBalancerAttribute", OF_BALANCERS, OF_LOAD_BALANCERS),
    ],
)
def test_the_attributes_are_those_of_awss_text(
    shape: str, sections: list[tuple[str, frozenset[str]]], table: dict[str, Attribute]
):
    assert {key: attribute.owners for key, attribute in table.items()} == in_the_model(shape, sections)


# -- target groups ----------------------------------------------------------------------------------------------------


def group(protocol: str = "HTTP", **values: str) -> dict[str, Any]:
    return with_group(protocol=protocol, targetGroupAttributes=attributes(**values))


@pytest.mark.parametrize(
    ("protocol", "values"),
    [
        *[("HTTP", {"deregistration_delay__timeout_seconds": seconds}) for seconds in ("0", "5", "3600")],
        *[("HTTPS", {"slow_start__duration_seconds": seconds}) for seconds in ("0", "30", "900")],
        ("HTTP", {"stickiness__enabled": "true", "stickiness__type": "lb_cookie"}),
        ("HTTP", {"stickiness__type": "app_cookie", "stickiness__app_cookie__cookie_name": "SESSION"}),
        ("TCP", {"stickiness__enabled": "true", "stickiness__type": "source_ip"}),
        (
            "HTTP",
            {
                "load_balancing__algorithm__type": "weighted_random",
                "load_balancing__algorithm__anomaly_mitigation": "on",
            },
        ),
        *[
            ("TLS", {"target_group_health__dns_failover__minimum_healthy_targets__count": count})
            for count in ("off", "1", "1000")
        ],
        *[
            ("UDP", {"target_group_health__unhealthy_state_routing__minimum_healthy_targets__percentage": percent})
            for percent in ("off", "1", "100")
        ],
        (
            "TCP",
            {
                "target_health_state__unhealthy__connection_termination__enabled": "false",
                "target_health_state__unhealthy__draining_interval_seconds": "360000",
            },
        ),
        ("UDP", {"preserve_client_ip__enabled": "true"}),
        ("TCP_UDP", {"deregistration_delay__connection_termination__enabled": "true"}),
    ],
)
def test_accepted(protocol: str, values: dict[str, str]):
    (one,) = manifest_of(group(protocol, **values)).load_balancers
    assert one.attributes == {key.replace("__", "."): value for key, value in values.items()}


@pytest.mark.parametrize(
    ("protocol", "values", "words"),
    [
        ("HTTP", {"deregistration_delay__timeout_seconds": "3601"}, "from 0 to 3600"),
        ("HTTP", {"deregistration_delay__timeout_seconds": "5s"}, "from 0 to 3600"),
        ("HTTP", {"slow_start__duration_seconds": "29"}, "0 or a whole number from 30 to 900"),
        ("HTTP", {"slow_start__duration_seconds": "901"}, "0 or a whole number from 30 to 900"),
        ("HTTP", {"stickiness__enabled": "yes"}, "must be one of true, false"),
        ("HTTP", {"stickiness__type": "source_ip"}, "lb_cookie or app_cookie for an application load balancer"),
        ("TCP", {"stickiness__type": "lb_cookie"}, "must be source_ip for a network load balancer"),
        ("HTTP", {"stickiness__type": "app_cookie"}, "needs stickiness.app_cookie.cookie_name"),
        ("HTTP", {"stickiness__app_cookie__cookie_name": "AWSALB1"}, "not beginning with AWSALB"),
        ("HTTP", {"stickiness__lb_cookie__duration_seconds": "604801"}, "from 1 to 604800"),
        ("HTTP", {"load_balancing__algorithm__type": "random"}, "must be one of round_robin"),
        ("HTTP", {"load_balancing__algorithm__anomaly_mitigation": "on"}, "only weighted_random has it"),
        ("HTTP", {"load_balancing__cross_zone__enabled": "off"}, "use_load_balancer_configuration"),
        (
            "TCP",
            {"target_health_state__unhealthy__draining_interval_seconds": "10"},
            "must be 0 unless target_health_state.unhealthy.connection_termination.enabled is false",
        ),
        ("UDP", {"preserve_client_ip__enabled": "false"}, "must be true: the target group's protocol is UDP"),
        (
            "TCP_UDP",
            {"target_health_state__unhealthy__connection_termination__enabled": "true"},
            "must be false: the target group's protocol is TCP_UDP",
        ),
        ("TLS", {"stickiness__enabled": "true"}, "never sticky"),
    ],
)
def test_values_and_combinations(protocol: str, values: dict[str, str], words: str):
    problem = the_problem_of(group(protocol, **values))
    assert problem.path == "loadBalancers[0].targetGroup.targetGroupAttributes[0].value"
    assert problem.value == next(iter(values.values()))
    assert words in problem.message


def test_slow_start_needs_round_robin():
    values = {
        "slow_start__duration_seconds": "60",
        "load_balancing__algorithm__type": "least_outstanding_requests",
    }
    assert "must be 0 with load_balancing.algorithm.type least_outstanding" in the_problem_of(group(**values)).message


@pytest.mark.parametrize(
    ("protocol", "key", "words"),
    [
        ("HTTP", "deregistration_delay.timeout_second", "did you mean deregistration_delay.timeout_seconds?"),
        ("HTTP", "stickyness.enabled", "did you mean stickiness.enabled?"),
        ("HTTP", "x", "it has deregistration_delay.timeout_seconds, "),
        (
            "HTTP",
            "deregistration_delay.connection_termination.enabled",
            "only those for a network load balancer have it",
        ),
        ("TCP", "slow_start.duration_seconds", "only those for an application load balancer have it"),
        ("TCP", "lambda.multi_value_headers.enabled", "only those of a function have it"),
        ("TCP", "target_failover.on_unhealthy", "is no attribute of a target group for a network load balancer"),
    ],
)
def test_unknown_ones_are_refused_with_the_nearest_that_is_known(protocol: str, key: str, words: str):
    problem = the_problem_of(with_group(protocol=protocol, targetGroupAttributes=[{"key": key, "value": "1"}]))
    assert (problem.path, problem.value) == ("loadBalancers[0].targetGroup.targetGroupAttributes[0].key", key)
    assert words in problem.message


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ([{"key": "stickiness.enabled"}], "[0].value"),
        ([{"value": "true"}], "[0].key"),
        ([{"key": "stickiness.enabled", "value": True}], "[0].value"),
        ([{"key": "Stickiness", "value": "a"}], "[0].key"),
        (attributes(stickiness__enabled="true") * 2, "[1]"),
        ({"stickiness.enabled": "true"}, ""),
    ],
)
def test_what_is_no_attribute(given: object, path: str):
    problem = the_problem_of(with_group(targetGroupAttributes=given))
    assert problem.path == f"loadBalancers[0].targetGroup.targetGroupAttributes{path}"


@pytest.mark.parametrize("key", ["deregistration_delay.timeout_seconds", "stickiness.enabled"])
def test_functions_have_one_attribute(key: str):
    problem = the_problem_of(with_function(targetGroupAttributes=[{"key": key, "value": "1"}]))
    assert problem.path == "functionTargets[0].targetGroup.targetGroupAttributes[0].key"
    assert "is no attribute of a target group of a function" in problem.message


# -- load balancers ---------------------------------------------------------------------------------------------------


def test_attributes_of_load_balancers():
    document = with_balancers(
        a_balancer(
            loadBalancerAttributes=attributes(idle_timeout__timeout_seconds="120", deletion_protection__enabled="true")
        )
    )
    (one,) = manifest_of(document).elastic_load_balancers
    assert one.attributes == {"idle_timeout.timeout_seconds": "120", "deletion_protection.enabled": "true"}


@pytest.mark.parametrize(
    ("balancer", "values", "path", "words"),
    [
        (a_balancer, {"idle_timeout__timeout_seconds": "4001"}, "value", "from 1 to 4000"),
        (a_balancer, {"load_balancing__cross_zone__enabled": "false"}, "value", "must be true"),
        (a_balancer, {"dns_record__client_routing_policy": "any_availability_zone"}, "key", "network load balancer"),
        (a_balancer, {"access_logs__s3__enabled": "true"}, "value", "needs access_logs.s3.bucket"),
        (a_balancer, {"access_logs__s3__bucket": "A_B"}, "value", "the name of an S3 bucket"),
        (a_balancer, {"idle_timeout__seconds": "1"}, "key", "did you mean idle_timeout.timeout_seconds?"),
        (a_network_balancer, {"routing__http2__enabled": "true"}, "key", "only those for an application"),
        (a_network_balancer, {"secondary_ips__auto_assigned__per_subnet": "8"}, "value", "from 0 to 7"),
    ],
)
def test_attributes_that_load_balancers_do_not_have(balancer: Any, values: dict[str, str], path: str, words: str):
    problem = the_problem_of(with_balancers(balancer(loadBalancerAttributes=attributes(**values))))
    assert problem.path == f"elasticLoadBalancers[0].loadBalancerAttributes[0].{path}"
    assert words in problem.message
