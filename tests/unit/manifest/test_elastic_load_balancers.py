"""elasticLoadBalancers: what each type of load balancer has, its listeners, and what they do with requests."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from headcount.model.manifest import ElasticLoadBalancer
from headcount.model.manifest_balancing_listeners import FORWARDS_TO
from headcount.model.manifest_parser import canonical_document
from unit.manifest.balancing_of import (
    CERTIFICATE,
    FUNCTION_ARN,
    GROUP_ARN,
    a_balancer,
    a_function_group,
    a_group,
    a_listener,
    a_network_balancer,
    balanced,
    behind,
    with_balancers,
)
from unit.manifest.documents_of import LEFT_OUT, manifest_of, problems_of, the_problem_of

ELB = botocore.session.get_session().get_service_model("elbv2")
LISTENER = "elasticLoadBalancers[0].listeners[0]"
ACTION = f"{LISTENER}.defaultActions[0]"
TO_WEB = [{"type": "forward", "targetGroup": "web"}]
HTTPS: dict[str, Any] = {"port": 443, "protocol": "HTTPS", "certificates": [CERTIFICATE]}
COGNITO = {
    "userPoolArn": "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc",
    "userPoolClientId": "abc",
    "userPoolDomain": "shop",
    "authenticationRequestExtraParams": {"display": "page", "Prompt": "login"},
}


# -- load balancers ---------------------------------------------------------------------------------------------------


def test_a_load_balancer_becomes_requests_to_aws_with_its_defaults():
    (one,) = manifest_of(with_balancers(a_balancer(a_listener(), securityGroups=["sg-1"]))).elastic_load_balancers
    assert one == ElasticLoadBalancer(
        name="shop",
        declared={
            "Name": "shop",
            "Type": "application",
            "Scheme": "internet-facing",
            "IpAddressType": "ipv4",
            "Subnets": ["subnet-a", "subnet-b"],
            "SecurityGroups": ["sg-1"],
        },
        listeners=({"Port": 80, "Protocol": "HTTP", "DefaultActions": [{"Type": "forward", "TargetGroup": "web"}]},),
    )
    report = ParamValidator().validate(one.declared, ELB.shape_for("CreateLoadBalancerInput"))
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize(
    ("balancer", "path", "words"),
    [
        *[
            (a_balancer(name=name), ".name", "not beginning with internal-")
            for name in ("", "-a", "a-", "x" * 33, "internal-a", "a.b")
        ],
        (a_balancer(name=LEFT_OUT), ".name", "is required"),
        (a_balancer(type="gateway"), ".type", "gateway load balancers"),
        (a_balancer(type="classic"), ".type", "must be one of application, network"),
        (a_balancer(scheme="public"), ".scheme", "must be one of internet-facing, internal"),
        (a_balancer(subnets=LEFT_OUT), "", "exactly one of subnets and subnetMappings is needed; this has none"),
        (a_balancer(subnetMappings=[{"subnetId": "subnet-a"}]), "", "this has both"),
        (a_balancer(subnets=["subnet-a"]), ".subnets", "at least 2, in different Availability Zones"),
        (a_balancer(subnets=["subnet-a", "subnet-a"]), ".subnets[1]", "must not be repeated"),
        (a_balancer(subnets=[]), ".subnets", "1 to 16"),
        (a_network_balancer(subnets=[]), ".subnets", "1 to 16"),
        (
            a_balancer(subnets=LEFT_OUT, subnetMappings=[{"subnetId": "subnet-a"}]),
            ".subnetMappings",
            "at least 2",
        ),
        (a_balancer(securityGroups=[f"sg-{number}" for number in range(6)]), ".securityGroups", "at most 5"),
        (a_balancer(securityGroups=["web"]), ".securityGroups[0]", "the id of a security group"),
        (a_balancer(enablePrefixForIpv6SourceNat="on"), ".enablePrefixForIpv6SourceNat", "only network"),
        (a_network_balancer(enablePrefixForIpv6SourceNat="on"), ".enablePrefixForIpv6SourceNat", "dualstack"),
        (a_network_balancer(ipamPools={}), ".ipamPools", "only application load balancers"),
        (a_network_balancer(ipAddressType="dualstack-without-public-ipv4"), ".ipAddressType", "ipv4 or dualstack"),
        (
            a_balancer(ipAddressType="dualstack-without-public-ipv4", scheme="internal"),
            ".ipAddressType",
            "ipv4 or dualstack",
        ),
        (a_balancer(ipAddressType="ipv6"), ".ipAddressType", "must be one of ipv4"),
        (a_balancer(arn="x"), ".arn", "is not a key"),
    ],
)
def test_what_is_no_load_balancer(balancer: dict[str, Any], path: str, words: str):
    problem = the_problem_of(with_balancers(balancer))
    assert problem.path == f"elasticLoadBalancers[0]{path}"
    assert words in problem.message


@pytest.mark.parametrize(
    ("mapping", "changes", "words"),
    [
        ({"allocationId": "eipalloc-1"}, {}, ""),
        ({"privateIPv4Address": "10.0.0.5"}, {"scheme": "internal"}, ""),
        ({"allocationId": "eipalloc-1"}, {"scheme": "internal"}, "must be left out: the scheme is internal"),
        ({"privateIPv4Address": "10.0.0.5"}, {}, "must be left out: the scheme is internet-facing"),
        ({"privateIPv4Address": "ten"}, {"scheme": "internal"}, "must be an IPv4 address"),
    ],
)
def test_addresses_of_network_load_balancers(mapping: dict[str, Any], changes: dict[str, Any], words: str):
    mappings = [{"subnetId": "subnet-a", **mapping}]
    document = with_balancers(a_network_balancer(subnets=LEFT_OUT, subnetMappings=mappings, **changes))
    if words:
        assert words in the_problem_of(document).message
        return
    (one,) = manifest_of(document).elastic_load_balancers
    assert ParamValidator().validate(one.declared, ELB.shape_for("CreateLoadBalancerInput")).has_errors() is False


def test_application_load_balancers_have_no_addresses_of_their_own():
    mappings = [{"subnetId": "subnet-a", "allocationId": "eipalloc-1"}, {"subnetId": "subnet-b"}]
    problem = the_problem_of(with_balancers(a_balancer(subnets=LEFT_OUT, subnetMappings=mappings)))
    assert problem.path == "elasticLoadBalancers[0].subnetMappings[0].allocationId"


def test_a_load_balancer_stands_once():
    problem = the_problem_of(with_balancers(a_balancer(), a_network_balancer()))
    assert problem.path == "elasticLoadBalancers[1]"
    assert "'shop' must not be repeated" in problem.message


# -- listeners --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balancer", "protocol", "fits"),
    [
        *[(a_balancer, protocol, protocol in ("HTTP", "HTTPS")) for protocol in FORWARDS_TO],
        *[(a_network_balancer, protocol, protocol not in ("HTTP", "HTTPS")) for protocol in FORWARDS_TO],
    ],
)
def test_protocols_of_listeners_by_type(balancer: Any, protocol: str, fits: bool):
    certificates = {"certificates": [CERTIFICATE]} if protocol in ("HTTPS", "TLS") else {}
    elsewhere = [{"type": "forward", "targetGroupArn": GROUP_ARN}]
    document = with_balancers(balancer(a_listener(protocol=protocol, defaultActions=elsewhere, **certificates)))
    if fits:
        assert manifest_of(document).elastic_load_balancers[0].listeners[0]["Protocol"] == protocol
        return
    problem = the_problem_of(document)
    assert (problem.path, problem.value) == (f"{LISTENER}.protocol", protocol)
    kind = "application" if balancer is a_balancer else "network"
    assert f"not {protocol!r}: the load balancer's type is {kind}" in problem.message


@pytest.mark.parametrize("listener", FORWARDS_TO)
@pytest.mark.parametrize("group", ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"])
def test_a_listener_forwards_to_groups_that_speak_what_it_speaks(listener: str, group: str):
    certificates = {"certificates": [CERTIFICATE]} if listener in ("HTTPS", "TLS") else {}
    kind = a_balancer if listener in ("HTTP", "HTTPS") else a_network_balancer
    document = with_balancers(kind(a_listener(protocol=listener, **certificates)), protocol=group)
    fits = {
        "HTTP": ("HTTP", "HTTPS"),
        "HTTPS": ("HTTP", "HTTPS"),
        "TCP": ("TCP", "TCP_UDP"),
        "TLS": ("TCP", "TLS"),
        "UDP": ("UDP", "TCP_UDP"),
        "TCP_UDP": ("TCP_UDP",),
    }[listener]
    if group in fits:
        manifest_of(document)
        return
    problem = the_problem_of(document)
    assert (problem.path, problem.value) == (ACTION, "web")
    assert problem.message == (
        f"target group 'web' must have protocol {' or '.join(fits)}, not {group}: the listener's protocol is {listener}"
    )


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"port": LEFT_OUT}, ".port", "is required"),
        ({"protocol": LEFT_OUT}, ".protocol", "is required"),
        ({"port": 65536}, ".port", "from 1 to 65535"),
        ({"protocol": "GENEVE"}, ".protocol", "gateway load balancers"),
        ({"protocol": "HTTPS"}, ".certificates", "a listener with protocol HTTPS needs a certificate"),
        ({"certificates": [CERTIFICATE]}, ".certificates", "only HTTPS and TLS has it"),
        ({"sslPolicy": "ELBSecurityPolicy-2016-08"}, ".sslPolicy", "the listener's protocol is HTTP"),
        ({"alpnPolicy": ["None"]}, ".alpnPolicy", "only TLS has it"),
        ({"mutualAuthentication": {"mode": "off"}}, ".mutualAuthentication", "only HTTPS has it"),
        (HTTPS | {"certificates": [CERTIFICATE] * 2}, ".certificates", "1"),
        (
            HTTPS | {"certificates": [CERTIFICATE | {"isDefault": True}]},
            ".certificates[0].isDefault",
            "its default one",
        ),
        (
            HTTPS | {"certificates": [{"certificateArn": "x"}]},
            ".certificates[0].certificateArn",
            "a certificate of ACM",
        ),
        (HTTPS | {"certificates": [{}]}, ".certificates[0].certificateArn", "is required"),
        (HTTPS | {"sslPolicy": "TLS13"}, ".sslPolicy", "one of ELB's policies"),
        (HTTPS | {"mutualAuthentication": {"mode": "verify"}}, ".mutualAuthentication.trustStoreArn", "is required"),
        (
            HTTPS | {"mutualAuthentication": {"mode": "passthrough", "ignoreClientCertificateExpiry": True}},
            ".mutualAuthentication.ignoreClientCertificateExpiry",
            "only verify has it",
        ),
        ({"loadBalancerArn": "x"}, ".loadBalancerArn", "stands in its load balancer"),
        ({"defaultActions": LEFT_OUT}, ".defaultActions", "is required"),
        ({"defaultActions": []}, ".defaultActions", "1 to 5"),
    ],
)
def test_what_is_no_listener(changes: dict[str, Any], path: str, words: str):
    problem = the_problem_of(with_balancers(a_balancer(a_listener(**changes))))
    assert problem.path == f"{LISTENER}{path}"
    assert words in problem.message


def test_a_port_has_one_listener():
    problem = the_problem_of(with_balancers(a_balancer(a_listener(), a_listener(**HTTPS | {"port": 80}))))
    assert (problem.path, problem.value) == ("elasticLoadBalancers[0].listeners[1].port", 80)


def test_udp_needs_ipv4():
    udp = a_listener(protocol="UDP")
    problem = the_problem_of(with_balancers(a_network_balancer(udp, ipAddressType="dualstack"), protocol="UDP"))
    assert problem.path == f"{LISTENER}.protocol"
    assert "ipAddressType is dualstack" in problem.message


# -- actions ----------------------------------------------------------------------------------------------------------


def acting(*actions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A document with an application load balancer whose listener does this by default."""
    return with_balancers(a_balancer(a_listener(defaultActions=list(actions), **changes)))


FIXED = {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "503", "contentType": "text/plain"}}
REDIRECT = {
    "type": "redirect",
    "redirectConfig": {"protocol": "HTTPS", "port": "443", "host": "#{host}", "statusCode": "HTTP_301"},
}
FORWARD_BOTH = {
    "type": "forward",
    "forwardConfig": {
        "targetGroups": [{"targetGroup": "web", "weight": 9}, {"targetGroupArn": GROUP_ARN, "weight": 1}],
        "targetGroupStickinessConfig": {"enabled": True, "durationSeconds": 60},
    },
}
AUTHENTICATE = {"type": "authenticate-cognito", "order": 1, "authenticateCognitoConfig": COGNITO}


@pytest.mark.parametrize(
    "actions",
    [
        [FIXED],
        [REDIRECT],
        [FORWARD_BOTH],
        [{"type": "forward", "targetGroupArn": GROUP_ARN}],
        [AUTHENTICATE, {**TO_WEB[0], "order": 2}],
    ],
)
def test_actions_that_botocore_sends(actions: list[dict[str, Any]]):
    manifest = manifest_of(acting(*actions, **HTTPS))
    sent = json.loads(json.dumps(manifest.elastic_load_balancers[0].listeners[0]))
    for action in sent["DefaultActions"]:
        for one in (action, *action.get("ForwardConfig", {}).get("TargetGroups", [])):
            if "TargetGroup" in one:
                one["TargetGroupArn"] = f"arn of {one.pop('TargetGroup')}"
    report = ParamValidator().validate({"LoadBalancerArn": "arn", **sent}, ELB.shape_for("CreateListenerInput"))
    assert not report.has_errors(), report.generate_report()
    assert manifest_of(canonical_document(manifest)) == manifest


def test_keys_of_others_keep_their_spelling():
    (one,) = manifest_of(acting(AUTHENTICATE, {**TO_WEB[0], "order": 2}, **HTTPS)).elastic_load_balancers
    sent = one.listeners[0]["DefaultActions"][0]["AuthenticateCognitoConfig"]["AuthenticationRequestExtraParams"]
    assert sent == {"display": "page", "Prompt": "login"}


@pytest.mark.parametrize(
    ("action", "path", "words"),
    [
        ({"type": "forward"}, "", "needs exactly one of targetGroup, targetGroupArn, forwardConfig"),
        ({**TO_WEB[0], "targetGroupArn": GROUP_ARN}, "", "this has 2"),
        ({**TO_WEB[0], "redirectConfig": REDIRECT["redirectConfig"]}, ".redirectConfig", "the type is forward"),
        ({"type": "fixed-response"}, "", "needs fixedResponseConfig: the type is fixed-response"),
        ({**REDIRECT, "targetGroup": "web"}, ".targetGroup", "the type is redirect"),
        ({"type": "authenticate-oidc"}, ".type", "client secret"),
        ({"type": "drop"}, ".type", "must be one of forward"),
        ({"targetGroup": "web"}, ".type", "is required"),
        ({"type": "forward", "targetGroup": "other"}, ".targetGroup", "(declared: web)"),
        (
            {"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroup": "other"}]}},
            ".forwardConfig.targetGroups[0].targetGroup",
            "is no target group that this manifest declares",
        ),
        (
            {"type": "forward", "forwardConfig": {"targetGroups": [{"weight": 1}]}},
            ".forwardConfig.targetGroups[0]",
            "exactly one of targetGroup",
        ),
        (
            {"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroup": "web"}] * 2}},
            ".forwardConfig.targetGroups[1]",
            "must not be repeated",
        ),
        (
            {"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroup": "web", "weight": 1000}]}},
            ".forwardConfig.targetGroups[0].weight",
            "from 0 to 999",
        ),
        ({"type": "forward", "forwardConfig": {}}, ".forwardConfig.targetGroups", "is required"),
        (
            {
                "type": "forward",
                "forwardConfig": {
                    "targetGroups": [{"targetGroup": "web"}],
                    "targetGroupStickinessConfig": {"enabled": True},
                },
            },
            ".forwardConfig.targetGroupStickinessConfig.durationSeconds",
            "1 to 604800",
        ),
        (
            {"type": "redirect", "redirectConfig": {"statusCode": "HTTP_302", "path": "/#{path}", "query": "a=1"}},
            ".redirectConfig",
            "round and round",
        ),
        (
            {"type": "redirect", "redirectConfig": {"statusCode": "HTTP_302", "port": "65536"}},
            ".redirectConfig.port",
            "from 1 to 65535",
        ),
        (
            {"type": "redirect", "redirectConfig": {"statusCode": "HTTP_302", "path": "x"}},
            ".redirectConfig.path",
            "begins with /",
        ),
        ({"type": "redirect", "redirectConfig": {"port": "1"}}, ".redirectConfig.statusCode", "is required"),
        (
            {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "302"}},
            ".fixedResponseConfig.statusCode",
            "2XX, 4XX or 5XX",
        ),
        (
            {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200", "messageBody": "x" * 1025}},
            ".fixedResponseConfig.messageBody",
            "1024",
        ),
    ],
)
def test_what_is_no_action(action: dict[str, Any], path: str, words: str):
    problem = the_problem_of(acting(action))
    assert problem.path == f"{ACTION}{path}"
    assert words in problem.message


@pytest.mark.parametrize(
    ("actions", "changes", "path", "words"),
    [
        ([AUTHENTICATE, {**TO_WEB[0], "order": 2}], {}, "[0].type", "needs a listener with protocol HTTPS"),
        ([AUTHENTICATE], HTTPS, "", "exactly one action of type forward, redirect, fixed-response, not 0"),
        ([FIXED | {"order": 1}, {**TO_WEB[0], "order": 2}], {}, "", "not 2"),
        ([AUTHENTICATE, TO_WEB[0]], HTTPS, "", "must each have an order"),
        ([AUTHENTICATE | {"order": 3}, {**TO_WEB[0], "order": 2}], HTTPS, "", "must end with the forward action"),
        (
            [{"type": "redirect", "redirectConfig": {"protocol": "HTTP", "statusCode": "HTTP_301"}}],
            HTTPS,
            "[0].redirectConfig.protocol",
            "from HTTPS to HTTP",
        ),
    ],
)
def test_actions_together(actions: list[dict[str, Any]], changes: dict[str, Any], path: str, words: str):
    problem = the_problem_of(acting(*actions, **changes))
    assert problem.path == f"{LISTENER}.defaultActions{path}"
    assert words in problem.message


def test_listeners_of_network_load_balancers_only_forward():
    problem = the_problem_of(with_balancers(a_network_balancer(a_listener(protocol="TCP", defaultActions=[FIXED]))))
    assert (problem.path, problem.value) == (f"{ACTION}.type", "fixed-response")
    assert "must be forward: the listener's protocol is TCP" in problem.message


def test_a_function_by_default():
    function = {"functionArn": FUNCTION_ARN, "targetGroup": a_function_group()}
    to_function = a_listener(defaultActions=[{"type": "forward", "targetGroup": "sorry"}])
    documents = [
        behind(balanced(), functionTargets=[function], elasticLoadBalancers=[a_balancer(to_function)]),
        behind(
            balanced(targetGroup=a_group(protocol="TCP")),
            functionTargets=[function],
            elasticLoadBalancers=[a_network_balancer(to_function | {"protocol": "TCP"})],
        ),
    ]
    manifest_of(documents[0])
    assert "must have protocol TCP or TCP_UDP, not HTTP" in the_problem_of(documents[1]).message


def test_a_group_whose_name_is_wrong_is_not_called_missing():
    problem = the_problem_of(with_balancers(a_balancer(a_listener()), name="web_"))
    assert problem.path == "loadBalancers[0].targetGroup.name"


def test_all_that_is_wrong_with_a_load_balancer_is_told_at_once():
    wrong = a_balancer(
        a_listener(protocol="TLS", port=0),
        a_listener(defaultActions=[{"type": "forward"}]),
        name="internal-shop",
        subnets=["subnet-a"],
        loadBalancerAttributes=[{"key": "idle", "value": "1"}],
    )
    assert sorted(problem.path for problem in problems_of(with_balancers(wrong))) == [
        "elasticLoadBalancers[0].listeners[0].port",
        "elasticLoadBalancers[0].listeners[0].protocol",
        "elasticLoadBalancers[0].listeners[1].defaultActions[0]",
        "elasticLoadBalancers[0].loadBalancerAttributes[0].key",
        "elasticLoadBalancers[0].name",
        "elasticLoadBalancers[0].subnets",
    ]
