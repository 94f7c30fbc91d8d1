"""Tasks on container instances are processes too: they listen on their instance and die with it."""

import os
import signal
import urllib.request

from integration.sandbox_world.sites import Site, wait_for

SERVER = [
    "python",
    "-c",
    """
import http.server, os
at = os.environ["HOST"], int(os.environ["PORT"])
http.server.HTTPServer(at, http.server.SimpleHTTPRequestHandler).serve_forever()
""",
]


def running(site: Site, instance: str, **container: object) -> tuple[str, int]:
    """A running task on an instance, and its process."""
    definition = site.define_ec2(f"{site.family}-e", command=["sleep", "300"], **container)
    started = site.ecs.start_task(cluster=site.cluster, taskDefinition=definition, containerInstances=[instance])
    arn = started["tasks"][0]["taskArn"]
    site.until(arn, "RUNNING")
    pid = site.world.task_pid(arn.rpartition("/")[2])
    assert pid is not None
    return arn, pid


def test_two_tasks_of_one_instance_listen_on_its_address_at_ports_of_their_own(process_site: Site) -> None:
    arn = process_site.add_instance()["containerInstanceArn"]
    described = process_site.world.describe_container_instances()
    address = next(item["privateIpAddress"] for item in described if item["containerInstanceArn"] == arn)
    definition = process_site.define_ec2(
        f"{process_site.family}-web", command=SERVER, portMappings=[{"containerPort": 8080}]
    )
    tasks = process_site.on_ec2(definition, count=2)["tasks"]
    ports = [
        process_site.until(task["taskArn"], "RUNNING")["containers"][0]["networkBindings"][0]["hostPort"]
        for task in tasks
    ]
    for port in ports:
        wait_for(lambda port=port: _answers(f"http://{address}:{port}/"))


def test_processes_die_with_their_instance_whether_ecs_tells_or_not(process_site: Site) -> None:
    told, untold = process_site.add_instance(), process_site.add_instance()
    first, first_pid = running(process_site, told["containerInstanceArn"])
    second, second_pid = running(process_site, untold["containerInstanceArn"])
    process_site.world.losses.terminate(told["ec2InstanceId"])
    process_site.world.losses.vanish(untold["ec2InstanceId"], noticed_after=0.5, afterwards="STOPPED")
    wait_for(lambda: not _lives(first_pid) and not _lives(second_pid))
    assert process_site.task(first)["lastStatus"] == "STOPPED"
    process_site.until(second, "STOPPED")


def test_containers_run_on_when_their_instance_is_deregistered(process_site: Site) -> None:
    instance = process_site.add_instance()["containerInstanceArn"]
    arn, pid = running(process_site, instance)
    process_site.ecs.deregister_container_instance(cluster=process_site.cluster, containerInstance=instance, force=True)
    assert process_site.task(arn)["lastStatus"] == "STOPPED"
    assert _lives(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not _lives(pid))
    assert "exitCode" not in process_site.task(arn)["containers"][0]


def test_a_death_under_a_silent_agent_is_told_later(process_site: Site) -> None:
    instance = process_site.add_instance()
    arn, pid = running(process_site, instance["containerInstanceArn"])
    process_site.world.losses.disconnect(instance["ec2InstanceId"], None)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: process_site.world.task_pid(arn.rpartition("/")[2]) is None)
    assert process_site.task(arn)["lastStatus"] == "RUNNING"
    process_site.world.losses.reconnect(instance["ec2InstanceId"])
    assert process_site.until(arn, "STOPPED")["containers"][0]["exitCode"] == 137


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
