"""What may happen to events between the service that sends them and the rule that matches them."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Delivery = tuple[float, dict[str, Any]]
EventFault = Callable[[Delivery], list[Delivery]]


@dataclass(slots=True, kw_only=True)
class Losing:
    """Loses each event with a probability, or every n-th."""

    rng: random.Random
    probability: float
    every: int | None
    seen: int = 0

    def __call__(self, delivery: Delivery) -> list[Delivery]:
        self.seen += 1
        if self.every is not None:
            return [] if self.seen % self.every == 0 else [delivery]
        return [] if self.rng.random() < self.probability else [delivery]


@dataclass(slots=True, kw_only=True)
class Duplicating:
    """Delivers every event `copies` more times; the copies carry the same id, as EventBridge's do."""

    copies: int

    def __call__(self, delivery: Delivery) -> list[Delivery]:
        return [delivery] * (1 + self.copies)


@dataclass(slots=True, kw_only=True)
class Delaying:
    """Adds between `minimum` and `maximum` seconds; a wide window shuffles the events that fall into it."""

    rng: random.Random
    minimum: float
    maximum: float

    def __call__(self, delivery: Delivery) -> list[Delivery]:
        delay, event = delivery
        return [(delay + self.rng.uniform(self.minimum, self.maximum), event)]
