"""Listeners pass real traffic to real processes, and answer as AWS does when something is amiss."""

import http.client
import json
import socket
import ssl
import threading
import time
import urllib.request
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from headcount_sandbox.world import World
from integration.sandbox_world.balancing import Answer, Bench, a_server, get, together
from integration.sandbox_world.sites import wait_for


def test_a_listener_has_its_own_port_where_it_is_free(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
        group = bench.group()
        elsewhere = bench.serve(group, port=free)
        assert elsewhere != f"http://127.0.0.1:{free}"
    listener = bench.listener(group, port=80)
    url = urlsplit(bench.world.listener_url(listener))
    assert (url.scheme, url.hostname) == ("http", "127.0.0.1")
    assert url.port is not None
    assert url.port > 1024
    bench.elb.delete_listener(ListenerArn=listener)
    with pytest.raises(OSError, match="refused"):
        get(url.geturl())
    again = bench.listener(group, port=url.port)
    assert bench.world.listener_url(again) == url.geturl()


def test_healthy_targets_take_turns(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    with a_server() as one, a_server() as two, a_server() as three:
        bench.put(group, one, two, three)
        turns = [10, 10, 10]  # unless a busy machine answers a check too late
        wait_for(lambda: sorted(Counter(get(url).body for _ in range(30)).values()) == turns)
        three.status = 500
        wait_for(lambda: ("unhealthy", "Target.ResponseCodeMismatch") in bench.states(group))
        counts = Counter(get(url).body for _ in range(20))
        assert set(counts) == {f"{one.host}:{one.port}", f"{two.host}:{two.port}"}


def test_when_all_are_unhealthy_all_are_asked(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    with a_server() as one, a_server() as two:
        bench.put(group, one, two)
        one.status = two.status = 500
        bench.until(group, "unhealthy", "unhealthy")
        answers = [get(url) for _ in range(4)]
        assert Counter(answer.body for answer in answers).most_common()[0][1] == 2
        assert {answer.status for answer in answers} == {500}


def test_a_request_arrives_as_it_was_sent_with_what_a_load_balancer_adds(bench: Bench) -> None:
    group = bench.group()
    listener = bench.listener(group)
    url = bench.world.listener_url(listener)
    with a_server() as server:
        bench.put(group, server)
        answer = get(url, "/a%20b?x=1&y=%2F", method="POST", body=b"payload", Host="shop.example", X_Own="yes")
        method, path, headers, body = server.requests("/a")[0]
        assert (method, path, body) == ("POST", "/a%20b?x=1&y=%2F", b"payload")
        assert (headers["Host"], headers["X-Own"], headers["X-Forwarded-For"]) == ("shop.example", "yes", "127.0.0.1")
        assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Port"]) == ("http", str(urlsplit(url).port))
        assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")
        assert answer.headers["X-Path"] == path
        get(url, "/again", X_Forwarded_For="10.1.1.1")
        assert server.requests("/again")[0][2]["X-Forwarded-For"] == "10.1.1.1, 127.0.0.1"
        head = get(url, method="HEAD")
        assert (head.status, head.body) == (200, "")
        assert int(head.headers["Content-Length"]) == len(f"{server.host}:{server.port}")


def test_large_bodies_pass_in_both_directions(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    with a_server() as server:
        bench.put(group, server)
        body = bytes(range(256)) * 20_000
        assert get(url, "/big", method="PUT", body=body).status == 200
        assert server.requests("/big")[0][3] == body
        server.body = bytes(range(256)) * 20_000
        client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        client.request("GET", "/big")
        assert client.getresponse().read() == server.body
        client.close()


def test_a_client_that_asks_whether_to_go_on_is_told_to(bench: Bench) -> None:
    group = bench.group()
    url = urlsplit(bench.serve(group))
    with a_server() as server, socket.create_connection(("127.0.0.1", url.port or 0), timeout=30) as client:
        bench.put(group, server)
        client.sendall(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"body")
        assert client.recv(1024).startswith(b"HTTP/1.1 200")
        assert server.requests("/x")[0][3] == b"body"


def test_connections_are_kept_alive_on_both_sides(bench: Bench) -> None:
    group = bench.group(HealthCheckIntervalSeconds=300)  # so seldom, but for the first ones
    url = urlsplit(bench.serve(group))
    with a_server() as server:
        bench.put(group, server)
        checks = len(server.connections)
        client = http.client.HTTPConnection(url.netloc, timeout=30)
        for _ in range(50):
            client.request("GET", "/")
            assert client.getresponse().read()
        client.close()
        assert len(server.connections) - checks <= 3, "one for the traffic, the others are checks"


def test_without_targets_it_says_503(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    answer = get(url)
    assert (answer.status, answer.headers["Server"]) == (503, "awselb/2.0")
    bench.register(group, {"Id": "10.0.0.222"})
    assert get(url).status == 503, "a target that has not passed a check gets nothing"


def test_a_target_that_breaks_the_connection_gives_502_and_nothing_is_tried_again(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    with a_server() as server:
        bench.put(group, server)
        server.breaks = True
        assert get(url, "/broken").status == 502
        assert len(server.requests("/broken")) == 1
        server.breaks = False
        assert get(url).status == 200


def test_a_target_that_does_not_answer_in_time_gives_504(bench: Bench) -> None:
    group = bench.group()
    url = bench.serve(group)
    idle = [{"Key": "idle_timeout.timeout_seconds", "Value": "1"}]
    bench.elb.modify_load_balancer_attributes(LoadBalancerArn=bench.arn, Attributes=idle)
    with a_server(delay=8) as server:
        bench.put(group, server)
        assert get(url).status == 504


def test_a_draining_target_gets_nothing_new_and_finishes_what_it_has(bench: Bench) -> None:
    group = bench.group(delay=5)
    url = bench.serve(group)
    with a_server() as old, a_server() as new:
        bench.put(group, old)
        old.delay = 0.5
        answers: list[Answer] = []
        slow = threading.Thread(target=lambda: answers.append(get(url, "/slow")))
        slow.start()
        wait_for(lambda: old.requests("/slow"))
        bench.put(group, new)
        bench.deregister(group, old.target)
        assert {get(url).body for _ in range(10)} == {f"{new.host}:{new.port}"}
        slow.join()
        assert answers[0].status == 200
        assert answers[0].body == f"{old.host}:{old.port}"


def test_what_takes_longer_than_the_delay_is_cut_off(bench: Bench) -> None:
    group = bench.group(delay=1)
    url = bench.serve(group)
    with a_server(delay=8) as server:
        bench.put(group, server)
        answers: list[Answer] = []
        slow = threading.Thread(target=lambda: answers.append(get(url, "/slow")))
        slow.start()
        wait_for(lambda: server.requests("/slow"))
        began = time.monotonic()
        bench.deregister(group, server.target)
        slow.join()
        assert answers[0].status == 502
        assert time.monotonic() - began < 6


def test_weights_share_the_traffic(bench: Bench) -> None:
    often, seldom, never = bench.group(), bench.group(), bench.group()
    weights = [(often, 9), (seldom, 1), (never, 0)]
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    url = bench.serve(DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])
    with a_server() as one, a_server() as two, a_server() as three:
        for group, server in ((often, one), (seldom, two), (never, three)):
            bench.put(group, server)
        counts = Counter(get(url).body for _ in range(200))
        assert counts[f"{three.host}:{three.port}"] == 0
        assert 140 < counts[f"{one.host}:{one.port}"] < 198


def test_the_target_with_the_least_to_do_is_asked_where_the_group_says_so(bench: Bench) -> None:
    group = bench.group()
    bench.set(group, {"load_balancing.algorithm.type": "least_outstanding_requests"})
    url = bench.serve(group)
    with a_server() as busy, a_server() as idle:
        bench.put(group, busy, idle)
        busy.delay = 5.0
        waiting = threading.Thread(target=together, args=(2, lambda _: get(url, "/wait")))
        waiting.start()
        wait_for(lambda: busy.requests("/wait"))
        wait_for(lambda: idle.requests("/wait"))
        assert {get(url).body for _ in range(8)} == {f"{idle.host}:{idle.port}"}
        waiting.join()


def test_a_function_may_answer(bench: Bench, balanced_world: World) -> None:
    name = "sorry"
    events: list[dict[str, Any]] = []

    def invoke(function: str, payload: bytes, kind: str, trace: str = "") -> tuple[int, dict[str, str], bytes]:
        events.append(json.loads(payload))
        page = {"statusCode": 503, "headers": {"content-type": "text/plain"}, "body": f"{function}: back soon"}
        return 200, {}, json.dumps(page).encode()

    balanced_world.functions.add(name)
    balanced_world.invoke = invoke
    lambdas = balanced_world.client("lambda")
    function = f"arn:aws:lambda:{balanced_world.region}:{balanced_world.account}:function:{name}"
    group = bench.group(TargetType="lambda", Protocol=None, Port=None, VpcId=None)
    with pytest.raises(Exception, match="does not have permission to invoke") as caught:
        bench.register(group, {"Id": function})
    assert "AccessDenied" in str(caught.value)
    permission = {"Principal": "elasticloadbalancing.amazonaws.com", "Action": "lambda:InvokeFunction"}
    lambdas.add_permission(FunctionName=name, StatementId="elb", SourceArn=group, **permission)
    bench.register(group, {"Id": function})
    url = bench.serve(group)
    assert bench.states(group)[0][0] in ("initial", "unavailable")
    wait_for(lambda: bench.states(group) == [("unavailable", "Target.HealthCheckDisabled")])
    answer = get(url, "/any?a=b")
    assert (answer.status, answer.body) == (503, "sorry: back soon")
    event = events[-1]
    assert event["requestContext"] == {"elb": {"targetGroupArn": group}}
    assert (event["httpMethod"], event["path"], event["queryStringParameters"]) == ("GET", "/any", {"a": "b"})
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_tls_is_spoken_with_a_certificate_of_its_own(bench: Bench, balanced_world: World) -> None:
    certificate = balanced_world.client("acm").request_certificate(DomainName="shop.example")["CertificateArn"]
    group = bench.group()
    url = bench.serve(group, protocol="HTTPS", Certificates=[{"CertificateArn": certificate}])
    with a_server() as server:
        bench.put(group, server)
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        with urllib.request.urlopen(url, timeout=30, context=unverified) as answer:
            assert answer.status == 200
        assert server.requests()[0][2]["X-Forwarded-Proto"] == "https"


def test_targets_that_speak_tls_are_checked_and_asked_whoever_signed_their_certificate(
    bench: Bench, balanced_world: World
) -> None:
    certificate = balanced_world.client("acm").request_certificate(DomainName="shop.example")["CertificateArn"]
    inner, outer = bench.group(), bench.group("HTTPS")
    speaks_tls = bench.serve(inner, protocol="HTTPS", Certificates=[{"CertificateArn": certificate}])
    url = bench.serve(outer)
    with a_server() as server:
        bench.put(inner, server)
        bench.register(outer, {"Id": "127.0.0.1", "Port": urlsplit(speaks_tls).port})
        bench.until(outer, "healthy")
        assert get(url, "/through").body == f"{server.host}:{server.port}"
        assert server.requests("/through")[0][2]["X-Forwarded-For"] == "127.0.0.1, 127.0.0.1"


def test_a_network_load_balancer_passes_bytes(network: Bench) -> None:
    group = network.group("TCP")
    url = network.serve(group, protocol="TCP")
    assert url.startswith("tcp://")
    with a_server() as server:
        network.put(group, server)
        assert get(url.replace("tcp", "http")).body == f"{server.host}:{server.port}"
        assert "X-Forwarded-For" not in server.requests()[0][2]
        network.deregister(group, server.target)
        with pytest.raises(OSError, match=r"reset|refused|closed|Remote end"):
            get(url.replace("tcp", "http"))


def test_a_connection_outlives_the_delay_unless_the_group_says_otherwise(network: Bench) -> None:
    group = network.group("TCP", delay=1)
    url = urlsplit(network.serve(group, protocol="TCP"))
    with a_server() as server:
        for ends in ("false", "true"):
            network.set(group, {"deregistration_delay.connection_termination.enabled": ends})
            network.put(group, server)
            client = http.client.HTTPConnection(url.netloc, timeout=30)
            client.request("GET", "/")
            client.getresponse().read()
            network.deregister(group, server.target)
            wait_for(lambda: not network.health(group))
            if ends == "false":
                client.request("GET", "/")
                assert client.getresponse().read()
            else:
                wait_for(lambda client=client: _is_closed(client))
            client.close()


def _is_closed(client: http.client.HTTPConnection) -> bool:
    assert client.sock is not None
    client.sock.settimeout(0.05)
    try:
        return client.sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_network_load_balancer_may_stand_before_an_application_load_balancer(bench: Bench, network: Bench) -> None:
    inner = bench.group()
    port = urlsplit(bench.serve(inner)).port
    outer = network.group("TCP", TargetType="alb", Port=port, HealthCheckPath="/ok")
    url = network.serve(outer, protocol="TCP")
    with a_server() as server:
        bench.put(inner, server)
        network.register(outer, {"Id": bench.arn})
        network.until(outer, "healthy")
        assert get(url.replace("tcp", "http")).body == f"{server.host}:{server.port}"


def test_the_console_tells_of_listeners_and_groups(bench: Bench) -> None:
    group = bench.group()
    listener = bench.listener(group)
    url = bench.world.listener_url(listener)
    with a_server() as server:
        bench.put(group, server)
        get(url)
        listed = _console(bench.world, "listeners")["listeners"]
        mine = next(one for one in listed if one["listenerArn"] == listener)
        assert (mine["url"], mine["requests"], mine["targetAnswers"]) == (url, 1, {"200": 1})
        groups = _console(bench.world, "target-groups")["targetGroups"]
        targets = next(one for one in groups if one["targetGroupArn"] == group)["targets"]
        assert [(one["id"], one["state"]) for one in targets] == [(server.host, "healthy")]


def _console(world: World, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{world.endpoint_url}/_sandbox/{path}", timeout=30) as answer:
        return dict(json.load(answer))
