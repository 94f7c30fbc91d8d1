"""What an apply of manifests would do: control's answers to dry runs, and the services that no manifest declares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headcount_cli.control_client import ControlClient, Document
from headcount_cli.failures import Failure, InvalidManifests, Refused
from headcount_cli.manifests import DeclaredManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One manifest, and control's answer to its dry run."""

    manifest: DeclaredManifest
    answer: Document

    @property
    def is_empty(self) -> bool:
        return not self.answer.get("created") and not self.answer.get("changes")


def dry_runs(control: ControlClient, manifests: Sequence[DeclaredManifest]) -> list[Change]:
    """Asks about every manifest before the first is applied, so that one refused manifest changes nothing."""
    changes: list[Change] = []
    refusals: list[tuple[DeclaredManifest, Refused]] = []
    for manifest in manifests:
        try:
            changes.append(Change(manifest=manifest, answer=control.apply(manifest.document, dry_run=True)))
        except Refused as refused:
            refusals.append((manifest, refused))
    if len(refusals) == 1:
        raise refusals[0][1]
    if refusals:
        raise _all_refusals(refusals)
    return changes


def _all_refusals(refusals: Sequence[tuple[DeclaredManifest, Refused]]) -> Failure:
    rows: list[dict[str, Any]] = []
    for manifest, refused in refusals:
        problems = refused.problems or ({"path": "", "value": None, "message": refused.message},)
        rows += [{"file": manifest.file, **problem} for problem in problems]
    failure = InvalidManifests(f"{len(refusals)} manifests were refused. Nothing was changed.", problems=rows)
    failure.exit_code = max(refused.exit_code for _, refused in refusals)
    return failure


def undeclared(control: ControlClient, manifests: Sequence[DeclaredManifest]) -> list[Document]:
    """Services of the clusters that the manifests name which none of them declares, as ``list`` tells them."""
    declared = {manifest.service for manifest in manifests}
    clusters = sorted({manifest.service.partition("/")[0] for manifest in manifests})
    services = [service for cluster in clusters for service in control.list_services(cluster).get("services") or []]
    return [one for one in services if one.get("service") not in declared and one.get("state") != "DELETING"]
