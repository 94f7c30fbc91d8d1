"""Writing files that users name, without losing what is there."""

from pathlib import Path

from headcount_cli.failures import BadInput


def write_file(path: Path, text: str, *, force: bool) -> None:
    """Raises ``BadInput`` where a file is there and ``force`` is not given, or where none can be."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise BadInput(f"{path} is there already.", hint="Write over it with --force, or name another file.") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise BadInput(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
