"""What operators wish of a whole cluster: that nothing is started in a zone."""

from typing import Any

from headcount import answers, cautions, wishing
from headcount.desk import Desk, asked
from headcount.errors import Poisoned, TransientError
from headcount.model.instants import iso
from headcount.model.problem import Problem
from headcount.model.service import ANY_ZONE, ClusterWishes, Cordon
from headcount.requests import Fields, refuse

MOST_CORDONS = 100
NAMED_SERVICES = 10


def cordon(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Start no task of a cluster in a zone; with ``evacuate``, replace those that are there."""
    now = desk.clock()
    cluster, zone, evacuate = fields.cluster(), fields.zone(), fields.boolean("evacuate")
    until = fields.until(now)
    fields.check()
    before, revision = desk.store.cluster_wishes(cluster)
    wish = Cordon(zone=zone, at=now, evacuate=evacuate, until=until, by=fields.by, reason=fields.reason)
    after = wishing.with_cordon(before, wish, now)
    if len(after.cordons) > MOST_CORDONS:
        said = f"at most {MOST_CORDONS} zones of a cluster may be cordoned at a time"
        refuse([Problem(path="zone", value=zone, message=said)])
    if after != before:
        ends = f" until {iso(until)}" if until is not None else ""
        words = f"cordon {zone}{' and evacuate it' if evacuate else ''}{ends}"
        desk.store.put_cluster_wishes(cluster, revision, after, asked(fields, words), now)
    return _tell_cluster(desk, cluster, after, now, zone)


def uncordon(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Let tasks of a cluster be started in a zone again."""
    now = desk.clock()
    cluster, zone = fields.cluster(), fields.zone()
    fields.check()
    before, revision = desk.store.cluster_wishes(cluster)
    was = any(one.zone == zone for one in wishing.cordons_in_force(before.cordons, now))
    after = wishing.without_cordon(before, zone, now)
    if was:
        desk.store.put_cluster_wishes(cluster, revision, after, asked(fields, f"uncordon {zone}"), now)
    return {**_tell_cluster(desk, cluster, after, now), "wasCordoned": was}


def _tell_cluster(
    desk: Desk, cluster: str, wishes: ClusterWishes, now: float, zone: str | None = None
) -> dict[str, Any]:
    """Kick every service of a cluster, and only then answer: what is wished of a cluster is in no service's record."""
    services = sorted(mark.service for mark in desk.store.services(cluster))
    for service in services:
        desk.kicks.kick(service, None, "cordon")
    return {
        "cluster": cluster,
        "cordons": answers.cordons(wishes.cordons, now),
        "services": len(services),
        "warnings": _about_zones(desk, services, wishes, now, zone),
    }


def _about_zones(desk: Desk, services: list[str], wishes: ClusterWishes, now: float, zone: str | None) -> list[str]:
    """Services that have no zone left, and a zone that no service has: its name may be misspelt."""
    try:
        overview = desk.store.overview(services)
    except (Poisoned, TransientError) as error:  # the cordon holds; that somebody's record is broken is no reason
        return [f"the zones of the services were not looked at: {error}"]
    declared = {name: one for name, (_, _, one) in overview.items() if one is not None and one.deleting_at is None}
    shut = [name for name, one in declared.items() if cautions.all_cordoned(one, wishes.cordons, now)]
    said: list[str] = []
    if shut:
        more = f" and {len(shut) - NAMED_SERVICES} more" if len(shut) > NAMED_SERVICES else ""
        named = ", ".join(sorted(shut)[:NAMED_SERVICES])
        said.append(f"no task starts any more for {named}{more}: all their zones are cordoned")
    zones = {name for one in declared.values() for name, _ in one.zones}
    if zone is not None and declared and ANY_ZONE not in zones and zone not in zones:
        said.append(f"no service of the cluster uses {zone}; they use {', '.join(sorted(zones))}")
    return said
