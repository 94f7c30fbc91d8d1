"""What can go wrong, as far as a caller treats it differently.

HeadcountError
├── TransientError      deliver the message again: throttled, timed out, the other side failed
│   ├── Throttled       AWS asked for patience: look again later, with jitter
│   └── NewerSchema     a record written by a newer version of Headcount: not for this reader
├── TerminalError       no retry helps: once its deliveries are used up, the message is a dead letter
│   └── Poisoned        a message or record that no version can read
├── Superseded          a newer pass of the same service has begun: stop quietly
├── Conflict            somebody else changed the record first: read again and decide again
└── Refused             a request of a user that cannot be done, with all its problems
"""

from headcount.model.problem import Problem


class HeadcountError(Exception):
    """Everything that Headcount raises on purpose."""


class TransientError(HeadcountError):
    """The same call may succeed later; nothing is known about whether it took effect."""


class Throttled(TransientError):
    """AWS refused for the rate of calls; the call took no effect."""


class NewerSchema(TransientError):
    """A record has a schema version that this reader does not know: a newer layer will read it."""


class TerminalError(HeadcountError):
    """No retry will help."""


class Poisoned(TerminalError):
    """A message that cannot be understood. Says the place, the value and what is allowed."""


class Superseded(HeadcountError):
    """The pass is not the newest of its service; the newer one does the work."""


class Conflict(HeadcountError):
    """A compare-and-set lost against another writer."""


class Refused(HeadcountError):
    """A user's request that cannot be done. ``error_type`` is one of ``docs/contracts.md``'s."""

    def __init__(self, error_type: str, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.problems = problems
