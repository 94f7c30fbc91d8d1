"""Listeners before tasks that are processes: what is lost with a process, and that nothing else is."""

import http.client
import threading
from collections import Counter
from contextlib import ExitStack
from urllib.parse import urlsplit

from integration.sandbox_world.balancing import Answer, Bench, a_bench, get, together
from integration.sandbox_world.sites import Site, wait_for

PORT = 18080  # seldom anybody else's on this machine
WEB = [
    "python",
    "-c",
    """
import http.server, os, time
held = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def do_GET(self):
        if self.path == "/slow":
            held.append(self)
            time.sleep(60)
        text = str(len(held)).encode() if self.path == "/held" else os.environ["HOST"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
""",
]


def _serving(site: Site, bench: Bench, group: str, count: int) -> list[str]:
    """The addresses of so many new tasks that serve."""
    before = len(bench.health(group))
    revision = site.define(f"{site.family}-web", command=WEB, portMappings=[{"containerPort": PORT}])
    arns = [task["taskArn"] for task in site.run(taskDefinition=revision, count=count)["tasks"]]
    found = [site.until(arn, "RUNNING")["containers"][0]["networkInterfaces"][0] for arn in arns]
    addresses = [interface["privateIpv4Address"] for interface in found]
    bench.register(group, *({"Id": address, "Port": PORT} for address in addresses))
    bench.until(group, *["healthy"] * (before + count))
    return addresses


def _held_by(address: str) -> int:
    """How many slow requests a server works on, asked past the load balancer."""
    return int(get(f"http://{address}:{PORT}", "/held").body)


def test_a_killed_process_fails_only_what_it_held(process_site: Site, process_subnets: dict[str, str]) -> None:
    bench = a_bench(process_site.world, process_subnets)
    group = bench.group(delay=2)
    url = bench.serve(group)
    first, second = _serving(process_site, bench, group, 2)
    held: list[Answer] = []
    waiting = [threading.Thread(target=lambda: held.append(get(url, "/slow", patience=60))) for _ in range(2)]
    for number, thread in enumerate(waiting, start=1):
        thread.start()
        wait_for(lambda number=number: _held_by(first) + _held_by(second) == number)
    assert (_held_by(first), _held_by(second)) == (1, 1)
    bench.world.targets.kill(first, PORT)
    wait_for(lambda: held)
    bench.deregister(group, {"Id": first, "Port": PORT})
    assert held[0].status == 502
    assert {get(url).body for _ in range(20)} == {second}
    assert len(held) == 1, "the other one still works on its request"
    bench.world.targets.kill(second, PORT)
    for thread in waiting:
        thread.join()
    assert [answer.status for answer in held] == [502, 502]


def test_a_target_that_is_gone_gives_502_until_it_is_taken_out(
    process_site: Site, process_subnets: dict[str, str]
) -> None:
    bench = a_bench(process_site.world, process_subnets)
    group = bench.group(delay=2)
    url = bench.serve(group)
    (address,) = _serving(process_site, bench, group, 1)
    bench.world.targets.kill(address, PORT)
    wait_for(lambda: get(url).status == 502)
    bench.deregister(group, {"Id": address, "Port": PORT})
    assert get(url).status == 503


def test_thousands_of_requests_lose_none_while_tasks_come_and_go(
    process_site: Site, process_subnets: dict[str, str]
) -> None:
    bench = a_bench(process_site.world, process_subnets)
    group = bench.group(delay=1)
    url = urlsplit(bench.serve(group))
    first = _serving(process_site, bench, group, 2)
    stop = threading.Event()
    statuses: Counter[int | str] = Counter()

    def load(_: int) -> None:
        client = http.client.HTTPConnection(url.netloc, timeout=30)
        while not stop.is_set():
            client.request("GET", "/")
            answer = client.getresponse()
            answer.read()
            statuses[answer.status] += 1
        client.close()

    clients = threading.Thread(target=together, args=(4, load))
    clients.start()
    with ExitStack() as stopping:
        stopping.callback(clients.join)
        stopping.callback(stop.set)
        fresh = _serving(process_site, bench, group, 2)
        bench.deregister(group, *({"Id": address, "Port": PORT} for address in first))
        wait_for(lambda: len(bench.health(group)) == len(fresh))
        for address in first:
            bench.world.targets.kill(address, PORT)
        seen = statuses[200]
        wait_for(lambda: statuses[200] > seen + 200)
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 200
