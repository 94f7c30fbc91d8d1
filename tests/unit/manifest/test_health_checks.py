"""The health check table: protocol by field by bound, against botocore's model and the reference of AWS's semantics."""

from typing import Any

import botocore.session
import pytest

from headcount.model.manifest_balancing_bounds import FUNCTION_TARGET_GROUP, TARGET_GROUP
from headcount.model.manifest_balancing_health import APPLICATION, NETWORK, TABLE, TRAFFIC_PORT, GroupKind
from headcount.model.problem import Problem
from unit.manifest.balancing_of import a_group, balanced, behind, with_function, with_group
from unit.manifest.documents_of import LEFT_OUT, manifest_of, problems_of, the_problem_of

MODEL = botocore.session.get_session().get_service_model("elbv2")
REQUEST = MODEL.shape_for("CreateTargetGroupInput")
OF_KIND: dict[str, dict[str, Any]] = {  # what a target group of each kind says
    "application": {"protocol": "HTTP"},
    "grpc": {"protocol": "HTTP", "protocolVersion": "GRPC"},
    "network": {"protocol": "TCP"},
}
ROWS = [(kind, protocol) for kind in OF_KIND for protocol in TABLE[kind]]
HTTP_FIELDS = {"healthCheckPath": "/up", "matcher": {"httpCode": "200"}}
BOUNDED = {  # AWS's reference: bounds of every check
    "healthCheckIntervalSeconds": (5, 300),
    "healthCheckTimeoutSeconds": (2, 120),
    "healthyThresholdCount": (2, 10),
    "unhealthyThresholdCount": (2, 10),
}


def checked(kind: str, protocol: str, **changes: Any) -> dict[str, Any]:
    """A document with a target group of a kind, and a health check by a protocol."""
    return with_group(**OF_KIND[kind], healthCheckProtocol=protocol, **changes)


def declared(document: dict[str, Any]) -> Any:
    (one,) = manifest_of(document).load_balancers
    return one.declared


def paths(problems: tuple[Problem, ...]) -> list[str]:
    return sorted(problem.path.removeprefix("loadBalancers[0].targetGroup.") for problem in problems)


# -- against botocore's model -----------------------------------------------------------------------------------------


def test_every_field_of_a_health_check_that_aws_has_is_in_the_table():
    of_checks = {
        name for name in REQUEST.members if name.startswith(("HealthCheck", "Healthy", "Unhealthy", "Matcher"))
    }
    in_table = {name for checks in TABLE.values() for check in checks.values() for name in check.defaults}
    in_table |= {"healthCheckEnabled", "healthCheckProtocol", "matcher"}
    assert {name[:1].lower() + name[1:] for name in of_checks} == in_table


def test_protocols_are_those_of_the_model_but_for_gateways_and_quic():
    known = set(REQUEST.members["Protocol"].enum) - {"GENEVE", "QUIC", "TCP_QUIC"}
    assert {*APPLICATION, *NETWORK} == known
    assert {protocol for checks in TABLE.values() for protocol in checks if protocol} <= known


def test_matchers_have_the_keys_of_the_model():
    keys = {check.codes.key for checks in TABLE.values() for check in checks.values() if check.codes}
    assert keys == {name[:1].lower() + name[1:] for name in MODEL.shape_for("Matcher").members}


@pytest.mark.parametrize("field", BOUNDED)
def test_bounds_are_those_of_the_model_and_of_the_reference(field: str):
    bounds = REQUEST.members[field[:1].upper() + field[1:]].metadata
    assert (bounds["min"], bounds["max"]) == BOUNDED[field]
    for kind in (TARGET_GROUP, FUNCTION_TARGET_GROUP):
        read = kind.kind.fields[field].read
        assert [bool(read("here", value).problems) for value in (bounds["min"] - 1, bounds["min"])] == [True, False]
        assert [bool(read("here", value).problems) for value in (bounds["max"], bounds["max"] + 1)] == [False, True]


@pytest.mark.parametrize("field", BOUNDED)
@pytest.mark.parametrize(("kind", "protocol"), ROWS)
def test_beyond_a_bound_the_error_names_field_value_and_what_is_allowed(kind: str, protocol: str, field: str):
    least, most = BOUNDED[field]
    for value in (least - 1, most + 1):
        problem = the_problem_of(checked(kind, protocol, **{field: value}))
        assert problem.path == f"loadBalancers[0].targetGroup.{field}"
        assert problem.value == value
        assert f"must be a whole number from {least} to {most}, not {value}" in problem.message


# -- against the reference --------------------------------------------------------------------------------------------

REFERENCE: list[tuple[str, str, dict[str, Any]]] = [
    # kind, protocol of the check, what AWS assumes
    ("application", "HTTP", {"HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 5, "Matcher": {"HttpCode": "200"}}),
    ("application", "HTTPS", {"HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 5, "Matcher": {"HttpCode": "200"}}),
    (
        "grpc",
        "HTTP",
        {
            "HealthCheckPath": "/AWS.ALB/healthcheck",
            "HealthCheckTimeoutSeconds": 5,
            "Matcher": {"GrpcCode": "12"},
        },
    ),
    (
        "grpc",
        "HTTPS",
        {
            "HealthCheckPath": "/AWS.ALB/healthcheck",
            "HealthCheckTimeoutSeconds": 5,
            "Matcher": {"GrpcCode": "12"},
        },
    ),
    ("network", "TCP", {"HealthCheckTimeoutSeconds": 10}),
    ("network", "HTTP", {"HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 6, "Matcher": {"HttpCode": "200-399"}}),
    ("network", "HTTPS", {"HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 10, "Matcher": {"HttpCode": "200-399"}}),
]


def test_the_reference_has_every_row_of_the_table():
    assert [(kind, protocol) for kind, protocol, _ in REFERENCE] == ROWS
    assert set(TABLE) == {*OF_KIND, "lambda"}


@pytest.mark.parametrize(("kind", "protocol", "defaults"), REFERENCE)
def test_what_aws_assumes_is_written_out(kind: str, protocol: str, defaults: dict[str, Any]):
    group = declared(checked(kind, protocol))
    check = {name: value for name, value in group.items() if name.startswith(("Health", "Unhealthy", "Matcher"))}
    assert check == {
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": protocol,
        "HealthCheckPort": TRAFFIC_PORT,
        "HealthCheckIntervalSeconds": 30,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        **defaults,
    }


@pytest.mark.parametrize(("kind", "protocol"), [("application", "HTTP"), ("grpc", "HTTP"), ("network", "TCP")])
def test_the_protocol_that_aws_assumes(kind: str, protocol: str):
    assert declared(with_group(**OF_KIND[kind])) == declared(checked(kind, protocol))


def test_what_is_given_is_kept():
    given = {
        "healthCheckPort": "8081",
        "healthCheckPath": "/up?deep=1",
        "healthCheckIntervalSeconds": "10",
        "healthCheckTimeoutSeconds": 9,
        "healthyThresholdCount": 2,
        "unhealthyThresholdCount": 3,
        "matcher": {"httpCode": "200,204-299,404"},
        "healthCheckEnabled": "true",
    }
    group = declared(checked("application", "HTTPS", **given))
    assert group["HealthCheckPort"] == "8081"
    assert group["HealthCheckPath"] == "/up?deep=1"
    assert (group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (10, 9)
    assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (2, 3)
    assert group["Matcher"] == {"HttpCode": "200,204-299,404"}


# -- wrong combinations -----------------------------------------------------------------------------------------------

CHECKS_BY = ("HTTP", "HTTPS", "TCP")


@pytest.mark.parametrize("protocol", ["TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "http"])
def test_protocols_that_check_nothing(protocol: str):
    problem = the_problem_of(with_group(healthCheckProtocol=protocol))
    assert problem.message == f"must be one of HTTP, HTTPS, TCP, not {protocol!r}"


@pytest.mark.parametrize("group", [*APPLICATION, *NETWORK])
@pytest.mark.parametrize("protocol", CHECKS_BY)
def test_a_check_by_tcp_is_for_network_load_balancers(group: str, protocol: str):
    document = with_group(protocol=group, healthCheckProtocol=protocol)
    if protocol != "TCP" or group in NETWORK:
        assert declared(document)["HealthCheckProtocol"] == protocol
        return
    problem = the_problem_of(document)
    assert problem.path == "loadBalancers[0].targetGroup.healthCheckProtocol"
    assert problem.message == f"must be HTTP or HTTPS, not 'TCP': the target group's protocol is {group}"


@pytest.mark.parametrize("group", NETWORK)
@pytest.mark.parametrize("given", [{"healthCheckProtocol": "TCP"}, {}])
def test_a_check_by_tcp_has_neither_path_nor_matcher(group: str, given: dict[str, Any]):
    problems = problems_of(with_group(protocol=group, **given, **HTTP_FIELDS))
    assert paths(problems) == ["healthCheckPath", "matcher"]
    assumed = "" if given else " (AWS assumes it)"
    assert {problem.message for problem in problems} == {
        f"must be left out with healthCheckProtocol TCP{assumed}: only HTTP and HTTPS checks have it"
    }


@pytest.mark.parametrize(("kind", "protocol"), [row for row in ROWS if TABLE[row[0]][row[1]].codes])
def test_codes_of_matchers(kind: GroupKind, protocol: str):
    codes = TABLE[kind][protocol].codes
    assert codes is not None
    least, most, key = codes.least, codes.most, codes.key
    expected = {"application": (200, 499), "grpc": (0, 99), "network": (200, 599)}[kind]
    assert (least, most) == expected
    for fine in (f"{least}", f"{most}", f"{least}-{most}", f"{least},{most}", f"{least},{least + 1}-{most},{most}"):
        assert declared(checked(kind, protocol, matcher={key: fine}))["Matcher"] == {key[:1].upper() + key[1:]: fine}
    for wrong in (f"{most + 1}", f"{least}-{most + 1}", f"{most}-{least}", f"{least},{most + 1}"):
        problem = the_problem_of(checked(kind, protocol, matcher={key: wrong}))
        assert (problem.path, problem.value) == (f"loadBalancers[0].targetGroup.matcher.{key}", wrong)
        assert problem.message.startswith(f"must be codes from {least} to {most}, not {wrong!r}")


@pytest.mark.parametrize("wrong", ["", "200-", "200,", "2xx", "200-299-300", " 200", 200, "1000"])
def test_what_is_no_list_of_codes(wrong: object):
    problem = the_problem_of(with_group(matcher={"httpCode": wrong}))
    assert problem.path == "loadBalancers[0].targetGroup.matcher.httpCode"
    assert 'codes in quotes: "200", "200,202" or "200-299"' in problem.message


@pytest.mark.parametrize(
    ("kind", "given", "own"),
    [("application", "grpcCode", "httpCode"), ("grpc", "httpCode", "grpcCode"), ("network", "grpcCode", "httpCode")],
)
def test_a_matcher_of_another_protocol(kind: str, given: str, own: str):
    problem = the_problem_of(checked(kind, "HTTP", matcher={given: "20"}))
    assert problem.path == f"loadBalancers[0].targetGroup.matcher.{given}"
    assert f"its matcher is {own}" in problem.message


def test_a_matcher_of_nothing():
    problem = the_problem_of(with_group(matcher={}))
    assert problem.path == "loadBalancers[0].targetGroup.matcher.httpCode"


@pytest.mark.parametrize(
    ("kind", "protocol", "interval", "timeout", "fits"),
    [
        ("application", "HTTP", 10, 9, True),
        ("application", "HTTP", 10, 10, False),
        ("application", "HTTPS", 10, 11, False),
        ("grpc", "HTTP", 10, 10, False),
        ("network", "TCP", 10, 10, True),
        ("network", "TCP", 10, 11, False),
        ("network", "HTTP", 10, 10, True),
    ],
)
def test_a_check_times_out_before_the_next_begins(kind: str, protocol: str, interval: int, timeout: int, fits: bool):
    document = checked(kind, protocol, healthCheckIntervalSeconds=interval, healthCheckTimeoutSeconds=timeout)
    if fits:
        assert declared(document)["HealthCheckTimeoutSeconds"] == timeout
        return
    problem = the_problem_of(document)
    assert (problem.path, problem.value) == ("loadBalancers[0].targetGroup.healthCheckTimeoutSeconds", timeout)
    assert f"healthCheckIntervalSeconds ({interval}), not {timeout}" in problem.message


@pytest.mark.parametrize(("kind", "protocol", "assumed"), [("application", "HTTP", 5), ("network", "TCP", 10)])
def test_the_timeout_that_aws_assumes_may_be_too_long_as_well(kind: str, protocol: str, assumed: int):
    problem = the_problem_of(checked(kind, protocol, healthCheckIntervalSeconds=5 if assumed == 5 else 9))
    assert problem.value == assumed
    assert f"not {assumed} (AWS's default)" in problem.message


@pytest.mark.parametrize("port", ["traffic-port", "1", "80", "9999", "65535"])
def test_ports_of_health_checks(port: str):
    assert declared(with_group(healthCheckPort=port))["HealthCheckPort"] == port


@pytest.mark.parametrize("port", ["0", "65536", "70000", "080", "", "traffic", 80])
def test_what_is_no_port_of_a_health_check(port: object):
    problem = the_problem_of(with_group(healthCheckPort=port))
    assert problem.value == port
    assert "must be traffic-port or a port from 1 to 65535, in quotes" in problem.message


@pytest.mark.parametrize("path", ["", "up", "/" + "x" * 1024, "/a b", "http://up"])
def test_what_is_no_path(path: str):
    assert the_problem_of(with_group(healthCheckPath=path)).path == "loadBalancers[0].targetGroup.healthCheckPath"


def test_health_checks_of_tasks_cannot_be_switched_off():
    problem = the_problem_of(with_group(healthCheckEnabled=False))
    assert (problem.path, problem.value) == ("loadBalancers[0].targetGroup.healthCheckEnabled", False)


def test_all_that_is_wrong_with_a_check_is_told_at_once():
    problems = problems_of(
        with_group(
            protocol="TCP",
            protocolVersion="HTTP2",
            healthCheckPath="/up",
            healthCheckTimeoutSeconds=40,
            unhealthyThresholdCount=1,
            healthCheckEnabled=False,
            matcher={"httpCode": "200"},
        )
    )
    assert paths(problems) == [
        "healthCheckEnabled",
        "healthCheckPath",
        "healthCheckTimeoutSeconds",
        "matcher",
        "protocolVersion",
        "unhealthyThresholdCount",
    ]


# -- functions --------------------------------------------------------------------------------------------------------


def function_group(**changes: Any) -> Any:
    (target,) = manifest_of(with_function(**changes)).function_targets
    return target.declared


def test_functions_are_not_checked_unless_somebody_asks_for_it():
    assert function_group() == {"TargetType": "lambda", "Name": "sorry", "HealthCheckEnabled": False}
    assert function_group(healthCheckEnabled=False) == function_group()


def test_what_aws_assumes_of_a_check_of_a_function():
    assert function_group(healthCheckEnabled=True) == {
        "TargetType": "lambda",
        "Name": "sorry",
        "HealthCheckEnabled": True,
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 35,
        "HealthCheckTimeoutSeconds": 30,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 5,
        "Matcher": {"HttpCode": "200"},
    }


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"healthCheckPath": "/up"}, "healthCheckPath", "has no effect"),
        ({"matcher": {"httpCode": "200"}, "healthCheckEnabled": False}, "matcher", "has no effect"),
        ({"healthCheckEnabled": True, "healthCheckProtocol": "HTTP"}, "healthCheckProtocol", "invokes the function"),
        ({"healthCheckEnabled": True, "healthCheckPort": "80"}, "healthCheckPort", "invokes the function"),
        ({"healthCheckEnabled": True, "matcher": {"httpCode": "500"}}, "matcher.httpCode", "from 200 to 499"),
        ({"healthCheckEnabled": True, "matcher": {"grpcCode": "0"}}, "matcher.grpcCode", "is httpCode"),
        ({"healthCheckEnabled": True, "healthCheckIntervalSeconds": 30}, "healthCheckTimeoutSeconds", "not 30"),
        ({"protocol": "HTTP"}, "protocol", "neither protocol nor port"),
        ({"protocolVersion": "HTTP1"}, "protocolVersion", "neither protocol nor port"),
        ({"port": 80}, "port", "neither protocol nor port"),
        ({"vpcId": "vpc-1"}, "vpcId", "neither protocol nor port"),
        ({"ipAddressType": "ipv4"}, "ipAddressType", "neither protocol nor port"),
        ({"targetType": "ip"}, "targetType", "must be lambda"),
    ],
)
def test_what_functions_do_not_have(changes: dict[str, Any], field: str, words: str):
    problem = the_problem_of(with_function(**changes))
    assert problem.path == f"functionTargets[0].targetGroup.{field}"
    assert words in problem.message


def test_a_check_of_a_group_whose_protocol_is_unknown_is_not_judged():
    problems = problems_of(behind(balanced(targetGroup=a_group(protocol=LEFT_OUT, matcher={"httpCode": "599"}))))
    assert paths(problems) == ["protocol"]
