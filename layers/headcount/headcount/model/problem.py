"""One thing wrong with something a person wrote."""

from typing import Any

from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A place, the value found there, and a sentence that says what is allowed.

    ``path`` is written as the user would write it: ``networkConfiguration.awsvpcConfiguration.subnets[0]``.
    """

    path: str
    message: str
    value: Any = None

    def as_document(self) -> dict[str, Any]:
        """The JSON form used in answers of ``control`` and in ``--output json``."""
        return {"path": self.path, "value": self.value, "message": self.message}

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
