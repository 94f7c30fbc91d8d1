"""Rules of listeners: conditions by field, each with exactly its own config, and AWS's limits of one rule."""

from typing import Any

import botocore.session
import pytest

from headcount.model.manifest_balancing_rules import CONFIGS
from unit.manifest.balancing_of import (
    LISTENER_ARN,
    a_balancer,
    a_function_group,
    a_group,
    a_listener,
    a_network_balancer,
    a_rule,
    balanced,
    behind,
    with_rules,
)
from unit.manifest.documents_of import LEFT_OUT, manifest_of, problems_of, the_problem_of

MODEL = botocore.session.get_session().get_service_model("elbv2")
CONDITIONS: dict[str, dict[str, Any]] = {
    "http-header": {"httpHeaderConfig": {"httpHeaderName": "User-Agent", "values": ["*curl*"]}},
    "http-request-method": {"httpRequestMethodConfig": {"values": ["GET", "HEAD"]}},
    "host-header": {"hostHeaderConfig": {"values": ["*.example.com"]}},
    "path-pattern": {"pathPatternConfig": {"values": ["/a/*", "/b/?"]}},
    "query-string": {"queryStringConfig": {"values": [{"key": "v", "value": "1"}, {"value": "x"}]}},
    "source-ip": {"sourceIpConfig": {"values": ["10.0.0.0/8", "2001:db8::/32"]}},
}


def a_condition(field: str, **changes: Any) -> dict[str, Any]:
    return {"field": field, **CONDITIONS[field]} | changes


def test_the_fields_are_those_of_the_model():
    members = {name[:1].lower() + name[1:] for name in MODEL.shape_for("RuleCondition").members}
    assert members == {"field", "values", "regexValues", *CONFIGS.values()}
    text = MODEL.shape_for("RuleCondition").members["Field"].documentation
    assert all(f"<code>{field}</code>" in text for field in CONFIGS)
    assert set(CONDITIONS) == set(CONFIGS)


@pytest.mark.parametrize("field", CONDITIONS)
def test_a_condition_has_the_config_of_its_field(field: str):
    (one,) = manifest_of(with_rules(a_rule(conditions=[a_condition(field)]))).load_balancers
    ((condition,),) = [rule["Conditions"] for rule in one.rules]
    key = CONFIGS[field]
    assert list(condition) == ["Field", key[:1].upper() + key[1:]]
    assert condition["Field"] == field


@pytest.mark.parametrize("field", ["host-header", "path-pattern"])
@pytest.mark.parametrize("key", ["values", "regexValues"])
def test_short_values_become_the_config_that_says_the_same(field: str, key: str):
    (one,) = manifest_of(with_rules(a_rule(conditions=[{"field": field, key: ["a.b"]}]))).load_balancers
    config = CONFIGS[field]
    expected = {config[:1].upper() + config[1:]: {key[:1].upper() + key[1:]: ["a.b"]}}
    assert one.rules[0]["Conditions"] == [{"Field": field, **expected}]


@pytest.mark.parametrize("field", CONDITIONS)
@pytest.mark.parametrize("other", CONDITIONS)
def test_a_condition_has_no_config_of_another_field(field: str, other: str):
    document = with_rules(a_rule(conditions=[a_condition(field, **CONDITIONS[other])]))
    if field == other:
        manifest_of(document)
        return
    problem = the_problem_of(document)
    assert problem.path == f"loadBalancers[0].rules[0].conditions[0].{CONFIGS[other]}"
    assert problem.message == f"must be left out: the condition's field is {field}, which has {CONFIGS[field]}"


@pytest.mark.parametrize("field", CONDITIONS)
def test_a_condition_of_nothing(field: str):
    problem = the_problem_of(with_rules(a_rule(conditions=[{"field": field}])))
    assert problem.path == "loadBalancers[0].rules[0].conditions[0]"
    assert f"{CONFIGS[field]}: the condition's field is {field}" in problem.message


@pytest.mark.parametrize(
    ("condition", "path", "words"),
    [
        ({"values": ["/"]}, ".field", "is required"),
        ({"field": "path", "values": ["/"]}, ".field", "must be one of http-header"),
        ({"field": "source-ip", "values": ["10.0.0.0/8"]}, ".values", "must stand in sourceIpConfig"),
        (a_condition("path-pattern", values=["/"]), ".values", "it says the same"),
        ({"field": "path-pattern", "values": []}, ".values", "1 to 5"),
        ({"field": "path-pattern", "values": [""]}, ".values[0]", "1 to 128 characters"),
        ({"field": "path-pattern", "values": ["x" * 129]}, ".values[0]", "1 to 128 characters"),
        ({"field": "path-pattern", "values": ["a b"]}, ".values[0]", "a path"),
        ({"field": "host-header", "values": ["*.a.b", "a/b/c"]}, ".values[1]", "a host name with a dot"),
        ({"field": "path-pattern", "values": ["/a", "/a"]}, ".values[1]", "must not be repeated"),
        ({"field": "path-pattern", "pathPatternConfig": {}}, ".pathPatternConfig", "needs values or regexValues"),
        ({"field": "path-pattern", "pathPatternConfig": {"values": ["a b"]}}, ".pathPatternConfig.values[0]", "a path"),
        ({"field": "host-header", "hostHeaderConfig": {"values": ["x"]}}, ".hostHeaderConfig.values[0]", "with a dot"),
        (
            {"field": "http-header", "httpHeaderConfig": {"values": ["x"]}},
            ".httpHeaderConfig.httpHeaderName",
            "is required",
        ),
        (
            {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "Host", "values": ["x"]}},
            ".httpHeaderConfig.httpHeaderName",
            "for Host there is host-header",
        ),
        (
            {"field": "http-request-method", "httpRequestMethodConfig": {"values": ["get"]}},
            ".httpRequestMethodConfig.values[0]",
            "a method of HTTP",
        ),
        (
            {"field": "query-string", "queryStringConfig": {"values": [{"key": "a"}]}},
            ".queryStringConfig.values[0].value",
            "is required",
        ),
        (
            {"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.1"]}},
            ".sourceIpConfig.values[0]",
            "a range of addresses",
        ),
        (
            {"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"], "ipAddressType": "ipv4"}},
            ".sourceIpConfig.ipAddressType",
            "only Network Load Balancers",
        ),
    ],
)
def test_what_is_no_condition(condition: dict[str, Any], path: str, words: str):
    problem = the_problem_of(with_rules(a_rule(conditions=[condition])))
    assert problem.path == f"loadBalancers[0].rules[0].conditions[0]{path}"
    assert words in problem.message


def paths(*values: str) -> dict[str, Any]:
    return {"field": "path-pattern", "values": list(values)}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([paths("/a", "/b", "/c"), a_condition("http-request-method"), a_condition("http-header")], "not 6"),
        ([paths("/a*/*", "/b*/*", "/c*/?")], "at most 5 wildcards in all (AWS's limit of a rule), not 6"),
        ([paths("/a"), paths("/b")], "must have one condition on path-pattern, with several values if need be, not 2"),
    ],
)
def test_limits_of_one_rule(conditions: list[dict[str, Any]], words: str):
    problem = the_problem_of(with_rules(a_rule(conditions=conditions)))
    assert problem.path == "loadBalancers[0].rules[0].conditions"
    assert words in problem.message


def test_as_much_as_one_rule_may_have():
    header = a_condition("http-header")
    full = [paths("/a", "/*"), a_condition("source-ip", sourceIpConfig={"values": ["10.0.0.0/8"]}), header, header]
    manifest_of(with_rules(a_rule(conditions=full)))


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"priority": 0}, ".priority", "from 1 to 50000"),
        ({"priority": 50001}, ".priority", "from 1 to 50000"),
        ({"priority": LEFT_OUT}, ".priority", "is required"),
        ({"conditions": LEFT_OUT}, ".conditions", "is required"),
        ({"conditions": []}, ".conditions", "1 to 5"),
        ({"listenerArn": LEFT_OUT}, "", "exactly one of listenerArn"),
        ({"listener": "shop:80"}, "", "this has both"),
        (
            {"listenerArn": LISTENER_ARN.replace("/app/", "/net/")},
            ".listenerArn",
            "Network Load Balancers have no rules",
        ),
        ({"listenerArn": LEFT_OUT, "listener": "shop"}, ".listener", "<name>:<port>"),
        ({"actions": [{"type": "forward"}]}, ".actions", "a rule forwards to the target group that it stands with"),
        ({"transforms": [{"type": "url-rewrite"}]}, ".transforms[0]", "needs urlRewriteConfig"),
        ({"tags": [{"key": "aws:x", "value": ""}]}, ".tags[0].key", "not beginning with"),
    ],
)
def test_what_is_no_rule(changes: dict[str, Any], path: str, words: str):
    problem = the_problem_of(with_rules(a_rule(**changes)))
    assert problem.path == f"loadBalancers[0].rules[0]{path}"
    assert words in problem.message


def test_paths_may_be_rewritten():
    rewrites = {"rewrites": [{"regex": "^/api/(.*)$", "replace": "/$1"}]}
    rule = a_rule(transforms=[{"type": "url-rewrite", "urlRewriteConfig": rewrites}])
    (one,) = manifest_of(with_rules(rule)).load_balancers
    assert one.rules[0]["Transforms"] == [
        {
            "Type": "url-rewrite",
            "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/api/(.*)$", "Replace": "/$1"}]},
        }
    ]


def test_a_priority_stands_on_a_listener_once():
    function = {"functionArn": FUNCTION, "targetGroup": a_function_group(), "rules": [a_rule(), a_rule(priority=11)]}
    problem = the_problem_of(with_rules(a_rule(), functionTargets=[function]))
    assert (problem.path, problem.value) == ("functionTargets[0].rules[0].priority", 10)
    assert "it already stands at loadBalancers[0].rules[0]" in problem.message


FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:sorry"


@pytest.mark.parametrize("protocol", ["TCP", "TLS", "UDP", "TCP_UDP"])
def test_groups_of_network_load_balancers_have_no_rules(protocol: str):
    problem = the_problem_of(behind(balanced(targetGroup=a_group(protocol=protocol), rules=[a_rule()])))
    assert problem.path == "loadBalancers[0].rules[0]"
    assert f"the target group's protocol is {protocol}" in problem.message


def on_declared(listener: str, *balancers: dict[str, Any], **group: Any) -> dict[str, Any]:
    rule = a_rule(listenerArn=LEFT_OUT, listener=listener)
    return behind(balanced(targetGroup=a_group(**group), rules=[rule]), elasticLoadBalancers=list(balancers))


def test_a_rule_of_a_declared_listener():
    manifest = manifest_of(on_declared("shop:80", a_balancer(a_listener())))
    assert manifest.load_balancers[0].rules[0]["Listener"] == "shop:80"


@pytest.mark.parametrize("listener", ["shop:81", "shop2:80"])
def test_a_listener_that_is_not_declared(listener: str):
    problem = the_problem_of(on_declared(listener, a_balancer(a_listener())))
    assert (problem.path, problem.value) == ("loadBalancers[0].rules[0].listener", listener)
    assert "declared there: shop:80" in problem.message


def test_a_listener_that_may_be_declared_wrongly_is_not_called_missing():
    problem = the_problem_of(on_declared("shop:80", a_balancer(a_listener(port="eighty"))))
    assert problem.path == "elasticLoadBalancers[0].listeners[0].port"


def test_a_listener_of_a_network_load_balancer_has_no_rules():
    fixed = a_network_balancer(a_listener(protocol="TCP", defaultActions=[{"type": "forward", "targetGroupArn": ARN}]))
    problem = the_problem_of(on_declared("shop:80", fixed))
    assert problem.path == "loadBalancers[0].rules[0].listener"
    assert "must be a listener of an application load balancer" in problem.message


ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/other/0123456789abcdef"


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_newer_versions_of_http_need_a_listener_with_https(version: str):
    problem = the_problem_of(
        on_declared("shop:80", a_balancer(a_listener(defaultActions=SORRY)), protocolVersion=version)
    )
    assert problem.path == "loadBalancers[0].rules[0]"
    assert f"protocolVersion {version}: only a listener with protocol HTTPS" in problem.message


SORRY = [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "503"}}]


def test_a_group_belongs_to_one_load_balancer():
    elsewhere = LISTENER_ARN.replace("/shop/", "/other/")
    problem = the_problem_of(with_rules(a_rule(), a_rule(listenerArn=elsewhere)))
    assert problem.path == "loadBalancers[0].rules[1]"
    assert "one of shop's, and this one of other's" in problem.message
    declared = problems_of(
        behind(balanced(rules=[a_rule(listenerArn=elsewhere)]), elasticLoadBalancers=[a_balancer(a_listener())])
    )
    assert ["must belong to one load balancer" in problem.message for problem in declared] == [True]
