"""``headcount export``."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from headcount_cli.commands.arguments import Service, named
from headcount_cli.control_client import Document
from headcount_cli.ecs_export import create_service
from headcount_cli.failures import Failure
from headcount_cli.files import write_file
from headcount_cli.manifest_writing import manifest_text, without_defaults
from headcount_cli.session import Session
from headcount_cli.views.problems import ProblemsView
from headcount_cli.views.words import is_native


class Form(StrEnum):
    """What is written of a service."""

    STATE = "state"
    MANIFEST = "manifest"
    ECS_SERVICE = "ecs-service"


As = Annotated[
    Form,
    typer.Option(
        "--as",
        metavar="state|manifest|ecs-service",
        help="The whole state, what was declared, or a request for ECS's own CreateService.",
    ),
]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Where to write it.", show_default="standard output"),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def export(session: Session, service: Service, form: As = Form.STATE, to: To = None, force: Force = False) -> None:
    """Write a service down: its state, its manifest, or how ECS would have it.

    The state is all that a pass decides on: headcount plan --from-file reads it. It holds the values of environment
    variables that stand in the manifest's overrides. What ECS's CreateService cannot say is named on standard error.
    """
    answer = session.control().export(named(service))
    if form is not Form.STATE and not answer.get("manifest"):
        raise Failure(f"Nothing declares {service} any more: there is only its state.")
    document, text = _written(session, form, answer)
    if to is not None:
        write_file(to, text, force=force)
        session.output.note(f"Wrote {to}.")
        session.output.result({"service": answer.get("service"), "file": str(to), "as": form.value})
    elif session.output.json:
        session.output.document(document)
    else:
        session.output.raw(text)


def _written(session: Session, form: Form, answer: Document) -> tuple[Document, str]:
    """The document for programs, and the text of the file."""
    if form is Form.STATE:
        return answer, _json(answer)
    if form is Form.MANIFEST:
        manifest = without_defaults(answer["manifest"])
        return manifest, manifest_text(manifest, head=_about(answer))
    if is_native(answer["manifest"]):
        raise Failure(f"{answer.get('service')} is a service of ECS already: aws ecs describe-services has it.")
    made = create_service(answer)
    if made.left_out and not session.output.json:
        session.output.notes.print(Text("CreateService cannot say this:", style="bold"))
        session.output.notes.print(ProblemsView(tuple(one.as_row() for one in made.left_out)))
    left_out = [one.as_document() for one in made.left_out]
    return {"createService": made.request, "notCarriedOver": left_out}, _json(made.request)


def _about(answer: Document) -> list[str]:
    about = [f"{answer.get('service')} as it was declared, exported {answer.get('exportedAt')}."]
    desired = ((answer.get("state") or {}).get("capacity") or {}).get("desired_count")
    if desired not in (None, answer["manifest"].get("desiredCount")):
        scaled = "" if answer["manifest"].get("scaling") else ": somebody scaled it since"
        about.append(f"Its desired count was {desired} then{scaled}.")
    return about


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, default=str) + "\n"
