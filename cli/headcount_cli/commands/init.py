"""``headcount init``."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from headcount_cli.control_client import Document
from headcount_cli.documents import STANDARD_INPUT
from headcount_cli.ecs_import import Imported, import_native, import_service
from headcount_cli.ecs_scaling import ScalingOfEcs, import_scaling, scaling_from_aws
from headcount_cli.ecs_services import from_ecs, from_file
from headcount_cli.failures import BadInput, Declined, Failure, InvalidManifests, NotReached
from headcount_cli.files import write_file
from headcount_cli.manifest_writing import comment, manifest_text
from headcount_cli.questionnaire import Answers, asked_manifest
from headcount_cli.session import Session
from headcount_cli.views.importing import import_view
from headcount_cli.views.words import plain

COMMENTS = {
    "cluster": "cluster and serviceName are the service's identity: changing one makes another service.",
    "taskDefinition": "family, family:revision or ARN. A family alone means its newest revision at apply.",
    "desiredCount": "A later apply changes the count only if this number changed, so that headcount scale holds.",
    "networkConfiguration": "Tasks are spread evenly over the subnets' Availability Zones.",
    "scaling": "Application Auto Scaling's own documents; docs/guides/scaling.md has what Headcount adds.",
    "propagateTags": "tags (below, if there are any) reach every task anyway.",
}
FURTHER = (
    "\n# More, at its defaults: take the # away from what you want to change. docs/guides/manifest.md has every key.\n"
    "# deploymentConfiguration: {minimumHealthyPercent: 100, maximumPercent: 200}\n"
    "# restarts: {initialSeconds: 5, maximumSeconds: 300, resetAfterSeconds: 600}\n"
    "# availabilityZoneSpread: BEST_EFFORT   # or STRICT: rather too few tasks than uneven zones\n"
    "# maximumAge: {seconds: 604800, jitterPercent: 10}   # replaces tasks that ran for a week\n"
    "# scaling:   # desiredCount is only where it starts then\n"
    "#   minCapacity: 2\n"
    "#   maxCapacity: 10\n"
    "#   policies:\n"
    "#     - targetValue: 50\n"
    "#       predefinedMetricSpecification: {predefinedMetricType: ECSServiceAverageCPUUtilization}\n"
    "# enableExecuteCommand: false\n"
    "# tags: [{key: team, value: media}]\n"
)

FromService = Annotated[
    str | None,
    typer.Option(
        "--from-ecs-service", metavar="NAME", help="Import this service of ECS; needs --cluster.", show_default=False
    ),
]
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--from-file",
        metavar="FILE",
        help="Import from the output of 'aws ecs describe-services'; - is standard input.",
        show_default=False,
    ),
]
Native = Annotated[
    bool, typer.Option("--native", help="Let ECS keep the service, and Headcount only scale it: kind NativeService.")
]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Where to write it; - is standard output.", show_default="NAME.yaml"),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]
Cluster = Annotated[str | None, typer.Option("--cluster", help="The cluster.", show_default=False)]
Name = Annotated[str | None, typer.Option("--name", help="The service's name.", show_default=False)]
TaskDefinition = Annotated[
    str | None,
    typer.Option("--task-definition", metavar="FAMILY", help="family or family:revision.", show_default=False),
]
Count = Annotated[int | None, typer.Option("--count", help="The desired count.", show_default=False)]
LaunchType = Annotated[
    str | None, typer.Option("--launch-type", metavar="FARGATE|EC2", help="Where tasks run.", show_default=False)
]
Subnets = Annotated[
    str | None, typer.Option("--subnets", metavar="IDS", help="Subnets, with commas between them.", show_default=False)
]
SecurityGroups = Annotated[
    str | None,
    typer.Option("--security-groups", metavar="IDS", help="Security groups, with commas.", show_default=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be written, and what is to be said of it."""

    manifest: Document
    text: str
    views: Sequence[RenderableType] = ()
    left_out: Sequence[Mapping[str, Any]] = ()
    problems: Sequence[Mapping[str, Any]] = ()


def init(
    session: Session,
    cluster: Cluster = None,
    name: Name = None,
    task_definition: TaskDefinition = None,
    count: Count = None,
    launch_type: LaunchType = None,
    subnets: Subnets = None,
    security_groups: SecurityGroups = None,
    service: FromService = None,
    file: FromFile = None,
    native: Native = False,
    to: To = None,
    force: Force = False,
) -> None:
    """Write a manifest to start from: from a few questions, or from a service of ECS.

    Asks for what no option says. Where nobody can answer, --name, --task-definition and, on Fargate, --subnets are
    needed. An import carries over what Headcount can keep, and names every other field with the reason: what ECS has
    of the service, and what Application Auto Scaling has. The service of ECS is only read: it goes on running.
    """
    given = Answers(
        cluster=cluster,
        name=name,
        task_definition=task_definition,
        count=None if count is None else str(count),
        launch_type=launch_type,
        subnets=subnets,
        security_groups=security_groups,
    )
    if service is None and file is None:
        if native:
            raise BadInput("--native is for a service that ECS has.", hint="Name it with --from-ecs-service.")
        manifest = asked_manifest(session, given)
        draft = Draft(manifest=manifest, text=manifest_text(manifest, comments=COMMENTS) + FURTHER)
    else:
        if given.beyond_cluster():
            raise BadInput("An import takes everything but --cluster from the service.", hint="Leave the others out.")
        draft = _imported(session, cluster, service, file, native=native)
    _write(session, draft, to, force=force)


def _imported(session: Session, cluster: str | None, name: str | None, file: Path | None, *, native: bool) -> Draft:
    definition: Document | None = None
    scaling: ScalingOfEcs | None = None
    unread = "Application Auto Scaling was not asked: --from-ecs-service carries its policies over."
    if file is not None:
        described = from_file(file, name)
        source = str(file)
    elif cluster is None:
        raise BadInput(
            "--from-ecs-service needs --cluster.", hint="headcount init --from-ecs-service web --cluster prod"
        )
    else:
        described, definition = from_ecs(session.connection, cluster, str(name))
        scaling, unread = _scaling_of(session, cluster, str(name))
        source = f"ECS service {cluster}/{name}"
    if cluster is not None:
        described = {**described, "clusterArn": cluster}
    imported = import_native(described) if native else import_service(described, definition)
    imported = _with_scaling(imported, scaling, unread)
    return Draft(
        manifest=imported.manifest,
        text=_imported_text(imported, source),
        views=[import_view(imported)],
        left_out=[one.as_document() for one in imported.left_out],
        problems=imported.problems,
    )


def _scaling_of(session: Session, cluster: str, name: str) -> tuple[ScalingOfEcs | None, str]:
    """Or why it could not be read: whoever may look at ECS alone can import the rest."""
    try:
        return scaling_from_aws(session.connection, cluster, name), ""
    except NotReached as denied:
        return None, f"Its scaling could not be read: {denied.message}"


def _with_scaling(imported: Imported, found: ScalingOfEcs | None, unread: str) -> Imported:
    if found is None:
        return replace(imported, notes=(*imported.notes, *([unread] if unread else [])))
    identity = {key: str(imported.manifest[key]) for key in ("kind", "cluster", "serviceName")}
    scaling = import_scaling(found, identity)
    return replace(
        imported,
        manifest={**imported.manifest, "scaling": scaling.block},
        carried=(*imported.carried, *scaling.carried),
        left_out=(*imported.left_out, *scaling.left_out),
        notes=(*imported.notes, *scaling.notes),
    )


def _imported_text(imported: Imported, source: str) -> str:
    head = [f"Imported from {source} by headcount init."]
    text = manifest_text(imported.manifest, head=head, comments=COMMENTS)
    declared = [one for one in imported.left_out if not one.is_state]
    lost = "".join(comment(f"{one.path}: {one.reason}") for one in declared)
    return text + (f"\n{comment('What could not be carried over:')}{lost}" if lost else "")


def _write(session: Session, draft: Draft, to: Path | None, *, force: bool) -> None:
    path = to or Path(f"{draft.manifest.get('serviceName', 'service')}.yaml")
    is_printed = str(path) == STANDARD_INPUT
    document = {"manifest": draft.manifest, "notCarriedOver": draft.left_out, "problems": draft.problems}
    for view in draft.views:
        if not session.output.json:
            session.output.notes.print(view)
    if is_printed and not session.output.json:
        session.output.raw(draft.text)
    elif not is_printed:
        _to_file(session, path, draft.text, force=force)
        document = {"file": str(path), **document}
    if draft.problems:
        failure = InvalidManifests(f"{path} is not complete: see to this first.", problems=draft.problems)
        failure.exit_code = Failure.exit_code
        if not session.output.json:
            raise failure
        session.output.document({**document, **failure.as_document()})
        raise typer.Exit(failure.exit_code)
    if session.output.json:
        session.output.document(document)
    elif not is_printed:  # not through a console that would break the path in two
        session.output.raw(f"Wrote {plain(path)}\nNext: headcount diff -f {shlex.quote(plain(path))}\n")


def _to_file(session: Session, path: Path, text: str, *, force: bool) -> None:
    is_there = os.path.lexists(path)  # Path.exists raises for names that are too long
    if is_there and not force and session.asks(yes=False):
        if not session.world.confirm(f"{path} is there already. Write over it?"):
            raise Declined("Nothing was written.")
        force = True
    write_file(path, text, force=force)
