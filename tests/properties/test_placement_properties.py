"""Where tasks are, after whatever happened: shares of capacity providers, even zones, singletons, evacuated zones."""

from collections import Counter
from random import Random
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import ZONES, a_manifest, zones_named
from headcount.model.manifest import SCALE_IN_RULES, CapacitySource, Manifest
from headcount.model.percentages import maximum_total
from headcount.model.service import Cordon, OperatorWishes, Protection, Standby, StopWish
from headcount.model.values import replace
from headcount.planning.sharing import share
from unit.planning.world import World

LOOPS: Final = settings(max_examples=60)
KILLS: Final = settings(max_examples=3)
BASE_TWO_WEIGHTS_ONE_TO_FOUR: Final = (
    CapacitySource(capacity_provider="FARGATE", base=2, weight=1),
    CapacitySource(capacity_provider="FARGATE_SPOT", weight=4),
)
SPOT_THEN_FARGATE: Final[dict[str, Any]] = {
    "sources": (CapacitySource(capacity_provider="FARGATE_SPOT"),),
    "fallback": (CapacitySource(capacity_provider="FARGATE"),),
}
SOURCES = st.lists(
    st.builds(
        lambda name, weight: CapacitySource(capacity_provider=name, weight=weight),
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda source: source.name,
).filter(lambda sources: any(source.weight for source in sources))


def a_world(desired: int, zones: int, manifest: Manifest) -> World:
    world = World(desired, manifest=manifest, zones=zones_named(*ZONES[:zones]))
    world.settle()
    return world


def by_capacity(world: World) -> Counter[str]:
    return Counter(str(task.capacity_provider) for task in world.running().values())


def by_zone(world: World) -> Counter[str]:
    return Counter(str(task.availability_zone) for task in world.running().values())


def kill(world: World, random: Random) -> None:
    alive = sorted(world.running())
    if alive:
        code, reason = random.choice(
            (("SpotInterruption", "Your Spot Task was interrupted."), ("UserInitiated", "stopped by hand"))
        )
        world.end(random.choice(alive), code, reason)


def settle_for(world: World, seconds: float) -> None:
    """Until nothing changes any more, looks that are due within so many seconds included."""
    until = world.now + seconds
    world.settle(most_passes=600)
    while (at := world.status.next_wake) is not None and at < until:
        world.pass_time(at)
        world.settle(most_passes=600)


# -- base and weight --------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.integers(0, 300), SOURCES, st.integers(0, 20))
def test_shares_are_fair_and_one_task_more_changes_one_of_them(
    count: int, sources: list[CapacitySource], base: int
) -> None:
    based = [replace(sources[0], base=base), *sources[1:]]
    shares, more = share(count, based), share(count + 1, based)
    assert sum(shares.values()) == count
    assert shares[based[0].name] >= min(base, count)
    assert all(more[name] - shares[name] in (0, 1) for name in shares)
    weights, left = sum(source.weight for source in based), max(0, count - base)
    for source in based if len(based) > 1 else ():
        exact = left * source.weight / weights
        assert abs(max(0, shares[source.name] - source.base) - exact) < len(based)


@KILLS
@given(st.integers(0, 2**32))
def test_base_and_weights_stay_true_through_five_hundred_kills_and_scalings(seed: int) -> None:
    random = Random(seed)
    manifest = a_manifest(sources=BASE_TWO_WEIGHTS_ONE_TO_FOUR)
    world = a_world(12, 3, manifest)
    for _ in range(500):
        if random.random() < 0.2:
            world.desired = random.randint(0, 25)
        else:
            kill(world, random)
        world.look()
        if random.random() < 0.1:  # mostly the next blow comes before the last is healed
            world.settle(most_passes=400)
            assert by_capacity(world) == Counter(share(world.desired, BASE_TWO_WEIGHTS_ONE_TO_FOUR))
    world.settle(most_passes=400)
    assert by_capacity(world) == Counter(share(world.desired, BASE_TWO_WEIGHTS_ONE_TO_FOUR))


def test_a_share_without_capacity_is_not_given_to_another_provider() -> None:
    world = World(12, manifest=a_manifest(sources=BASE_TWO_WEIGHTS_ONE_TO_FOUR), zones=zones_named("zone-a"))
    world.none_left = {"FARGATE_SPOT"}
    for _ in range(40):
        world.look()
        world.pass_time(world.now + 20.0)
    assert by_capacity(world) == Counter(FARGATE=4)
    assert world.status.state == "BLOCKED" or "FARGATE_SPOT" in str(world.look().decisions)


# -- fallback ---------------------------------------------------------------------------------------------------------


@LOOPS
@given(st.integers(1, 12), st.integers(1, 3))
def test_tasks_fall_back_and_return_slowly(desired: int, zones: int) -> None:
    world = World(desired, manifest=a_manifest(**SPOT_THEN_FARGATE), zones=zones_named(*ZONES[:zones]))
    world.none_left = {"FARGATE_SPOT"}
    world.settle(most_passes=400)
    assert by_capacity(world) == Counter(FARGATE=desired)
    world.none_left = set()
    moving = 0
    for _ in range(2000):
        world.look()
        running = by_capacity(world)
        moving = max(moving, len(world.alive()) - desired)
        assert running.total() >= desired, "the count suffers while tasks return"
        if running == Counter(FARGATE_SPOT=desired) and len(world.alive()) == desired:
            break
        times = [at for at in (world.next_change(), world.status.next_wake) if at is not None]
        world.pass_time(min(times))
    else:
        raise AssertionError(f"never returned: {by_capacity(world)}, {world.status.state_reason}")
    assert moving <= max(1, desired // 10)
    assert world.now - world.began >= manifest_return(world)


def manifest_return(world: World) -> float:
    return world.declared.manifest.capacity_return.after_seconds


# -- zones ------------------------------------------------------------------------------------------------------------


@LOOPS
@given(desired=st.integers(0, 12), zones=st.integers(2, 3), strict=st.booleans(), seed=st.integers(0, 2**32))
def test_zones_never_differ_by_more_than_one_when_capacity_allows(
    desired: int, zones: int, strict: bool, seed: int
) -> None:
    random = Random(seed)
    world = a_world(desired, zones, a_manifest(strict_zone_spread=strict))
    for _ in range(25):
        kind = random.random()
        if kind < 0.2:
            world.desired = random.randint(0, 12)
        elif kind < 0.4 and not strict:
            world.full_zones = set(random.sample(ZONES[:zones], random.randint(0, zones - 1)))
        else:
            kill(world, random)
        world.look()
        world.pass_time(world.now + random.choice((0.0, 4.0, 30.0)))
    world.full_zones.clear()
    settle_for(world, 3600.0)
    crowds = [by_zone(world)[zone] for zone in ZONES[:zones]]
    assert sum(crowds) == world.desired
    assert max(crowds) - min(crowds) <= 1


def test_strict_spread_waits_for_a_full_zone_rather_than_crowd_another() -> None:
    manifest = a_manifest(strict_zone_spread=True)
    world = World(6, manifest=manifest, zones=zones_named("zone-a", "zone-b"))
    world.none_left = {"zone-b"}
    for _ in range(30):
        world.look()
        world.pass_time(world.now + 20.0)
        assert by_zone(world)["zone-a"] == 3  # what started before the other zone refused
    assert any("strict spread" in decision.reason for decision in world.look().decisions)
    world.none_left = set()
    world.settle(most_passes=400)
    assert by_zone(world) == Counter({"zone-a": 3, "zone-b": 3})


@LOOPS
@given(st.integers(1, 8), st.booleans())
def test_an_evacuated_zone_is_empty_in_the_end_and_the_count_never_suffers(desired: int, evacuate: bool) -> None:
    world = a_world(desired, 3, a_manifest(zone_rebalancing=False))
    before = by_zone(world)["zone-a"]
    world.cordons = (Cordon(zone="zone-a", at=world.now, evacuate=evacuate, by="alice", reason="flood"),)
    for _ in range(400):
        decided = world.look()
        assert len(world.running()) >= desired
        if not decided.actions and world.next_change() is None and world.status.state == "STEADY":
            break
        times = [at for at in (world.next_change(), world.status.next_wake) if at is not None]
        world.pass_time(min(times))
    assert by_zone(world)["zone-a"] == (0 if evacuate else before)
    world.cordons = ()
    world.settle()


ORDERS = st.permutations(SCALE_IN_RULES).flatmap(lambda rules: st.integers(1, 8).map(lambda most: tuple(rules[:most])))


@LOOPS
@given(
    desired=st.integers(1, 9),
    zones=st.integers(1, 3),
    capacity=st.sampled_from(["one", "fallback", "two", "two and fallback"]),
    order=ORDERS,
    seed=st.integers(0, 2**32),
)
def test_moving_tasks_to_better_places_comes_to_an_end(
    desired: int, zones: int, capacity: str, order: tuple[str, ...], seed: int
) -> None:
    sources = BASE_TWO_WEIGHTS_ONE_TO_FOUR if "two" in capacity else (CapacitySource(capacity_provider="FARGATE_SPOT"),)
    fallback = (CapacitySource(capacity_provider="other"),) if "fallback" in capacity else ()
    manifest = a_manifest(sources=sources, fallback=fallback, scale_in_prefer=order)
    random, world = Random(seed), World(desired, manifest=manifest, zones=zones_named(*ZONES[:zones]))
    takers = [*ZONES[:zones], *(source.name for source in sources)]
    for _ in range(20):
        world.none_left = {one for one in takers if random.random() < 0.2}
        for _ in range(random.randint(0, 3)):
            kill(world, random)
        world.desired = random.randint(1, 9) if random.random() < 0.2 else world.desired
        world.look()
        world.pass_time(world.now + random.choice((0.0, 4.0, 30.0, 700.0)))
    world.none_left = set()
    settle_for(world, 3600.0)
    assert by_capacity(world) == Counter(
        {name: tasks for name, tasks in share(world.desired, sources).items() if tasks}
    )
    started = len(world.ecs)
    settle_for(world, 3600.0)
    assert len(world.ecs) == started


# -- singletons and moves ---------------------------------------------------------------------------------------------

MISHAP = st.one_of(
    st.tuples(st.just("kill"), st.integers(0, 9)),
    st.tuples(st.just("notice"), st.sampled_from(["DRAINING", "GONE", "SPOT", "RETIREMENT", "DISCONNECTED"])),
    st.tuples(st.just("deploy"), st.booleans()),
    st.tuples(st.just("look"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 6.0, 50.0, 1000.0])),
    st.tuples(st.just("die"), st.booleans()),
    st.tuples(st.just("events"), st.booleans()),
    st.tuples(st.just("answer"), st.sampled_from(["ok", "throttled", "lost"])),
    st.tuples(st.just("evacuate"), st.sampled_from([*ZONES, None])),
    st.tuples(st.just("stop"), st.integers(0, 9)),
    st.tuples(st.just("standby"), st.integers(0, 9)),
    st.tuples(st.just("protect"), st.integers(0, 9)),
)


def inflict(world: World, mishap: str, what: Any) -> None:
    running = sorted(world.running())
    chosen = running[what % len(running)] if running and type(what) is int else None
    if mishap == "kill" and chosen:
        world.end(chosen, "UserInitiated", "stopped by hand")
    elif mishap == "notice":
        for task in running:
            world.notice(task, what)
    elif mishap == "deploy":
        world.deploy(crashes=what)
    elif mishap == "look":
        for _ in range(what):
            world.look()
    elif mishap == "wait":
        world.pass_time(world.now + what)
    elif mishap == "die":
        world.dies_after_recording = what
    elif mishap == "events":
        world.events_arrive = what
    elif mishap == "answer":
        world.answer = what
    elif mishap == "evacuate":
        world.cordons = () if what is None else (Cordon(zone=what, at=world.now, evacuate=True),)
    elif mishap == "stop" and chosen:
        world.wishes = replace(world.wishes, stops=(StopWish(task=chosen, at=world.now),))
    elif mishap == "standby" and chosen:
        world.wishes = replace(world.wishes, standbys=(Standby(task=chosen, at=world.now),))
    elif mishap == "protect" and chosen:
        world.wishes = replace(world.wishes, protections=(Protection(task=chosen, until=world.now + 600.0),))


def calm(world: World) -> None:
    world.wishes, world.cordons = OperatorWishes(), ()
    world.calm_down()
    settle_for(world, 3600.0)


@LOOPS
@given(st.lists(MISHAP.filter(lambda one: one[0] != "standby"), max_size=30), st.sampled_from([100, 150]))
def test_a_singleton_never_overlaps(mishaps: list[tuple[str, Any]], most: int) -> None:
    manifest = a_manifest(desired_count=1, minimum_healthy_percent=0, maximum_percent=most)
    world = a_world(1, 3, manifest)
    for mishap, what in mishaps:
        inflict(world, mishap, what)
        assert len(world.alive()) <= 1
    calm(world)
    assert len(world.running()) == len(world.alive()) == 1
    assert world.most_alive == 1


@LOOPS
@given(st.integers(1, 6), st.lists(MISHAP, max_size=30), st.sampled_from([(100, 200), (50, 100), (66, 150)]))
def test_whatever_is_announced_or_wished_the_service_ends_as_declared(
    desired: int, mishaps: list[tuple[str, Any]], percents: tuple[int, int]
) -> None:
    manifest = a_manifest(minimum_healthy_percent=percents[0], maximum_percent=percents[1])
    if maximum_total(desired, percents[1]) <= desired and desired * percents[0] > (desired - 1) * 100:
        return  # the manifest's check refuses it: no deployment could go on
    world = a_world(desired, 3, manifest)
    for mishap, what in mishaps:
        inflict(world, mishap, what)
    calm(world)
    assert len(world.running()) == len(world.alive()) == desired
    assert all(world.table[task].notice is None for task in world.running())
    assert world.look().actions == ()


@LOOPS
@given(st.integers(1, 5), st.data())
def test_a_protected_task_goes_only_when_its_place_goes(desired: int, data: st.DataObject) -> None:
    world = a_world(desired, 3, a_manifest())
    task = data.draw(st.sampled_from(sorted(world.running())))
    kind = data.draw(st.sampled_from(["DRAINING", "GONE", "SPOT", "RETIREMENT"]))
    world.wishes = OperatorWishes(protections=(Protection(task=task, until=world.now + 10_000.0),))
    world.notice(task, kind)
    for _ in range(30):
        world.look()
        world.pass_time(world.now + 30.0)
    assert (task in world.running()) == (kind == "DRAINING")
