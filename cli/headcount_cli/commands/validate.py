"""``headcount validate``."""

from rich.text import Text

from headcount_cli.commands.arguments import ManifestFiles, MoreFiles
from headcount_cli.failures import BadInput
from headcount_cli.manifests import read_manifests
from headcount_cli.session import Session


def validate(session: Session, files: ManifestFiles = None, more: MoreFiles = None) -> None:
    """Check manifests, without asking AWS. They may stand behind -f, as for apply.

    Every problem of every file is shown at once. The exit code is 2 when there is any.
    """
    named = [*(files or ()), *(more or ())]
    if not named:
        raise BadInput("Missing argument 'FILE'.", hint="See 'headcount validate --help'.")
    manifests = read_manifests(named)
    document = {"manifests": [{"file": manifest.file, "service": manifest.service} for manifest in manifests]}
    session.output.result(document, *(Text(f"{manifest.service} is valid: {manifest.file}") for manifest in manifests))
