"""What became of each field of an imported service."""

from rich.console import Group, RenderableType
from rich.text import Text

from headcount_cli.ecs_import import Imported
from headcount_cli.views.problems import ProblemsView
from headcount_cli.views.words import bullets, counted, heading, plain


def import_view(imported: Imported) -> RenderableType:
    """First what is lost, then what has to be thought of, at last what only tells how the service is."""
    carried = sorted({path.partition(".")[0].partition("[")[0] for path in imported.carried})
    parts: list[RenderableType] = [
        Text.assemble(("Carried over: ", "bold"), ", ".join(map(plain, carried)) or "nothing")
    ]
    lost = [one for one in imported.left_out if not one.is_state]
    if lost:
        parts += [heading(f"Not carried over: {counted(len(lost), 'field')}")]
        parts.append(ProblemsView(tuple(one.as_row() for one in lost)))
    if imported.notes:
        parts += [heading("To think of"), bullets(imported.notes)]
    state = [one.path for one in imported.left_out if one.is_state]
    if state:
        parts.append(Text(f"\nTells how it is, not how it should be: {', '.join(map(plain, state))}", style="dim"))
    return Group(*parts, Text(""))
