"""``headcount validate``."""

from rich.text import Text

from headcount_cli.commands.arguments import ManifestFiles
from headcount_cli.manifests import read_manifests
from headcount_cli.session import Session


def validate(session: Session, files: ManifestFiles) -> None:
    """Check manifests, without asking AWS.

    Every problem of every file is shown at once. The exit code is 2 when there is any.
    """
    manifests = read_manifests(files)
    document = {"manifests": [{"file": manifest.file, "service": manifest.service} for manifest in manifests]}
    session.output.result(document, *(Text(f"{manifest.service} is valid: {manifest.file}") for manifest in manifests))
