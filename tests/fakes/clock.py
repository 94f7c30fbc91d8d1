"""A clock that stands still until it is told."""

START = 1_790_000_000.0


class SettableClock:
    """Epoch seconds, moved by hand."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "time does not run backwards"
        self.now += seconds
