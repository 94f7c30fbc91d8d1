"""The report as one page that needs nothing beside it: pictures are part of it."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report import amount


def write_page(path: Path, document: Mapping[str, Any]) -> None:
    """``document``: what ``report.write`` wrote. Pictures are looked for beside ``path``."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["amount"] = amount
    page = templates.get_template("report.html.jinja")
    path.write_text(page.render(document, goals=_goals(document), picture=lambda name: _inline(path.parent / name)))


def _goals(document: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """What is promised, each with its part; what is missed first."""
    promised = [
        (part, found) for part in document["parts"] for found in part["findings"]["measurements"] if found["verdict"]
    ]
    return sorted(promised, key=lambda one: one[1]["verdict"] != "missed")


def _inline(picture: Path) -> str:
    """The address of a picture that carries the picture itself."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
