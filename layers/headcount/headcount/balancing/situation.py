"""What every rule of this part asks: what is declared, what is there, and whose it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headcount.balancing.declared import DeclaredBalancing
from headcount.balancing.naming import as_tags, is_ours, tags_of
from headcount.balancing.resources import BalancingView, Document, Found, Step
from headcount.model.service import Level
from headcount.model.target import OwnedResource

Said = Iterator[Step | str | OwnedResource]
"""Steps; problems: a sentence each; and what is as it is declared."""

FORWARD_TO = "TargetGroup"  # what a manifest says instead of an ARN


@dataclass(frozen=True)
class Situation:
    """The view of one look, with what is declared for it (nothing, while a service ends)."""

    view: BalancingView
    declared: DeclaredBalancing

    @property
    def service(self) -> str:
        return self.view.declared.manifest.service

    @property
    def install(self) -> str:
        return self.view.install

    @cached_property
    def tags(self) -> list[dict[str, str]]:
        """What everything created carries."""
        return as_tags(tags_of(self.service, self.install))

    def is_ours(self, found: Found) -> bool:
        return is_ours(found, self.service, self.install)

    def tagged(self, request: Document) -> dict[str, Any]:
        """A request to create something, with the user's tags and ours."""
        return {**request, "Tags": [*request.get("Tags", ()), *self.tags]}

    def group_arn(self, group: str) -> str | None:
        """The ARN of a target group that is named by its ARN, or declared and there; None: not yet."""
        if group.startswith("arn:"):
            return group
        found = self.view.seen.group_named(group)
        return found.arn if found is not None and self.is_ours(found) else None

    def resolved(self, actions: Any) -> Any:
        """Actions with ARNs for the names of target groups; None while one of them does not exist."""
        if isinstance(actions, Mapping):
            parts = {name: self.resolved(value) for name, value in actions.items() if name != FORWARD_TO}
            if FORWARD_TO in actions:
                parts[f"{FORWARD_TO}Arn"] = self.group_arn(actions[FORWARD_TO])
            return None if None in parts.values() else parts
        if isinstance(actions, list | tuple):
            items = [self.resolved(one) for one in actions]
            return None if None in items else items
        return actions

    @cached_property
    def marks(self) -> dict[tuple[str, str], str]:
        """Of the declarations that resources were last found to be as declared by."""
        return {(one.kind, one.key): one.mark for one in self.view.before.owned}

    def kept(self, wanted: OwnedResource, corrections: Iterable[Step | str]) -> Said:
        """The corrections of a resource; that it is as declared where there are none."""
        some = tuple(corrections)
        yield from some or (wanted,)

    def is_drift(self, wanted: OwnedResource) -> bool:
        """Whether somebody else changed what differs: it was as it is declared now."""
        return self.marks.get((wanted.kind, wanted.key)) == wanted.mark

    def correction(self, what: str, wanted: OwnedResource, differences: str) -> str:
        """Why something is changed; what was only just created is not yet as declared, and nobody changed it."""
        declared_before = "declared anew: " if self.marks.get((wanted.kind, wanted.key)) else ""
        return (
            f"correcting {what}: {'somebody changed it: ' if self.is_drift(wanted) else declared_before}{differences}"
        )

    def correction_level(self, wanted: OwnedResource) -> Level:
        return "WARN" if self.is_drift(wanted) else "INFO"
