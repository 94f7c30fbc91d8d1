"""Which rule a request meets, where a redirect leads, what a matcher expects."""

import pytest

from headcount_sandbox.world.elb.configuration import Condition, FixedResponse, Redirect, Rule
from headcount_sandbox.world.elb.matching import Request, is_expected, like, location, rule_for
from integration.sandbox_world.balancing import Bench, a_server, get


def a_request(**changes: object) -> Request:
    parts = {
        "method": "GET",
        "host": "shop.example:8080",
        "path": "/api/items",
        "query": "version=2&debug=yes",
        "source": "10.1.2.3",
        "headers": (("host", "shop.example:8080"), ("user-agent", "Mozilla/5.0")),
        "pairs": (("version", "2"), ("debug", "yes")),
    }
    return Request(**{**parts, **changes})


def meets(*conditions: Condition, request: Request | None = None) -> bool:
    answer = FixedResponse(status=200, content_type="text/plain", body="")
    rule = Rule(arn="rule", priority=1, conditions=conditions, action=answer)
    return rule_for(request or a_request(), [rule]) is rule


@pytest.mark.parametrize(
    ("field", "values", "holds"),
    [
        ("host-header", ["shop.example"], True),
        ("host-header", ["SHOP.example"], True),
        ("host-header", ["*.example"], True),
        ("host-header", ["other.example", "shop.*"], True),
        ("host-header", ["shop.exampl?"], True),
        ("host-header", ["example"], False),
        ("path-pattern", ["/api/*"], True),
        ("path-pattern", ["/API/*"], False),
        ("path-pattern", ["/api"], False),
        ("path-pattern", ["/*/items"], True),
        ("path-pattern", ["/api/item?"], True),
        ("path-pattern", ["/api/items?"], False),
        ("http-request-method", ["GET", "HEAD"], True),
        ("http-request-method", ["POST"], False),
        ("source-ip", ["10.0.0.0/8"], True),
        ("source-ip", ["10.1.2.3/32", "192.168.0.0/16"], True),
        ("source-ip", ["192.168.0.0/16"], False),
    ],
)
def test_conditions(field: str, values: list[str], holds: bool) -> None:
    assert meets(Condition(field=field, values=tuple(values))) is holds


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [("User-Agent", "mozilla*", True), ("User-Agent", "*Chrome*", False), ("X-Absent", "*", False)],
)
def test_a_header_condition(name: str, value: str, holds: bool) -> None:
    assert meets(Condition(field="http-header", name=name, values=(value,))) is holds


@pytest.mark.parametrize(
    ("key", "value", "holds"),
    [
        ("version", "2", True),
        ("VERSION", "?", True),
        (None, "yes", True),
        ("version", "3", False),
        ("other", "*", False),
    ],
)
def test_a_query_condition(key: str | None, value: str, holds: bool) -> None:
    assert meets(Condition(field="query-string", pairs=((key, value),))) is holds


def test_all_conditions_of_a_rule_must_hold_and_any_value_of_one() -> None:
    path, method = Condition(field="path-pattern", values=("/x", "/api/*")), ("http-request-method", ("GET",))
    assert meets(path, Condition(field=method[0], values=method[1]))
    assert not meets(path, Condition(field=method[0], values=("POST",)))


def test_wildcards_are_the_only_special_characters() -> None:
    assert like("a.b+c[1]", "a.b+c[1]")
    assert not like("a.b", "axb")


@pytest.mark.parametrize(
    ("redirect", "where"),
    [
        ({"protocol": "HTTPS", "port": "443"}, "https://shop.example/api/items?version=2&debug=yes"),
        ({"host": "new.#{host}", "port": "80"}, "http://new.shop.example/api/items?version=2&debug=yes"),
        ({"path": "/v2/#{path}", "query": ""}, "http://shop.example:8080/v2/api/items"),
        ({"query": "#{query}&from=old"}, "http://shop.example:8080/api/items?version=2&debug=yes&from=old"),
    ],
)
def test_redirects(redirect: dict[str, str], where: str) -> None:
    usual = {"protocol": "#{protocol}", "host": "#{host}", "port": "#{port}", "path": "/#{path}", "query": "#{query}"}
    wanted = Redirect(status=301, **{**usual, **redirect})
    assert location(wanted, a_request(), protocol="HTTP", port=8080) == where


@pytest.mark.parametrize(
    ("matcher", "expected", "unexpected"),
    [("200", [200], [201, 404]), ("200,202", [200, 202], [201]), ("200-399", [200, 302, 399], [199, 400])],
)
def test_matchers(matcher: str, expected: list[int], unexpected: list[int]) -> None:
    assert all(is_expected(matcher, code) for code in expected)
    assert not any(is_expected(matcher, code) for code in unexpected)


def test_rules_are_asked_in_the_order_of_their_priority(bench: Bench) -> None:
    group = bench.group()
    listener = bench.listener(group)
    url = bench.world.listener_url(listener)

    def rule(priority: int, field: str, values: list[str], action: dict[str, object]) -> str:
        conditions = [{"Field": field, "Values": values}]
        made = bench.elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action])
        return str(made["Rules"][0]["RuleArn"])

    def fixed(status: int, text: str) -> dict[str, object]:
        config = {"StatusCode": str(status), "ContentType": "text/plain", "MessageBody": text}
        return {"Type": "fixed-response", "FixedResponseConfig": config}

    with a_server() as server:
        bench.put(group, server)
        late = rule(50, "path-pattern", ["/api/*"], fixed(200, "late"))
        early = rule(10, "path-pattern", ["/api/v1/*"], fixed(410, "early"))
        away = {"Protocol": "HTTPS", "Port": "443", "Host": "new.example", "StatusCode": "HTTP_301"}
        rule(20, "host-header", ["old.example"], {"Type": "redirect", "RedirectConfig": away})
        assert (get(url, "/api/v1/x").status, get(url, "/api/v1/x").body) == (410, "early")
        assert get(url, "/api/v2").body == "late"
        moved = get(url, "/x?y=1", Host="old.example")
        assert (moved.status, moved.headers["Location"]) == (301, "https://new.example/x?y=1")
        assert get(url, "/else").body == f"{server.host}:{server.port}"
        listed = bench.elb.describe_rules(ListenerArn=listener)["Rules"]
        assert [one["Priority"] for one in listed] == ["10", "20", "50", "default"]
        priorities = [{"RuleArn": late, "Priority": 5}]
        bench.elb.set_rule_priorities(RulePriorities=priorities)
        assert get(url, "/api/v1/x").body == "late"
        bench.elb.modify_rule(RuleArn=late, Actions=[fixed(404, "nothing")])
        assert get(url, "/api/v1/x").status == 404
        bench.elb.delete_rule(RuleArn=late)
        assert get(url, "/api/v1/x").body == "early"
        bench.elb.delete_rule(RuleArn=early)
        assert get(url, "/api/v1/x").body == f"{server.host}:{server.port}"
