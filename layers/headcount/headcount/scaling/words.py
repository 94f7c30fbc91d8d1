"""How reasons of scaling are worded; see ``planning.words`` as well."""


def number(value: float) -> str:
    """``80``, ``48.9``: as exact as somebody who reads a reason needs it."""
    return f"{value:.6g}"
