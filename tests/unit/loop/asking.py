"""A control function over a loop, and a manifest to apply with one thing changed."""

from builders import TASK_DEFINITION
from fakes.loop import ZONE_OF_SUBNET, FakeLoop
from fakes.native import InMemorySurroundings
from fakes.registry import InMemoryRegistry
from fakes.scaling import InMemoryNativeServices
from headcount.controlling import Controller
from headcount.model.values import replace

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
        self.native = InMemoryNativeServices()
        self.surroundings = InMemorySurroundings()
        self.controller = Controller(
            store=self.loop.store,
            kicks=self.loop.kicks,
            registry=InMemoryRegistry(dict(DEFINITIONS), ZONE_OF_SUBNET),
            native=self.native,
            surroundings=self.surroundings,
            clock=self.loop.clock,
            new_id=lambda: "identity",
            clusters=clusters,
        )
        self._raced = None

    def ask(self, operation, **fields):
        self.loop.clock.advance(1)
        controller, self._raced = self._raced or self.controller, None
        return controller.answer({"version": 1, "operation": operation, "by": "alice", **fields})

    def race(self, happens):
        """Something happens once, between the next request's reading and its writing."""
        self._raced = replace(self.controller, store=_Racing(self.loop.store, happens))

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


class _Racing:
    """A store in which something happens right after it was read."""

    def __init__(self, store, happens):
        self._store = store
        self._happens = happens

    def read(self, service):
        records = self._store.read(service)
        self._happens()
        return records

    def cluster_wishes(self, cluster):
        found = self._store.cluster_wishes(cluster)
        self._happens()
        return found

    def __getattr__(self, name):
        return getattr(self._store, name)
