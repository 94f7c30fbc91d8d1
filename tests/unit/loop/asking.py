"""A control function over a loop, and a manifest to apply with one thing changed."""

from builders import TASK_DEFINITION
from fakes.loop import ZONE_OF_SUBNET, FakeLoop
from fakes.registry import InMemoryRegistry
from headcount.controlling import Controller

MANIFEST = {
    "kind": "Service",
    "cluster": "prod",
    "serviceName": "web",
    "taskDefinition": "web:12",
    "desiredCount": 3,
    "launchType": "FARGATE",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}},
}
DEFINITIONS = {"web:12": TASK_DEFINITION, "web:13": TASK_DEFINITION.replace(":12", ":13")}


class Asking:
    """A control function over a loop."""

    def __init__(self, clusters=("prod",)):
        self.loop = FakeLoop()
        self.controller = Controller(
            store=self.loop.store,
            kicks=self.loop.kicks,
            registry=InMemoryRegistry(DEFINITIONS, ZONE_OF_SUBNET),
            clock=self.loop.clock,
            new_id=lambda: "identity",
            clusters=clusters,
        )

    def ask(self, operation, **fields):
        self.loop.clock.advance(1)
        return self.controller.answer({"version": 1, "operation": operation, "by": "alice", **fields})

    def result(self, operation, **fields):
        answer = self.ask(operation, **fields)
        assert answer["ok"], answer
        return answer["result"]

    def error(self, operation, **fields):
        answer = self.ask(operation, **fields)
        assert not answer["ok"], answer
        return answer["error"]

    def apply(self, **changes):
        return self.result("apply", manifest=MANIFEST | changes)
