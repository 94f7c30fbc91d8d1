"""What is no longer declared is deleted once nothing needs it; what was never the service's own stays."""

from builders import SERVICE, a_task
from headcount.model.values import replace
from headcount_simulation.partitions import TaskRecord

from .keeping import a_balancer, a_function_behind, a_listener, a_rule, behind, behind_existing


def test_a_group_stays_while_tasks_are_registered_in_it(keeping):
    keeping.declare(load_balancers=(behind("old"),)).look()
    old = keeping.account.group("old").arn
    keeping.register(old, "t1")
    keeping.declare(load_balancers=(behind("new"),)).look()
    assert keeping.account.names == {"group old", "group new"}
    keeping.register(old)
    keeping.look()
    assert keeping.account.names == {"group new"}


def test_a_group_stays_until_a_pass_has_seen_that_it_is_no_longer_declared(keeping):
    keeping.declare(load_balancers=(behind("old"),)).look()
    status = keeping.table.partition(SERVICE).status
    keeping.declare(load_balancers=(behind("new"),))
    keeping.table.partition(SERVICE).status = status
    keeping.look()
    assert keeping.account.names == {"group old", "group new"}


def test_a_group_that_the_manifest_names_by_its_arn_now_is_not_deleted(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    arn = keeping.account.group("web").arn
    keeping.declare(load_balancers=(behind_existing(arn),)).look()
    assert arn in keeping.account.groups


def test_what_loses_its_tags_is_somebody_elses_from_then_on(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    keeping.account.group("web").tags.clear()
    keeping.declare().look()
    assert keeping.account.names == {"group web"}
    assert keeping.balancing.owned == ()


def test_a_service_that_declares_nothing_any_more_has_nothing_left(keeping):
    keeping.declare(load_balancers=(behind("web"),)).look()
    keeping.declare()
    assert keeping.look().removed
    assert keeping.account.names == set()


def _everything(keeping):
    sorry = keeping.account.add_function("sorry-page")
    return keeping.declare(
        load_balancers=(behind("web", a_rule("web-alb:80", 10)),),
        function_targets=(a_function_behind(sorry, a_rule("web-alb:80", 50000)),),
        elastic_load_balancers=(a_balancer(a_listener(80, "web")),),
    )


def test_a_service_that_is_deleted_keeps_its_load_balancing_while_anything_runs_or_is_registered(keeping):
    _everything(keeping).look()
    there = keeping.account.names
    keeping.delete()
    keeping.register(keeping.account.group("web").arn, "t1")
    keeping.look()
    assert (keeping.account.names, keeping.balancing.removed) == (there, False)
    assert [one.key for one in keeping.balancing.groups] == ["web"], "passes still take its targets out"


def test_a_service_that_is_deleted_keeps_its_load_balancing_while_a_task_is_on_record(keeping):
    _everything(keeping).look()
    keeping.delete()
    partition = keeping.table.partition(SERVICE)
    task = a_task("t1")
    partition.tasks["t1"] = TaskRecord(observed=task.observed, version=1, managed=task.managed)
    assert not keeping.look().removed
    partition.tasks["t1"].observed = replace(task.observed, last_status="STOPPED", desired_status="STOPPED")
    assert keeping.look().removed


def test_a_service_that_is_gone_leaves_nothing_but_what_was_never_its_own(keeping):
    listener = keeping.account.add_listener()
    theirs = keeping.account.add_group("theirs")
    keeping.account.add_rule(listener, 1, theirs)
    _everything(keeping).look()
    keeping.steps()
    keeping.delete()
    looked = keeping.look()
    assert (looked.removed, looked.kicked, keeping.balancing.owned) == (True, True, ())
    assert keeping.account.names == {"theirs", "listener 80", "rule 1", "group theirs"}
    steps = keeping.steps()
    assert steps.index("DeleteRule") < steps.index("DeleteListener") < steps.index("DeleteLoadBalancer")
    assert steps.index("DeleteLoadBalancer") < steps.index("DeleteTargetGroup")
    assert keeping.look().kicked, "the kick that says so may have been lost"


def test_what_aws_refuses_to_delete_is_told_and_tried_again(keeping):
    protected = {"deletion_protection.enabled": "true"}
    keeping.declare(elastic_load_balancers=(a_balancer(attributes=protected),)).look()
    keeping.delete()
    assert not keeping.look().removed
    assert keeping.balancing.problems == (
        (
            "load balancer web-alb: AWS refuses DeleteLoadBalancer: OperationNotPermitted: "
            "Load balancer cannot be deleted because deletion protection is enabled"
        ),
    )
    (balancer,) = keeping.account.load_balancers.values()
    balancer.attributes["deletion_protection.enabled"] = "false"
    assert keeping.look().removed
