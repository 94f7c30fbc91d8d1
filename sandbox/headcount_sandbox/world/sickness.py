"""How a target may behave badly towards its load balancer."""

import time
from dataclasses import dataclass, field
from typing import Literal, get_args

SickConduct = Literal["answer", "hang", "refuse", "slow_start", "flap"]
Conduct = Literal["well", "answer", "hang", "refuse"]
SICK_CONDUCTS: tuple[str, ...] = get_args(SickConduct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sickness:
    """`answer`s with `status`, `hang`s, `refuse`s connections, is in `slow_start` for so many seconds, or `flap`s:
    `status` for so many seconds, well for as many, and so on.
    """

    conduct: SickConduct
    status: int
    seconds: float
    began: float = field(default_factory=time.monotonic)

    def now(self, running_for: float) -> Conduct:
        """What it does at this moment; `running_for` is the age of the task in seconds."""
        match self.conduct:
            case "slow_start":
                return "refuse" if running_for < self.seconds else "well"
            case "flap":
                return "answer" if (time.monotonic() - self.began) // self.seconds % 2 == 0 else "well"
        return self.conduct
