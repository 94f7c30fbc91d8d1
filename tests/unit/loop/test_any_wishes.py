"""Whatever is asked in whatever order: answers that can be sent, and records that can be read."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headcount.controlling import OPERATIONS
from headcount.model.manifest import MAXIMUM_TASKS
from headcount.model.service import ClusterWishes, ServiceState

from .asking import MANIFEST, Asking

ERROR_TYPES = {"InvalidRequest", "InvalidManifest", "ServiceNotFound", "ServiceDeleting", "Conflict", "Unavailable"}
STEADY_TASKS = [f"{number:032x}" for number in range(1, 4)]  # the fake runtime names tasks so

text = st.one_of(st.none(), st.text(max_size=300), st.just("night shift"))
nonsense = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers())
)
numbers = st.sampled_from([0, 1, 2, 5, 60, 120, 5000, 5001, 31_536_000, -1, 2.5, True])
values = {
    "service": st.sampled_from(["web", "prod/web"]),
    "target": st.sampled_from(["web", STEADY_TASKS[0]]),
    "cluster": st.just("prod"),
    "tasks": st.lists(st.sampled_from(STEADY_TASKS), min_size=1, max_size=4),
    "zone": st.sampled_from(["eu-west-1a", "eu-west-1b"]),
    "mode": st.sampled_from(["stop", "freeze"]),
    "manifest": st.builds(
        lambda definition, count: MANIFEST | {"taskDefinition": definition, "desiredCount": count},
        st.sampled_from(["web:12", "web:13"]),
        st.integers(0, 5),
    ),
    "reason": text,
    "by": text,
    "before": st.none(),
    **dict.fromkeys(["lowerCount", "end", "evacuate", "dryRun"], st.booleans()),
    **dict.fromkeys(["count", "forSeconds", "untilSeconds", "desiredCount", "expiresInMinutes", "limit"], numbers),
}
often_right = {name: st.one_of(value, value, value, value, nonsense) for name, value in values.items()}
needed = ("service", "cluster", "tasks", "zone", "desiredCount", "count", "forSeconds", "manifest", "target")


@st.composite
def requests(draw):
    """A request that is mostly right."""
    name = draw(st.sampled_from(sorted(OPERATIONS.keys() - {"delete"})))
    known = sorted(OPERATIONS[name].fields | {"by"})
    if name == "events":
        known.remove("cluster")
    given_ = [field for field in known if field in needed or draw(st.booleans())]
    return {"version": 1, "operation": name, **{field: draw(often_right[field]) for field in given_}}


def _sent(answer):
    """As Lambda's own runtime client sends it."""
    return json.loads(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode())


@settings(max_examples=60)
@given(asked=st.lists(st.tuples(requests(), st.sampled_from([0.0, 1.0, 30.0, 4000.0])), min_size=1, max_size=12))
def test_any_sequence_of_requests_leaves_records_that_can_be_read(asked):
    asking = Asking()
    asking.apply()
    asking.loop.settle()
    assert sorted(asking.loop.ids()) == STEADY_TASKS
    generation = 1
    for request, seconds in asked:
        asking.loop.clock.advance(seconds)
        answer = _sent(asking.controller.answer(request))
        assert answer["ok"] or answer["error"]["type"] in ERROR_TYPES, answer
        state = asking.loop.state()
        assert msgspec.json.decode(msgspec.json.encode(state), type=ServiceState) == state
        assert 0 <= state.capacity.desired_count <= MAXIMUM_TASKS
        assert state.declared.generation >= generation, "a generation never returns"
        assert state.declared.previous is None or state.declared.previous.previous is None
        generation = state.declared.generation
        wishes, _ = asking.loop.store.cluster_wishes("prod")
        assert msgspec.json.decode(msgspec.json.encode(wishes), type=ClusterWishes) == wishes
        for operation in ("describe", "plan", "why"):
            field = "target" if operation == "why" else "service"
            assert _sent(asking.ask(operation, **{field: "web"}))["ok"], operation


@settings(max_examples=40)
@given(request=requests(), seconds=st.sampled_from([0.0, 1.0, 50.0]))
def test_a_request_sent_again_changes_nothing_but_when_wishes_end(request, seconds):
    """The answer was lost: what holds is what one request asked for."""
    asking = Asking()
    asking.apply()
    asking.apply(taskDefinition="web:13")
    asking.loop.settle()
    first = asking.controller.answer(request)
    once = asking.loop.state()
    asking.loop.clock.advance(seconds)
    again = asking.controller.answer(request)
    twice = asking.loop.state()
    if not (first["ok"] and again["ok"]):
        assert (once.capacity, once.declared.deployment) == (twice.capacity, twice.declared.deployment)
        return
    assert twice.capacity == once.capacity
    assert (twice.declared.deployment, twice.declared.manifest) == (once.declared.deployment, once.declared.manifest)
    assert [one.task for one in twice.operator.stops] == [one.task for one in once.operator.stops]
    assert [one.task for one in twice.operator.standbys] == [one.task for one in once.operator.standbys]
    assert (twice.operator.pause is None) == (once.operator.pause is None) or seconds
